import { Inject, Injectable, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { bearerStrategy, type TokenRules } from './bearer-token.js';
import { BearerGuard } from './bearer.guard.js';
import { IssuerKeys } from './issuer-keys.js';
import type { CallDetails } from './record-calls.plugin.js';

/** The API user whose token a request carries. */
export interface ApiUser {
  readonly apiUserId: string;
  readonly customerId: string;
  /** The role's name when the token was issued. */
  readonly role: string;
  /** The role's permissions when the token was issued. */
  readonly scope: readonly string[];
  readonly tokenId: string;
  /** Unix seconds. */
  readonly expiresAt: number;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by {@link ApiUserGuard}. */
    apiUser?: ApiUser;
  }
}

/** Provide `{jwksUri, issuer, audience}` of the token service under this token. */
export const API_USER_TOKENS = Symbol('API_USER_TOKENS');
export type ApiUserTokens = Omit<TokenRules, 'typ' | 'maxLifetimeS'>;

/** Always 24 hours, as published. */
const TOKEN_LIFETIME_S = 86_400;

const claims = z.object({
  sub: z.uuid(),
  client_id: z.uuid(),
  customer_id: z.uuid(),
  role: z.string(),
  scope: z.string(),
  jti: z.string().min(1).max(64),
  exp: z.int().positive(),
});

/**
 * Lets requests in that carry a valid token of the token service (RFC 9068). Otherwise 401 with exactly
 * `{"detail":"token expired"}` or `{"detail":"invalid token"}`.
 */
@Injectable()
export class ApiUserGuard extends BearerGuard<ApiUser> {
  constructor(@Inject(API_USER_TOKENS) tokens: ApiUserTokens) {
    const keys = new IssuerKeys(tokens.jwksUri);
    super(
      bearerStrategy({ ...tokens, typ: 'at+jwt', maxLifetimeS: TOKEN_LIFETIME_S }, keys, (payload) => {
        const claim = claims.parse(payload);
        return {
          apiUserId: claim.sub,
          customerId: claim.customer_id,
          role: claim.role,
          scope: claim.scope === '' ? [] : claim.scope.split(' '),
          tokenId: claim.jti,
          expiresAt: claim.exp,
        };
      }),
      keys,
    );
  }

  protected details({ apiUserId, customerId, tokenId }: ApiUser): CallDetails {
    return { apiUserId, customerId, tokenId };
  }

  protected admit(_context: ExecutionContext, request: FastifyRequest, apiUser: ApiUser): boolean {
    request.apiUser = apiUser;
    return true;
  }
}
