import type { PortalConfig } from './portal.config.js';

export const SERVICES = ['identity', 'token', 'audit', 'inference'] as const;
export type Service = (typeof SERVICES)[number];

/**
 * How a caller shows who it is:
 * - `own`: its own Authorization header passes untouched: applications, the platform operator, nobody in particular;
 * - `session`: the session cookie is exchanged for a short-lived token, which takes the place of that header;
 * - `cookie`: the cookie itself goes upstream: signing in, signing out.
 */
export type Credentials = 'own' | 'session' | 'cookie';

export interface RouteGroup {
  readonly service: Service;
  readonly credentials: Credentials;
  /** Each stands for itself and all below it. */
  readonly prefixes: readonly string[];
}

/** Everything that the one origin offers of the services. What is not here, `/internal` above all, is not reachable. */
export const ROUTES: readonly RouteGroup[] = [
  { service: 'token', credentials: 'own', prefixes: ['/api/v1/authorize', '/oauth2', '/.well-known'] },
  { service: 'inference', credentials: 'own', prefixes: ['/api/v1/infer'] },
  { service: 'identity', credentials: 'own', prefixes: ['/api/v1/customers', '/api/v1/invites'] },
  { service: 'identity', credentials: 'cookie', prefixes: ['/api/v1/sessions'] },
  {
    service: 'identity',
    credentials: 'session',
    prefixes: ['/api/v1/me', '/api/v1/users', '/api/v1/api-users', '/api/v1/roles'],
  },
  { service: 'audit', credentials: 'session', prefixes: ['/api/v1/activity'] },
];

export const upstreamOf = (service: Service, config: PortalConfig): string =>
  ({
    identity: config.IDENTITY_URL,
    token: config.TOKEN_URL,
    audit: config.AUDIT_URL,
    inference: config.INFERENCE_URL,
  })[service];

/** True for the path of a document's operation that the gateway offers for this service. */
export const isOffered = (service: Service, path: string): boolean =>
  ROUTES.some(
    (group) =>
      group.service === service && group.prefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}/`)),
  );

/**
 * A path that means the same to every parser: dot segments, doubled slashes, backslashes and absolute forms could be
 * routed here as one address and asked for upstream as another.
 */
export function isPlainPath(url: string): boolean {
  const path = url.split('?', 1)[0] ?? '';
  if (!path.startsWith('/') || path.includes('//') || /%(?:2f|5c|00)/i.test(path)) return false;
  return URL.parse(url, 'http://gateway.invalid')?.pathname === path;
}
