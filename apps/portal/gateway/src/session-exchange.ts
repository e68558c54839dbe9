import { CORRELATION_HEADER } from '@rebelcore/service/correlation';
import { z } from 'zod';

const answer = z.object({ token: z.string().min(1) });
const TIMEOUT_MS = 3_000;

/** Identity could not be asked; nothing is known about the session. */
export class ExchangeFailed extends Error {}

/**
 * Trades a session's cookie for the token (at most 60 s) by which services know the portal user. Each request asks
 * anew, so that changed permissions and a sign-out count from the next one. Undefined when the session is over.
 *
 * @throws {ExchangeFailed}
 */
export async function exchangeSession(
  identityUrl: string,
  sessionCookie: string,
  from: { readonly ip: string; readonly correlationId: string },
): Promise<string | undefined> {
  try {
    const response = await fetch(`${identityUrl}/internal/session-tokens`, {
      method: 'POST',
      headers: {
        cookie: `__Host-session=${sessionCookie}`,
        'x-forwarded-for': from.ip,
        [CORRELATION_HEADER]: from.correlationId,
      },
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
