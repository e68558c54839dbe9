import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { assertPermitted } from '@rebelcore/api-access/permissions';
import { describeCall } from '@rebelcore/api-access/record-calls.plugin';
import { ProblemException } from '@rebelcore/service/problem';
import type { FastifyRequest } from 'fastify';
import { SessionStore } from '../session/session.store.js';
import { SessionTokens } from '../session/session-tokens.js';
import type { AuthenticatedRequest } from './caller.js';

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
    const name = this.sessionOf(request);
    const session = name && (await this.sessions.alive(name));
    if (session === undefined) {
      describeCall(request, { reason: 'session.required' });
      throw new ProblemException(401, 'session.required', 'Please sign in.');
    }
    request.session = session;
    describeCall(request, { customerId: session.customerId, portalUserId: session.portalUserId });
    assertPermitted(this.reflector, context, session);
    return true;
  }

  /** The session that a valid token names, alive or not. */
  sessionOf(request: FastifyRequest): { sessionId: string } | undefined {
    const [, token] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    const sessionId = token && this.tokens.sessionIdOf(token);
    return sessionId ? { sessionId } : undefined;
  }
}
