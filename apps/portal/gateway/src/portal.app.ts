import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import type { ServiceOptions } from '@rebelcore/service/bootstrap';
import { mergeDocuments } from './api-document.js';
import type { PortalConfig } from './portal.config.js';
import { PortalModule } from './portal.module.js';
import { installGateway } from './proxy.js';
import { Services } from './services.js';

/** The gateway as a service, for its process and for tests. */
export const portalApp = (config: PortalConfig): ServiceOptions => ({
  name: 'portal',
  module: PortalModule.forRoot(config),
  config,
  configure: async (app) => {
    await installGateway(app.getHttpAdapter().getInstance(), config);
    publishDocuments(app, config);
  },
});

function publishDocuments(app: NestFastifyApplication, config: PortalConfig): void {
  const services = app.get(Services);
  SwaggerModule.setup('docs', app, mergeDocuments([], config.PUBLIC_URL), {
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
    patchDocumentOnRequest: () => services.openApi(),
  });
}
