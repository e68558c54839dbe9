import { BACKGROUND_HEADER, CORRELATION_HEADER, ENROLLING_HEADER, URGENT_HEADER } from '@rebelcore/service/correlation';
import { SESSION_COOKIE, sessionTokenOf } from '@rebelcore/service/session-cookie';
import { problem, type Problem } from '@rebelcore/contracts/problem';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { RouteGroup } from './routes.js';

const answer = z.object({ token: z.string().min(1) });
const TIMEOUT_MS = 3_000;

/** Identity could not be asked; nothing is known about the session. */
class ExchangeFailed extends Error {}

/** How the service is to know the caller. */
export interface Credential {
  readonly authorization?: string | undefined;
  /** Whose session it is, where that is known. */
  readonly customerId?: string | undefined;
  /** The session's own token, for addresses that decide about the session themselves. */
  readonly sessionCookie?: string | undefined;
}

/** Identity will not let this session go on, and says why in words for the caller. */
export interface Forbidden {
  readonly forbidden: Problem;
}

/**
 * What a service is to see. Where a session counts and there is one, even one that is over, it wins over the caller's own
 * header. Without any, the header passes, so that the service can refuse and record what was tried.
 *
 * @throws {ExchangeFailed}
 */
export async function credentialFor(
  request: FastifyRequest,
  { credentials, isStream, isUrgent }: Pick<RouteGroup, 'credentials' | 'isStream' | 'isUrgent'>,
  identityUrl: string,
): Promise<Credential | Forbidden> {
  const { authorization } = request.headers;
  const session = credentials === 'own' ? undefined : sessionTokenOf(request);
  if (session === undefined) return { authorization };
  if (credentials === 'cookie') return { authorization, sessionCookie: session };
  const how = {
    background: isStream ?? isBackground(request),
    urgent: isUrgent === true,
    enrolling: credentials === 'enrolling',
  };
  const exchanged = await exchangeSession(identityUrl, session, request, how);
  if (exchanged === undefined) return {};
  if (typeof exchanged === 'string') {
    return { authorization: `Bearer ${exchanged}`, customerId: customerOf(exchanged) };
  }
  const mayEnrol = credentials === 'enrolling' && exchanged.code === 'session.enrolment-required';
  return mayEnrol ? { sessionCookie: session } : { forbidden: exchanged };
}

/** Believed as it stands, since identity has just sent the token. */
function customerOf(token: string): string | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    return z.object({ customer_id: z.string() }).safeParse(claims).data?.customer_id;
  } catch {
    return undefined;
  }
}

const isBackground = ({ headers }: FastifyRequest): boolean => headers[BACKGROUND_HEADER] === '1';

/**
 * Trades a session's cookie for the token (at most 60 s) by which services know the portal user. Each request asks
 * anew, so that changed permissions and a sign-out count from the next one. Undefined when the session is over, a problem
 * when it may not do this.
 */
async function exchangeSession(
  identityUrl: string,
  session: string,
  { callerIp, id }: Pick<FastifyRequest, 'callerIp' | 'id'>,
  { background, urgent, enrolling }: Readonly<Record<'background' | 'urgent' | 'enrolling', boolean>>,
): Promise<string | Problem | undefined> {
  try {
    const response = await fetch(`${identityUrl}/internal/session-tokens`, {
      method: 'POST',
      headers: {
        cookie: `${SESSION_COOKIE}=${session}`,
        'x-forwarded-for': callerIp,
        [CORRELATION_HEADER]: id,
        ...(background && { [BACKGROUND_HEADER]: '1' }),
        ...(enrolling && { [ENROLLING_HEADER]: '1' }),
        ...(urgent && { [URGENT_HEADER]: '1' }),
      },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.status === 401) {
      await response.body?.cancel();
      return undefined;
    }
    if (response.status === 403) return problem.parse(await response.json());
    if (!response.ok) throw new Error(`identity answered ${response.status}`);
    return answer.parse(await response.json()).token;
  } catch (error) {
    throw new ExchangeFailed('the session could not be exchanged', { cause: error });
  }
}
