import type { IncomingHttpHeaders } from 'node:http';

/** Its prefix makes browsers take it from this very host only, over TLS, for all paths. */
export const SESSION_COOKIE = '__Host-session';
const ATTRIBUTES = 'Path=/; HttpOnly; Secure; SameSite=Strict';

/** The `Set-Cookie` that hands a session to the browser, and the one that takes it back. */
export const openSessionCookie = (token: string): string => `${SESSION_COOKIE}=${token}; ${ATTRIBUTES}`;
export const CLEARED_SESSION_COOKIE = `${SESSION_COOKIE}=; ${ATTRIBUTES}; Max-Age=0`;

/**
 * The session's token in a request, when there is exactly one and it is well-formed. Not `@fastify/cookie`: it keeps the
 * first of two cookies with one name and decodes values, so a token would have many spellings and a doubled one be taken.
 */
export function sessionTokenOf(headers: IncomingHttpHeaders): string | undefined {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const [own, another] = pairs.filter((pair) => pair.startsWith(`${SESSION_COOKIE}=`));
  if (own === undefined || another !== undefined) return undefined;
  const token = own.slice(SESSION_COOKIE.length + 1);
  return /^[A-Za-z0-9_-]{43}$/.test(token) ? token : undefined;
}
