import type { IncomingHttpHeaders } from 'node:http';
import { CORRELATION_HEADER } from '@rebelcore/service/correlation';

const SESSION_COOKIE = '__Host-session';

/** Meant for one connection, or said by us alone: where a request came from is not for its sender to tell. */
const NOT_FORWARDED =
  /^(?:connection|keep-alive|proxy-.+|te|trailer|transfer-encoding|upgrade|http2-settings|expect|forwarded|via|x-forwarded.*|x-real-ip|x-client-ip|true-client-ip|cf-connecting-ip|cookie)$/;
const NOT_RETURNED =
  /^(?:connection|keep-alive|proxy-.+|te|trailer|transfer-encoding|upgrade|via|server|x-powered-by)$/;

export interface Origin {
  readonly method: string;
  /** The peer's address. */
  readonly ip: string;
  readonly correlationId: string;
  readonly scheme: string;
  /** The Authorization that counts upstream; undefined for none. */
  readonly authorization: string | undefined;
  /** The session's cookie, where the service is to see it. */
  readonly sessionCookie: string | undefined;
}

/** What a service receives: the caller's headers without those of the connection, and what the gateway knows. */
export function toUpstream(headers: IncomingHttpHeaders, origin: Origin): IncomingHttpHeaders {
  const passed = Object.fromEntries(Object.entries(headers).filter(([name]) => !NOT_FORWARDED.test(name)));
  delete passed.authorization;
  // A body has no meaning there and is not read, so none may be announced.
  if (origin.method === 'GET' || origin.method === 'HEAD') delete passed['content-length'];
  if (origin.authorization !== undefined) passed.authorization = origin.authorization;
  if (origin.sessionCookie !== undefined) passed.cookie = `${SESSION_COOKIE}=${origin.sessionCookie}`;
  passed['x-forwarded-for'] = origin.ip;
  passed['x-forwarded-proto'] = origin.scheme;
  passed[CORRELATION_HEADER] = origin.correlationId;
  return passed;
}

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

/** The session's token in the cookies, when there is exactly one and it is well-formed. */
export function sessionCookieOf(headers: IncomingHttpHeaders): string | undefined {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const [own, another] = pairs.filter((pair) => pair.startsWith(`${SESSION_COOKIE}=`));
  if (own === undefined || another !== undefined) return undefined;
  const value = own.slice(SESSION_COOKIE.length + 1);
  return /^[A-Za-z0-9_-]{16,256}$/.test(value) ? value : undefined;
}
