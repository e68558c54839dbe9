import type { PortalConfig } from './portal.config.js';

export const SERVICES = ['identity', 'token', 'audit', 'inference'] as const;
export type Service = (typeof SERVICES)[number];

/**
 * How a caller shows who it is:
 * - `own`: its own Authorization header passes untouched: applications, the platform operator, nobody in particular;
 * - `session`: the session cookie is exchanged for a short-lived token, which takes the place of that header;
 * - `enrolling`: the same, and where the session may only enrol a second factor yet, the cookie itself goes upstream;
 * - `cookie`: the cookie itself goes upstream: signing in, signing out, one's own sessions.
 */
export type Credentials = 'own' | 'session' | 'enrolling' | 'cookie';

/**
 * How often one source may ask in a minute: without a session, where guessing could pay (`guessing`), as a person or a
 * script with a session (`managing`), or as often as the service can answer.
 */
export type Rate = 'guessing' | 'managing' | 'unlimited';

/** What stands in the way of a request to a group of addresses, and on whose behalf it is asked. */
export interface RouteGroup {
  readonly service: Service;
  readonly credentials: Credentials;
  readonly rate: Rate;
  /** Bytes: twice of what the service takes, so that it is the one to refuse, and to record that. */
  readonly largestBody: number;
  /** Milliseconds until the answer begins, and between two parts of it. */
  readonly answerTimeout: number;
  /** Connections to the service, which no other group takes. */
  readonly connections: number;
  /** Requests that may be under way for one customer; of all it may be four times as many as there are connections. */
  readonly mostOfOne: number;
  /** The emergency stop: it does not wait behind anything else. */
  readonly isUrgent?: true;
  /** Begins at once, is open for as long as it may, and does not renew the idle hour of a session: nobody need be looking. */
  readonly isStream?: true;
  /** Says what is still in circulation of an API user's tokens, which the service does not know: see live-tokens.ts. */
  readonly addsLiveTokens?: true;
  /** Each stands for itself and all below it; `:name` for any segment. The longest that matches counts. */
  readonly prefixes: readonly string[];
}

const KIB = 1024;
/** The time is longer than the slowest answer on purpose: a deactivation waits up to 5 s for its confirmation. */
const USUAL = { largestBody: 128 * KIB, answerTimeout: 15_000, connections: 128, mostOfOne: 48 } as const;
const TOKEN = { ...USUAL, service: 'token', largestBody: 32 * KIB } as const;
const IDENTITY = { ...USUAL, service: 'identity' } as const;
const AUDIT = { ...USUAL, service: 'audit', credentials: 'session', rate: 'managing' } as const;

/** Everything that the one origin offers of the services. What is not here, `/internal` above all, is not reachable. */
export const ROUTES: readonly RouteGroup[] = [
  { ...TOKEN, credentials: 'own', rate: 'unlimited', prefixes: ['/api/v1/authorize', '/oauth2', '/.well-known'] },
  {
    ...USUAL,
    service: 'inference',
    largestBody: 2_048 * KIB,
    credentials: 'own',
    rate: 'unlimited',
    prefixes: ['/api/v1/infer', '/.well-known/oauth-protected-resource'],
  },
  { ...IDENTITY, credentials: 'own', rate: 'managing', prefixes: ['/api/v1/customers'] },
  {
    ...IDENTITY,
    credentials: 'own',
    rate: 'guessing',
    prefixes: ['/api/v1/invites', '/api/v1/hand-overs/:id/open', '/api/v1/credentials/report-leak'],
  },
  { ...IDENTITY, credentials: 'cookie', rate: 'guessing', prefixes: ['/api/v1/sessions'] },
  { ...IDENTITY, credentials: 'enrolling', rate: 'managing', prefixes: ['/api/v1/me'] },
  {
    ...IDENTITY,
    credentials: 'session',
    rate: 'managing',
    prefixes: ['/api/v1/users', '/api/v1/api-users', '/api/v1/roles', '/api/v1/hand-overs'],
  },
  {
    ...IDENTITY,
    credentials: 'session',
    rate: 'managing',
    addsLiveTokens: true,
    isUrgent: true,
    connections: 256,
    prefixes: ['/api/v1/users/:id/deactivate', '/api/v1/users/:id/reactivate'],
  },
  { ...AUDIT, prefixes: ['/api/v1/activity', '/api/v1/api-users/usage', '/api/v1/api-users/:id/usage'] },
  // Its heartbeat comes every 5 s. Each open one holds a connection.
  { ...AUDIT, isStream: true, connections: 4_096, mostOfOne: 1_024, prefixes: ['/api/v1/activity/stream'] },
];

export const upstreamOf = (service: Service, config: PortalConfig): string =>
  ({
    identity: config.IDENTITY_URL,
    token: config.TOKEN_URL,
    audit: config.AUDIT_URL,
    inference: config.INFERENCE_URL,
  })[service];

/**
 * The group of a path, as the router finds it.
 *
 * @param path of a request, or of an OpenAPI document: `/api/v1/users/{id}`
 */
export function groupOf(path: string): RouteGroup | undefined {
  const segments = path.split('/');
  const matches = ROUTES.flatMap((group) =>
    group.prefixes
      .map((prefix) => prefix.split('/'))
      .filter((prefix) => prefix.every((part, at) => part === segments[at] || (part.startsWith(':') && segments[at])))
      .map(({ length }) => ({ group, length })),
  );
  return matches.sort((one, other) => other.length - one.length)[0]?.group;
}

/** True for the path of a document's operation that the gateway offers for this service. */
export const isOffered = (service: Service, path: string): boolean => groupOf(path)?.service === service;

/**
 * A path that means the same to every parser: dot segments, doubled slashes, backslashes and absolute forms could be
 * routed here as one address and asked for upstream as another.
 */
export function isPlainPath(url: string): boolean {
  const path = url.split('?', 1)[0] ?? '';
  if (!path.startsWith('/') || path.includes('//') || /%(?:2f|5c|00)/i.test(path)) return false;
  return URL.parse(url, 'http://gateway.invalid')?.pathname === path;
}
