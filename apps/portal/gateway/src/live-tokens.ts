import { BACKGROUND_HEADER, CORRELATION_HEADER } from '@rebelcore/service/correlation';
import { z } from 'zod';
import type { Reply } from './problems.js';

const TIMEOUT_MS = 1_000;
const usage = z.object({
  items: z.array(z.object({ live_tokens: z.int().nonnegative(), last_expiry: z.iso.datetime().nullable() })),
});
const UNKNOWN = { live_tokens: null, last_expiry: null };

/** Whose tokens, and on whose behalf audit is asked. */
export interface Asked {
  readonly apiUserId: string;
  readonly ip: string;
  readonly correlationId: string;
  readonly authorization: string | undefined;
  readonly auditUrl: string;
}

/**
 * Answers with what identity has answered and, for an API user, how many tokens are still in circulation and till when. Identity does
 * not know of tokens, and services do not ask each other; so the gateway asks audit, for the caller, and says null when that
 * takes longer than a second.
 */
export async function sendWithLiveTokens(reply: Reply, answer: AsyncIterable<unknown>, asked: Asked): Promise<void> {
  const text = await textOf(answer);
  const body = parsed(text);
  // Refused, or about a portal user, who has none and of whom identity says so.
  const isComplete = reply.statusCode >= 300 || body === undefined || typeof body.live_tokens === 'number';
  void reply.removeHeader('content-length');
  void reply.send(isComplete ? text : JSON.stringify({ ...body, ...(await liveTokens(asked)) }));
}

async function liveTokens(asked: Asked): Promise<object> {
  if (asked.authorization === undefined) return UNKNOWN;
  try {
    const response = await fetch(`${asked.auditUrl}/api/v1/api-users/usage`, {
      method: 'POST',
      headers: {
        authorization: asked.authorization,
        'content-type': 'application/json',
        'x-forwarded-for': asked.ip,
        [BACKGROUND_HEADER]: '1',
        [CORRELATION_HEADER]: asked.correlationId,
      },
      body: JSON.stringify({ ids: [asked.apiUserId] }),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const [item] = usage.parse(await response.json()).items;
    return item === undefined ? UNKNOWN : { live_tokens: item.live_tokens, last_expiry: item.last_expiry };
  } catch {
    return UNKNOWN;
  }
}

async function textOf(answer: AsyncIterable<unknown>): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
