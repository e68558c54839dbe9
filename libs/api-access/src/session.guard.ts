import { HttpException, Inject, Injectable, SetMetadata, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Permission } from '@rebelcore/contracts/roles';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { bearerStrategy, type TokenRules } from './bearer-token.js';
import { BearerGuard } from './bearer.guard.js';
import type { CallDetails } from './record-calls.plugin.js';

/** The portal user for whom the gateway makes a request. */
export interface PortalUser {
  readonly portalUserId: string;
  readonly customerId: string;
  /** The Customer Super Admin, who stands outside roles: every check passes, within their own customer. */
  readonly owner: boolean;
  readonly permissions: readonly string[];
  /** Unix seconds. */
  readonly expiresAt: number;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by {@link SessionGuard}. */
    portalUser?: PortalUser;
  }
}

/** Who issues session tokens, for whom, and of what type; identity signs them and everyone else verifies them. */
export const SESSION_TOKEN = {
  issuer: 'urn:rebelcore:identity',
  audience: 'urn:rebelcore:services',
  typ: 'session+jwt',
} as const;

/** Provide `{jwksUri}` of the identity service under this token. */
export const SESSION_TOKENS = Symbol('SESSION_TOKENS');
export type SessionTokens = Pick<TokenRules, 'jwksUri'>;

type Requirement = 'owner' | Permission;
const REQUIRED = 'api-access:required';

/** Only the Customer Super Admin may. */
export const OwnerOnly = () => SetMetadata<string, Requirement>(REQUIRED, 'owner');
/** The Customer Super Admin may, and whoever's role has this permission. */
export const RequirePermission = (permission: Permission) => SetMetadata<string, Requirement>(REQUIRED, permission);

const claims = z.object({
  sub: z.uuid(),
  customer_id: z.uuid(),
  owner: z.boolean(),
  permissions: z.array(z.string()),
  exp: z.int().positive(),
});

/** Lets requests of signed-in portal users in, as the gateway sends them; an API user's token is refused. */
@Injectable()
export class SessionGuard extends BearerGuard<PortalUser> {
  constructor(
    @Inject(SESSION_TOKENS) tokens: SessionTokens,
    private readonly reflector: Reflector,
  ) {
    super(
      bearerStrategy({ ...SESSION_TOKEN, jwksUri: tokens.jwksUri }, (payload) => {
        const claim = claims.parse(payload);
        return {
          portalUserId: claim.sub,
          customerId: claim.customer_id,
          owner: claim.owner,
          permissions: claim.permissions,
          expiresAt: claim.exp,
        };
      }),
    );
  }

  protected details({ portalUserId, customerId }: PortalUser): CallDetails {
    return { portalUserId, customerId };
  }

  protected admit(context: ExecutionContext, request: FastifyRequest, user: PortalUser): boolean {
    request.portalUser = user;
    const required = this.reflector.getAllAndOverride<Requirement | undefined>(REQUIRED, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (user.owner || required === undefined) return true;
    if (required !== 'owner' && user.permissions.includes(required)) return true;
    throw problem(403, 'permission.missing', 'You do not have the permission for this.');
  }

  protected override unauthorized(): never {
    throw problem(401, 'session.required', 'Please sign in.');
  }
}

const problem = (status: number, code: string, detail: string) =>
  new HttpException(
    { type: 'about:blank', title: status === 401 ? 'Unauthorized' : 'Forbidden', status, detail, code },
    status,
  );
