import type { IncomingHttpHeaders } from 'node:http';

const NAME = '__Host-session';
const ATTRIBUTES = 'Path=/; HttpOnly; Secure; SameSite=Strict';

export const sessionCookie = (token: string): string => `${NAME}=${token}; ${ATTRIBUTES}`;
export const CLEARED_COOKIE = `${NAME}=; ${ATTRIBUTES}; Max-Age=0`;

/** The session's token in a Cookie header, when there is exactly one and it is well-formed. */
export function sessionTokenOf(headers: IncomingHttpHeaders): string | undefined {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const [own, another] = pairs.filter((pair) => pair.startsWith(`${NAME}=`));
  if (own === undefined || another !== undefined) return undefined;
  const token = own.slice(NAME.length + 1);
  return /^[A-Za-z0-9_-]{43}$/.test(token) ? token : undefined;
}
