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
