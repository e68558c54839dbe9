import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import type { ServiceOptions } from '@rebelcore/service/bootstrap';
import { installCookies } from '@rebelcore/service/session-cookie';
import { mergeDocuments } from './api-document.js';
import type { PortalConfig } from './portal.config.js';
import { PortalModule } from './portal.module.js';
import { installGateway } from './proxy.js';
import { securityHeaders } from './security-headers.js';
import { Services } from './services.js';
import { serveWebApp } from './web-app.js';

/** The gateway as a service, for its process and for tests. */
export const portalApp = (config: PortalConfig): ServiceOptions => ({
  name: 'portal',
  module: PortalModule.forRoot(config),
  config,
  securityHeaders: securityHeaders(config.PUBLIC_URL.startsWith('https:')),
  configure: async (app) => {
    const fastify = app.getHttpAdapter().getInstance();
    await installCookies(fastify);
    await installGateway(fastify, config);
    await serveWebApp(fastify, config.WEB_ROOT);
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
