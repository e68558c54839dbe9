import { HttpException, Inject, Injectable, Optional, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { network } from '@rebelcore/contracts/networks';
import { problemDocument } from '@rebelcore/contracts/problem';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { bearerStrategy, dpopToken, type TokenRules } from './bearer-token.js';
import { BearerGuard } from './bearer.guard.js';
import { DPoPProofs, PROOF_ALGORITHMS } from './dpop-proof.js';
import { IssuerKeys, type VerificationKeys } from './issuer-keys.js';
import { networkList, type NetworkList } from './networks.js';
import { assertPermitted, isRestricted } from './permissions.js';
import { describeCall, type CallDetails } from './record-calls.plugin.js';
import { TokenVerifier } from './token-verifier.js';

/** The API user whose token a request carries. */
export interface ApiUser {
  readonly apiUserId: string;
  /** What the application presented itself as, `client_id` in OAuth; a name to show, never an id to go by. */
  readonly username: string;
  readonly customerId: string;
  /** The role's name when the token was issued. */
  readonly role: string;
  /** The role's permissions when the token was issued, or those that the application asked for. */
  readonly scope: readonly string[];
  /** Whether the application asked for those alone: the token permits no others, whatever the role does. */
  readonly narrowed: boolean;
  /** From where alone the token may be used; undefined for anywhere. */
  readonly networks: NetworkList | undefined;
  readonly tokenId: string;
  /** Thumbprint (RFC 7638) of the key that whoever uses the token has to prove to have (DPoP, RFC 9449). */
  readonly boundTo?: string;
  /** Unix seconds. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by {@link ApiUserGuard}. */
    apiUser?: ApiUser;
  }
}

/** Provide `{jwksUri, issuer, audience}` of the token service under this token, and `resourceMetadata` where there is any. */
export const API_USER_TOKENS = Symbol('API_USER_TOKENS');
export interface ApiUserTokens extends Omit<TokenRules, 'typ' | 'maxLifetimeS'> {
  /** Where this API says whose tokens it takes (RFC 9728); refusals name it. */
  readonly resourceMetadata?: string;
  /** The origin that callers see this API at: what DPoP proofs name. Without it tokens that need a proof are refused. */
  readonly publicUrl?: string;
}

/** Always 24 hours, as published. */
const TOKEN_LIFETIME_S = 86_400;

/**
 * Provide under this token who knows what API users may do *now*, so that a flag that was switched off counts from the next
 * request: a view of `identity.events.v1`, for example. Without it `RequirePermission` asks the token, whose scope is as old
 * as the token.
 */
export const API_USER_PERMISSIONS = Symbol('API_USER_PERMISSIONS');
export interface ApiUserPermissions {
  /** Undefined for an API user that is not known here (yet): then the token counts. */
  permissionsOf(apiUser: Pick<ApiUser, 'apiUserId' | 'customerId'>): Promise<CurrentPermissions | undefined>;
}
export interface CurrentPermissions {
  /** The flags of the role that the API user has now. */
  readonly flags: readonly string[];
  /** False where news of its customer may be missing: then only what the token says as well is permitted. */
  readonly isCertain: boolean;
}

const claims = z.object({
  sub: z.uuid(),
  client_id: z.string().min(1),
  customer_id: z.uuid(),
  role: z.string(),
  scope: z.string(),
  narrowed: z.boolean().default(false),
  networks: z.array(network).min(1).optional(),
  jti: z.string().min(1).max(64),
  cnf: z.object({ jkt: z.string() }).optional(),
  iat: z.int(),
  exp: z.int().positive(),
});

