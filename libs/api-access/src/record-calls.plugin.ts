import { UNATTRIBUTED, type Call } from '@rebelcore/contracts/call-events';
import { errorAnswer } from '@rebelcore/contracts/oauth-error';
import { problemDocument } from '@rebelcore/contracts/problem';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { randomUUIDv7 } from 'node:crypto';
import type { CallRecorder } from './call-recorder.js';

/** What guards and controllers know of a call beyond its request and its answer. Nothing secret belongs here. */
export interface CallDetails {
  customerId?: string;
  apiUserId?: string;
  portalUserId?: string;
  /** A dotted code for auditors: `api-user.inactive`. The caller does not see it. */
  reason?: string;
  tokenId?: string;
  tokenExpiresAt?: number;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Filled in while the call is handled, and recorded with it. */
    call: CallDetails | undefined;
    /** Where it came from, noted as it came: a closed connection no longer tells. A service may have noted it beforehand. */
    callerIp: string;
  }
}

/** Adds what is known of the call now to what is known already. */
export function describeCall(request: FastifyRequest, details: CallDetails): void {
  request.call = request.call === undefined ? details : { ...request.call, ...details };
}

const CALLER_CORRELATION_ID = /^[A-Za-z0-9:._-]{1,128}$/;

/** What the caller calls its request, in the header `X-Correlation-Id`, when that is well-formed. */
export function callerCorrelationIdOf({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  const given = headers['x-correlation-id'];
  return typeof given === 'string' && CALLER_CORRELATION_ID.test(given) ? given : undefined;
}

export interface RecordCallsOptions {
  readonly service: string;
  readonly recorder: CallRecorder;
  /** Which answers are recorded before they are sent. Health and documentation need not be. */
  readonly when: (request: FastifyRequest, status: number) => boolean;
  /** Whose a call is that was refused before any guard or handler could say so. */
  readonly identify?: (request: FastifyRequest) => Promise<CallDetails | undefined>;
  /** Whose a call is of which neither these nor {@link identify} can say it; what they do say is kept. */
  readonly refusedHolder?: (request: FastifyRequest) => Promise<CallDetails | undefined>;
  /** Told why a call could not be recorded, at most once a second: while a disk is full they come by the thousand. */
  readonly onUnrecorded?: (error: unknown, request: FastifyRequest) => void;
}

export const UNRECORDED = problemDocument(
  503,
  'call.not-recorded',
  'The call could not be recorded, so it was not answered; please try again.',
);
const NO_ROUTE = 'unknown address';
const UNKNOWN_IP = 'unknown';
const TELL_EVERY_MS = 1_000;

/**
 * Holds each answer until its record is durable. It runs last of all, on whatever is about to leave: also what Fastify
 * refused before any handler, such as a body that is too large. When the record cannot be made the answer is a 503.
 */
export function recordCalls(fastify: FastifyInstance, options: RecordCallsOptions): void {
  const { service, recorder, when, identify, refusedHolder, onUnrecorded } = options;
  let toldAt = -Infinity;
  fastify.decorateRequest('call', undefined);
  if (!fastify.hasRequestDecorator('callerIp')) noteAddresses(fastify);
  fastify.addHook('onSend', async (request, reply, payload) => {
    if (!when(request, reply.statusCode)) return payload;
    try {
      // When it is not known whose it is, it is recorded all the same.
      if (identify !== undefined && request.call === undefined) {
        request.call = await identify(request).catch(() => undefined);
      }
      if (refusedHolder !== undefined && request.call?.customerId === undefined) {
        const holder = await refusedHolder(request).catch(() => undefined);
        if (holder !== undefined) request.call = { ...holder, ...request.call };
      }
      await recorder.record(request.call?.customerId ?? UNATTRIBUTED, callOf(service, request, reply));
      return payload;
    } catch (error) {
      if (performance.now() - toldAt >= TELL_EVERY_MS) {
        toldAt = performance.now();
        onUnrecorded?.(error, request);
      }
      const { type, body } = errorAnswer(request.url, UNRECORDED);
      reply.code(503).header('retry-after', '2').header('content-type', type);
      reply.header('content-length', Buffer.byteLength(body));
      return body;
    }
  });
}

function noteAddresses(fastify: FastifyInstance): void {
  fastify.decorateRequest('callerIp', UNKNOWN_IP);
  fastify.addHook('onRequest', (request, _, done) => {
    // Undefined, whatever its type says, once the caller has hung up.
    request.callerIp = request.ip || UNKNOWN_IP;
    done();
  });
}

/** Characters of a user agent that are recorded. */
export const MAX_USER_AGENT = 256;

function callOf(service: string, request: FastifyRequest, reply: FastifyReply): Call {
  const status = reply.statusCode;
  const elapsed = reply.elapsedTime;
  const { apiUserId, portalUserId, reason, tokenId, tokenExpiresAt } = request.call ?? {};
  const call: Call = {
    id: randomUUIDv7(),
    at: new Date(Date.now() - elapsed).toISOString(),
    service,
    route: `${request.method} ${request.routeOptions.url ?? NO_ROUTE}`,
    status,
    outcome: status < 400 ? 'success' : status < 500 ? 'refused' : 'failed',
    durationMs: Math.round(elapsed * 1000) / 1000,
    ip: request.callerIp,
    userAgent: (request.headers['user-agent'] ?? '').slice(0, MAX_USER_AGENT),
    correlationId: request.id,
  };
  const callerCorrelationId = callerCorrelationIdOf(request);
  if (callerCorrelationId !== undefined) call.callerCorrelationId = callerCorrelationId;
  if (apiUserId !== undefined) call.apiUserId = apiUserId;
  if (portalUserId !== undefined) call.portalUserId = portalUserId;
  if (reason !== undefined) call.reason = reason;
  if (tokenId !== undefined) call.tokenId = tokenId;
  if (tokenExpiresAt !== undefined) call.tokenExpiresAt = tokenExpiresAt;
  return call;
}
