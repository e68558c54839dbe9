import helmet, { type HelmetOptions } from 'helmet';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Writes the headers that tell a browser what an answer may do. */
export type SecurityHeaders = (request: IncomingMessage, response: ServerResponse) => void;

const NONE = ["'none'"];
const SELF = ["'self'"];
const NOTHING = { defaultSrc: NONE, baseUri: NONE, formAction: NONE, frameAncestors: NONE };
/** Documents of the API are read by programs; a browser that shows one runs and loads nothing. */
const API = NOTHING;
/** The documentation page runs scripts of its own origin, and its styles stand in the page. */
const DOCUMENTATION = {
  ...NOTHING,
  scriptSrc: SELF,
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", 'data:'],
  fontSrc: SELF,
  connectSrc: SELF,
};
/** The portal: no style in an element or attribute, and no text that becomes script. */
const PAGES = {
  ...NOTHING,
  scriptSrc: SELF,
  styleSrc: SELF,
  imgSrc: SELF,
  fontSrc: SELF,
  connectSrc: SELF,
  requireTrustedTypesFor: ["'script'"],
  trustedTypes: NONE,
};
const PERMISSIONS = 'camera=(), geolocation=(), microphone=()';
const TWO_YEARS_S = 63_072_000;

/**
 * By the path of a request, so that they are the same whoever answers it: a service, a page, or Fastify below its hooks.
 *
 * @param https whether browsers reach the gateway by https, which they then keep to
 */
export function securityHeaders(https: boolean): SecurityHeaders {
  const [api, documentation, pages] = [API, DOCUMENTATION, PAGES].map((directives) =>
    helmet(options(directives, https)),
  );
  return (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const write = isBelow('/docs', path) ? documentation : isPage(path) ? pages : api;
    write?.(request, response, () => undefined);
    // Not among those that helmet knows.
    response.setHeader('permissions-policy', PERMISSIONS);
  };
}

const options = (directives: Record<string, string[]>, https: boolean): HelmetOptions => ({
  contentSecurityPolicy: { useDefaults: false, directives },
  xFrameOptions: { action: 'deny' },
  strictTransportSecurity: https && { maxAge: TWO_YEARS_S },
});

const isBelow = (prefix: string, path: string): boolean => path === prefix || path.startsWith(`${prefix}/`);

const PROGRAMS = [
  '/api',
  '/oauth2',
  '/.well-known',
  '/health',
  '/internal',
  '/metrics',
  '/openapi.json',
  '/openapi.yaml',
];

/** Whatever no program asks for is an address within the portal. */
export const isPage = (path: string): boolean => ![...PROGRAMS, '/docs'].some((prefix) => isBelow(prefix, path));
