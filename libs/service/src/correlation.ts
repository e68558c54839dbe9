import { callerCorrelationIdOf } from '@rebelcore/api-access/record-calls.plugin';
import type { FastifyRequest } from 'fastify';
import { randomUUIDv7 } from 'node:crypto';

export const CORRELATION_HEADER = 'x-correlation-id';
/** `1` in an exchange of a session that serves the emergency stop. */
export const URGENT_HEADER = 'x-urgent';
/** `1` in an exchange of a session for an address that takes one that may only enrol. */
export const ENROLLING_HEADER = 'x-enrolling';
/** `1` in a request that nobody at the keyboard has asked for: it does not renew the idle hour of a session. */
export const BACKGROUND_HEADER = 'x-background';

/**
 * The correlation id of a request. Fastify makes it `request.id`; from there it goes into events, call records and the activity
 * log. It is ours alone, or a caller could give two requests the same; what the caller sends is recorded beside it.
 */
export const newCorrelationId = (): string => `api:${randomUUIDv7()}`;

/** What a command carries from the request that asked for it into the events it causes. */
export interface RequestContext {
  readonly correlationId: string;
  /** By the clock of `performance.now()`: later nothing is written for the request any more. */
  readonly writeBy: number;
  /** What the caller calls the request that is the cause of what follows. */
  readonly causationId?: string;
  /** W3C trace context of the caller, when it sent a well-formed one. */
  readonly traceparent?: string;
}

const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Half of the ten seconds that callers wait; the other half is for the confirmation. */
const WRITE_WITHIN_MS = 5_000;

export function contextOf(request: Pick<FastifyRequest, 'id' | 'arrivedAt' | 'headers'>): RequestContext {
  const { traceparent } = request.headers;
  const causationId = callerCorrelationIdOf(request);
  return {
    correlationId: request.id,
    writeBy: request.arrivedAt + WRITE_WITHIN_MS,
    ...(causationId !== undefined && { causationId }),
    ...(typeof traceparent === 'string' && TRACEPARENT.test(traceparent) && { traceparent }),
  };
}
