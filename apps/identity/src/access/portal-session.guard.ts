import { type CanActivate, type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { bearerToken } from '@rebelcore/api-access/bearer-token';
import { assertPermitted } from '@rebelcore/api-access/permissions';
import { describeCall, type CallDetails } from '@rebelcore/api-access/record-calls.plugin';
import { ProblemException } from '@rebelcore/service/problem';
import { sessionTokenOf } from '@rebelcore/service/session-cookie';
import type { FastifyRequest } from 'fastify';
import { asProblemOf } from '../http/refusals.js';
import { SessionStore, type Session, type SessionName } from '../session/session.store.js';
import { SessionTokens } from '../session/session-tokens.js';
import type { AuthenticatedRequest } from './caller.js';

const BEFORE_ENROLMENT = 'identity:before-enrolment';

/**
 * For the few addresses that somebody may use who is still to enrol an authenticator app. There is no session token for such
 * a session, so they take the cookie itself. They are such that a page of another origin gains nothing by calling them.
 */
export const BeforeEnrolment = () => SetMetadata(BEFORE_ENROLMENT, true);

export const enrolmentRequired = (): ProblemException =>
  new ProblemException(403, 'session.enrolment-required', 'Please set up your authenticator app first.');

/** Polling and streams are no sign that somebody is there, and say so. */
export const isForeground = ({ headers }: Pick<FastifyRequest, 'headers'>): boolean => headers['x-background'] !== '1';

/**
 * Lets portal users in by the session token that the gateway sends, and only while the session lives and the user is
 * there: identity owns both, so it need not wait for the token to expire. Any other token, an API user's among them, is
 * refused here for every address.
 */
@Injectable()
export class PortalSessionGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly tokens: SessionTokens,
    private readonly sessions: SessionStore,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const targets = [context.getHandler(), context.getClass()];
    const beforeEnrolment = this.reflector.getAllAndOverride<boolean | undefined>(BEFORE_ENROLMENT, targets) === true;
    const session = await this.sessionOf(request, beforeEnrolment).catch((error: unknown) => {
      // The interceptor that does so elsewhere stands behind the guards.
      throw asProblemOf(request, error) as Error;
    });
    if (session === undefined) {
      describeCall(request, { reason: 'session.required' });
      throw new ProblemException(401, 'session.required', 'Please sign in.');
    }
    request.session = session;
    describeCall(request, { customerId: session.customerId, portalUserId: session.portalUserId });
    if (session.secondFactor === 'enrolment_required' && !beforeEnrolment) {
      describeCall(request, { reason: 'session.enrolment-required' });
      throw enrolmentRequired();
    }
    assertPermitted(this.reflector, context, session);
    return true;
  }

  private async sessionOf(request: FastifyRequest, takesCookie: boolean): Promise<Session | undefined> {
    const name = await (takesCookie ? this.sessionNamedIn(request) : this.namedByToken(request));
    // A token was exchanged for the cookie a moment ago, which has renewed the session already.
    return name && this.sessions.alive(name, { renews: 'token' in name && isForeground(request) });
  }

  /** The session that the cookie or else a valid token names, alive or not. */
  async sessionNamedIn(request: FastifyRequest): Promise<SessionName | undefined> {
    const token = sessionTokenOf(request);
    return token === undefined ? this.namedByToken(request) : { token };
  }

  /** Whose request it is that was refused before it came to this guard. */
  async identify(request: FastifyRequest): Promise<CallDetails | undefined> {
    const name = await this.sessionNamedIn(request);
    const session = name && (await this.sessions.alive(name, { renews: false }));
    return session && { customerId: session.customerId, portalUserId: session.portalUserId };
  }

  private async namedByToken(request: FastifyRequest): Promise<SessionName | undefined> {
    const token = bearerToken(request.headers.authorization);
    const sessionId = token && (await this.tokens.sessionIdOf(token));
    return sessionId ? { sessionId } : undefined;
  }
}
