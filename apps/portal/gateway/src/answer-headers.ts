/** Of one connection, or of no use to anybody outside. */
const NOT_RETURNED =
  /^(?:connection|keep-alive|proxy-.+|te|trailer|transfer-encoding|upgrade|via|server|x-powered-by)$/;

/** What the caller receives. `mayChangeSession`: only then may a service set cookies. */
export function toCaller<T extends object>(headers: T, mayChangeSession: boolean): T {
  const named: unknown = Reflect.get(headers, 'connection');
  const perConnection = new Set(
    (typeof named === 'string' ? named : '').split(',').map((name) => name.trim().toLowerCase()),
  );
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => !NOT_RETURNED.test(name) && !perConnection.has(name) && (mayChangeSession || name !== 'set-cookie'),
    ),
  ) as T;
}

// Not `@fastify/helmet`: it writes before a request is handled, so that a header of a service, or of the documentation page,
// would win; it knows no permissions-policy, and one hook for the CSP of each path would be needed beside it.
const ALWAYS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};
const NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** The documentation page runs scripts of its own origin, and its styles stand in the page. */
const DOCUMENTATION = `${NOTHING}; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'`;
const TWO_YEARS_S = 63_072_000;

/** The headers that every answer carries, whoever made it. */
export function securityHeaders(path: string, https: boolean): Readonly<Record<string, string>> {
  const isDocumentation = path === '/docs' || path.startsWith('/docs/') || path.startsWith('/docs?');
  return {
    ...ALWAYS,
    'content-security-policy': isDocumentation ? DOCUMENTATION : NOTHING,
    ...(https && { 'strict-transport-security': `max-age=${TWO_YEARS_S}; includeSubDomains` }),
  };
}
