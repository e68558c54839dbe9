import type { IncomingMessage } from 'node:http';
import { randomUUIDv7 } from 'node:crypto';

export const CORRELATION_HEADER = 'x-correlation-id';
/** `1` in a request that nobody at the keyboard has asked for: it does not renew the idle hour of a session. */
export const BACKGROUND_HEADER = 'x-background';
const ACCEPTED = /^[A-Za-z0-9:._-]{1,128}$/;

/**
 * The correlation id of a request: the caller's own where it is well-formed, else a new `api:<uuid>`. Fastify makes it
 * `request.id`; from there it goes into events, call records and the activity log.
 */
export function correlationIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers[CORRELATION_HEADER];
  return typeof given === 'string' && ACCEPTED.test(given) ? given : `api:${randomUUIDv7()}`;
}

/** What a command carries from the request that asked for it into the events it causes. */
export interface RequestContext {
  readonly correlationId: string;
  /** By the clock of `performance.now()`: later nothing is written for the request any more. */
  readonly writeBy: number;
  /** W3C trace context of the caller, when it sent a well-formed one. */
  readonly traceparent?: string;
}

const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Half of the ten seconds that callers wait; the other half is for the confirmation. */
const WRITE_WITHIN_MS = 5_000;

export function contextOf(request: {
  readonly id: string;
  /** By the clock of `performance.now()`, see `ArrivalClock`. */
  readonly arrivedAt: number;
  readonly headers: Readonly<Record<string, unknown>>;
}): RequestContext {
  const { traceparent } = request.headers;
  return {
    correlationId: request.id,
    writeBy: request.arrivedAt + WRITE_WITHIN_MS,
    ...(typeof traceparent === 'string' && TRACEPARENT.test(traceparent) && { traceparent }),
  };
}
