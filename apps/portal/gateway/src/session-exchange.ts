import { CORRELATION_HEADER } from '@rebelcore/service/correlation';
import { SESSION_COOKIE, sessionTokenOf } from '@rebelcore/service/session-cookie';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Credentials } from './routes.js';

const answer = z.object({ token: z.string().min(1) });
const TIMEOUT_MS = 3_000;

/** Identity could not be asked; nothing is known about the session. */
class ExchangeFailed extends Error {}

/**
 * The Authorization that a service is to see. Where a session counts and there is one, even one that is over, it wins over
 * the caller's own header. Without any, the header passes, so that the service can refuse and record what was tried.
 *
 * @throws {ExchangeFailed}
 */
export async function authorizationFor(
  request: FastifyRequest,
  credentials: Credentials,
  identityUrl: string,
): Promise<string | undefined> {
  const session = credentials === 'session' ? sessionTokenOf(request.headers) : undefined;
  if (session === undefined) return request.headers.authorization;
  const token = await exchangeSession(identityUrl, session, request);
  return token === undefined ? undefined : `Bearer ${token}`;
}

/**
 * Trades a session's cookie for the token (at most 60 s) by which services know the portal user. Each request asks
 * anew, so that changed permissions and a sign-out count from the next one. Undefined when the session is over.
 */
async function exchangeSession(
  identityUrl: string,
  session: string,
  { ip, id }: Pick<FastifyRequest, 'ip' | 'id'>,
): Promise<string | undefined> {
  try {
    const response = await fetch(`${identityUrl}/internal/session-tokens`, {
      method: 'POST',
      headers: { cookie: `${SESSION_COOKIE}=${session}`, 'x-forwarded-for': ip, [CORRELATION_HEADER]: id },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.status === 401) {
      await response.body?.cancel();
      return undefined;
    }
    if (!response.ok) throw new Error(`identity answered ${response.status}`);
    return answer.parse(await response.json()).token;
  } catch (error) {
    throw new ExchangeFailed('the session could not be exchanged', { cause: error });
  }
}
