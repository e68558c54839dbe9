import type { ServiceOptions } from '@rebelcore/service/bootstrap';
import { publishDocument } from '@rebelcore/service/published-document';
import { installCookies } from '@rebelcore/service/session-cookie';
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
    publishDocument(app, app.get(Services).document);
  },
});
