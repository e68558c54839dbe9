import { HttpException, Inject, Injectable, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { problemDocument } from '@rebelcore/contracts/problem';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { bearerStrategy, type TokenRules } from './bearer-token.js';
import { BearerGuard } from './bearer.guard.js';
import { IssuerKeys } from './issuer-keys.js';
import { assertPermitted, type Permitted } from './permissions.js';
import type { CallDetails } from './record-calls.plugin.js';
import { TokenVerifier } from './token-verifier.js';

/** The portal user for whom the gateway makes a request. */
export interface PortalUser extends Permitted {
  readonly portalUserId: string;
  readonly customerId: string;
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
  maxLifetimeS: 60,
} as const;

/** Provide `{jwksUri}` of the identity service under this token. */
export const SESSION_TOKENS = Symbol('SESSION_TOKENS');
export type SessionTokens = Pick<TokenRules, 'jwksUri'>;

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
    const keys = new IssuerKeys(tokens.jwksUri);
    const strategy = bearerStrategy(SESSION_TOKEN, keys, (payload) => {
      const claim = claims.parse(payload);
      return {
        portalUserId: claim.sub,
        customerId: claim.customer_id,
        owner: claim.owner,
        permissions: claim.permissions,
        expiresAt: claim.exp,
      };
    });
    super(new TokenVerifier(strategy, keys));
  }

  protected details({ portalUserId, customerId }: PortalUser): CallDetails {
    return { portalUserId, customerId };
  }

  protected admit(context: ExecutionContext, request: FastifyRequest, user: PortalUser): boolean {
    request.portalUser = user;
    assertPermitted(this.reflector, context, user);
    return true;
  }

  protected override unauthorized(): never {
    throw new HttpException(problemDocument(401, 'session.required', 'Please sign in.'), 401);
  }
}
