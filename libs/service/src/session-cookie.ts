import cookie, { type CookieSerializeOptions } from '@fastify/cookie';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Its prefix makes browsers take it from this very host only, over TLS, for all paths. */
export const SESSION_COOKIE = '__Host-session';
/** How every cookie of ours is set and cleared, and read: as it is written. Decoded, one token would have many spellings. */
const OPTIONS: CookieSerializeOptions & { readonly decode: (value: string) => string } = {
  path: '/',
  httpOnly: true,
  secure: true,
  sameSite: 'strict',
  decode: (value) => value,
};

/** To be installed before the routes that read or set cookies. */
export const installCookies = async (fastify: FastifyInstance): Promise<void> => {
  await fastify.register(cookie, { parseOptions: OPTIONS });
};

/** Hands a session to the browser. */
export const openSessionCookie = (reply: FastifyReply, token: string): FastifyReply =>
  reply.setCookie(SESSION_COOKIE, token);

/** Takes it back. */
export const clearSessionCookie = (reply: FastifyReply): FastifyReply => reply.clearCookie(SESSION_COOKIE);

const ITS_NAME = new RegExp(`(?:^|;)[ \\t]*${SESSION_COOKIE}[ \\t]*=`, 'g');

/**
 * The session's token in a request, when there is exactly one and it is well-formed. The parser keeps the first of two
 * cookies with one name, and whoever could add one would choose the session.
 */
export function sessionTokenOf({ headers, cookies }: FastifyRequest): string | undefined {
  if ((headers.cookie ?? '').match(ITS_NAME)?.length !== 1) return undefined;
  const token = cookies[SESSION_COOKIE];
  return token !== undefined && /^[A-Za-z0-9_-]{43}$/.test(token) ? token : undefined;
}
