import { type CanActivate, type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { describeCall } from '@rebelcore/api-access/record-calls.plugin';
import type { Permission } from '@rebelcore/contracts/roles';
import { ProblemException } from '@rebelcore/service/problem';
import type { FastifyRequest } from 'fastify';
import { SessionStore } from '../session/session.store.js';
import { SessionTokens } from '../session/session-tokens.js';
import type { AuthenticatedRequest } from './caller.js';

const REQUIRED = 'identity:required';
type Requirement = 'owner' | Permission;

/** Customer Super Admin only. */
export const OwnerOnly = () => SetMetadata<string, Requirement>(REQUIRED, 'owner');
export const RequirePermission = (permission: Permission) => SetMetadata<string, Requirement>(REQUIRED, permission);

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
    const required = this.reflector.getAllAndOverride<Requirement | undefined>(REQUIRED, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (required === 'owner' ? session.owner : required === undefined || session.permissions.includes(required))
      return true;
    describeCall(request, { reason: 'permission.missing' });
    throw new ProblemException(403, 'permission.missing', 'You do not have the permission for this.');
  }

  /** The session that a valid token names, alive or not. */
  sessionOf(request: FastifyRequest): { sessionId: string } | undefined {
    const [, token] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    const sessionId = token && this.tokens.sessionIdOf(token);
    return sessionId ? { sessionId } : undefined;
  }
}
