import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Actor } from '@rebelcore/contracts/identity-events';
import { contextOf, type RequestContext } from '@rebelcore/service/correlation';
import type { FastifyRequest } from 'fastify';
import type { Session } from '../session/session.store.js';
import type { SessionClaims } from '../session/session-tokens.js';

/**
 * Who asks. Commands and queries take their customer from here and from nowhere else: no request carries a customer id,
 * and neither the event store nor the tables of a customer answer without one.
 */
export type Caller = SessionClaims & RequestContext;

/** Put there by the session guard. */
export interface AuthenticatedRequest extends FastifyRequest {
  session?: Session;
}

export const CurrentCaller = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (request.session === undefined) throw new Error('a route without the session guard asks for its caller');
  return { ...request.session, ...contextOf(request) };
});

/** When it ends, and whether a second factor is enrolled, besides whose it is. */
export const CurrentSession = createParamDecorator((_: unknown, context: ExecutionContext): Session => {
  const { session } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (session === undefined) throw new Error('a route without the session guard asks for its session');
  return session;
});

export const actorOf = (caller: Caller): Actor => ({ kind: 'portal_user', id: caller.portalUserId });

export const appendContextOf = (caller: Caller): RequestContext & { customerId: string } => ({
  customerId: caller.customerId,
  correlationId: caller.correlationId,
  writeBy: caller.writeBy,
  ...(caller.causationId !== undefined && { causationId: caller.causationId }),
  ...(caller.traceparent !== undefined && { traceparent: caller.traceparent }),
});