/** Verifies the token service's tokens (RFC 9068), by whichever keys. */
export function apiUserTokens(
  { issuer, audience }: Pick<TokenRules, 'issuer' | 'audience'>,
  keys: VerificationKeys,
): TokenVerifier<ApiUser> {
  const rules = { issuer, audience, typ: 'at+jwt', maxLifetimeS: TOKEN_LIFETIME_S };
  const strategy = bearerStrategy(rules, keys, (payload): ApiUser => {
    const claim = claims.parse(payload);
    return {
      apiUserId: claim.sub,
      username: claim.client_id,
      customerId: claim.customer_id,
      role: claim.role,
      scope: claim.scope === '' ? [] : claim.scope.split(' '),
      narrowed: claim.narrowed,
      networks: claim.networks && networkList(claim.networks.join(' ')),
      tokenId: claim.jti,
      ...(claim.cnf !== undefined && { boundTo: claim.cnf.jkt }),
      issuedAt: claim.iat,
      expiresAt: claim.exp,
    };
  });
  return new TokenVerifier(strategy, keys);
}

/**
 * Lets requests in that carry a valid token of the token service (RFC 9068). Otherwise 401 with exactly
 * `{"detail":"token expired"}` or `{"detail":"invalid token"}`, and 403 from outside the networks that the token is confined to. What
 * handlers or controllers require by `RequirePermission` is held against {@link ApiUserPermissions} and, where the application asked
 * for a part of them only or they are not certain, the token's scope; 403 without it.
 */
@Injectable()
export class ApiUserGuard extends BearerGuard<ApiUser> {
  private readonly proofs: DPoPProofs | undefined;

  constructor(
    @Inject(API_USER_TOKENS) tokens: ApiUserTokens,
    private readonly reflector: Reflector,
    @Optional() @Inject(API_USER_PERMISSIONS) private readonly current?: ApiUserPermissions,
  ) {
    super(
      apiUserTokens(tokens, new IssuerKeys(tokens.jwksUri)),
      tokens.resourceMetadata === undefined ? [] : [`resource_metadata="${tokens.resourceMetadata}"`],
    );
    this.proofs = tokens.publicUrl === undefined ? undefined : new DPoPProofs(tokens.publicUrl);
  }

  protected override tokenOf(request: FastifyRequest): string | undefined {
    return dpopToken(request.headers.authorization) ?? super.tokenOf(request);
  }

  /** A token that is bound to a key counts with a proof alone, and one that is not, as a bearer token alone (RFC 9449, 7.1). */
  protected override async mayHold(request: FastifyRequest, token: string, { boundTo }: ApiUser): Promise<boolean> {
    if ((dpopToken(request.headers.authorization) === undefined) !== (boundTo === undefined)) return false;
    return boundTo === undefined || (await this.proofs?.thumbprintOf(request, token)) === boundTo;
  }

  protected override otherChallenges(request: FastifyRequest): readonly string[] {
    return dpopToken(request.headers.authorization) === undefined ? [] : [`DPoP algs="${PROOF_ALGORITHMS.join(' ')}"`];
  }

  protected details({ apiUserId, customerId, tokenId }: ApiUser): CallDetails {
    return { apiUserId, customerId, tokenId };
  }

  protected admit(context: ExecutionContext, request: FastifyRequest, apiUser: ApiUser): boolean | Promise<boolean> {
    // A 401 would send the application for another token, which could be used no more than this one.
    if (apiUser.networks?.includes(sourceOf(request)) === false) {
      describeCall(request, { reason: 'token.network-not-allowed' });
      const detail = 'This token may not be used from where this request comes from.';
      throw new HttpException(problemDocument(403, 'token.network-not-allowed', detail), 403);
    }
    request.apiUser = apiUser;
    return !isRestricted(this.reflector, context) || this.permitted(context, apiUser);
  }

  private async permitted(context: ExecutionContext, apiUser: ApiUser): Promise<boolean> {
    const { scope, narrowed } = apiUser;
    const { flags, isCertain } = (await this.current?.permissionsOf(apiUser)) ?? { flags: scope, isCertain: true };
    const permissions = narrowed || !isCertain ? flags.filter((flag) => scope.includes(flag)) : flags;
    assertPermitted(this.reflector, context, { owner: false, permissions });
    return true;
  }
}

/** Without a recorder of calls nobody has noted where a request came from. */
const sourceOf = (request: FastifyRequest): string =>
  request.server.hasRequestDecorator('callerIp') ? request.callerIp : request.ip;
