import type { IncomingHttpHeaders } from 'node:http';
import { SESSION_COOKIE } from '@rebelcore/service/session-cookie';

/** Meant for one connection, or said by us alone: where a request came from is not for its sender to tell. */
const NOT_FORWARDED =
  /^(?:connection|keep-alive|proxy-.+|te|trailer|transfer-encoding|upgrade|http2-settings|expect|forwarded|via|x-forwarded.*|x-real-ip|x-client-ip|true-client-ip|cf-connecting-ip|cookie)$/;

export interface ForwardedRequest {
  readonly method: string;
  /** The peer's address. */
  readonly ip: string;
  readonly scheme: string;
  /** The caller's own; undefined for none. */
  readonly contentType: string | undefined;
  /** Bytes that are announced; undefined for a request without a body. */
  readonly contentLength: number | undefined;
  /** The Authorization that counts upstream; undefined for none. */
  readonly authorization: string | undefined;
  /** The session's cookie, where the service is to see it. */
  readonly sessionCookie: string | undefined;
}

/** What a service receives: the caller's headers without those of the connection, and what the gateway knows. */
export function toUpstream(headers: IncomingHttpHeaders, request: ForwardedRequest): IncomingHttpHeaders {
  const passed = Object.fromEntries(Object.entries(headers).filter(([name]) => !NOT_FORWARDED.test(name)));
  delete passed.authorization;
  delete passed['content-type'];
  if (request.contentType !== undefined) passed['content-type'] = request.contentType;
  // A body has no meaning with some methods and is not read, so none may be announced.
  delete passed['content-length'];
  if (request.contentLength !== undefined) passed['content-length'] = String(request.contentLength);
  if (request.authorization !== undefined) passed.authorization = request.authorization;
  if (request.sessionCookie !== undefined) passed.cookie = `${SESSION_COOKIE}=${request.sessionCookie}`;
  passed['x-forwarded-for'] = request.ip;
  passed['x-forwarded-proto'] = request.scheme;
  return passed;
}
