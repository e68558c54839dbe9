import { bearerStrategy } from '@rebelcore/api-access/bearer-token';
import { SESSION_TOKEN } from '@rebelcore/api-access/session.guard';
import { TokenVerifier } from '@rebelcore/api-access/token-verifier';
import type { Permission } from '@rebelcore/contracts/roles';
import type { SigningKeyRing } from '@rebelcore/credentials/signing-key-ring';
import { signJwt, type PublicJwk } from '@rebelcore/credentials/signing-keys';
import { ownKeys } from '@rebelcore/service/own-keys';
import { currentKeyOf } from '@rebelcore/service/signing-key-ring';
import { randomUUIDv7 as uuid } from 'node:crypto';
import { z } from 'zod';

const sessionClaims = z.object({ sid: z.uuid(), exp: z.int().positive() });

/** What a session token says about its holder. */
export interface SessionClaims {
  readonly sessionId: string;
  readonly portalUserId: string;
  readonly customerId: string;
  readonly owner: boolean;
  readonly permissions: readonly Permission[];
}

/** Short-lived tokens, by which the other services know a portal user without asking identity. */
export class SessionTokens {
  private readonly verifier: TokenVerifier<{ readonly sessionId: string; readonly expiresAt: number }>;

  constructor(private readonly keys: SigningKeyRing) {
    const own = ownKeys(keys);
    const strategy = bearerStrategy(SESSION_TOKEN, own, (payload) => {
      const { sid, exp } = sessionClaims.parse(payload);
      return { sessionId: sid, expiresAt: exp };
    });
    this.verifier = new TokenVerifier(strategy, own);
  }

  /** `expiresAt` in Unix seconds, at most 60 s from now. */
  issue(claims: SessionClaims): { token: string; expiresAt: number } {
    const issuedAt = Math.floor(Date.now() / 1000);
    const expiresAt = issuedAt + SESSION_TOKEN.maxLifetimeS;
    const token = signJwt(currentKeyOf(this.keys), SESSION_TOKEN.typ, {
      iss: SESSION_TOKEN.issuer,
      aud: SESSION_TOKEN.audience,
      sub: claims.portalUserId,
      sid: claims.sessionId,
      jti: uuid(),
      iat: issuedAt,
      exp: expiresAt,
      customer_id: claims.customerId,
      owner: claims.owner,
      permissions: claims.permissions,
    });
    return { token, expiresAt };
  }

  /**
   * The session that a token of ours names; undefined for any other token. Identity holds the keys, so unlike other
   * services it needs no JWKS for this, and what the holder may do is looked up rather than believed.
   */
  async sessionIdOf(token: string): Promise<string | undefined> {
    const holder = await this.verifier.holderOf(token);
    return holder === undefined || holder.expiresAt <= Date.now() / 1000 ? undefined : holder.sessionId;
  }

  jwks(): { keys: PublicJwk[] } {
    return this.keys.jwks();
  }
}
