import { SESSION_TOKEN } from '@rebelcore/api-access/session.guard';
import type { Permission } from '@rebelcore/contracts/roles';
import type { SigningKeyRing } from '@rebelcore/credentials/signing-key-ring';
import { signJwt, type PublicJwk } from '@rebelcore/credentials/signing-keys';
import jwt from 'jsonwebtoken';
import { createPublicKey, randomUUIDv7 as uuid } from 'node:crypto';
import { z } from 'zod';

const LIFETIME_S = 60;
const sessionClaim = z.object({ sid: z.uuid() });

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
  constructor(private readonly keys: SigningKeyRing) {}

  /** `expiresAt` in Unix seconds, at most 60 s from now. */
  issue(claims: SessionClaims): { token: string; expiresAt: number } {
    const issuedAt = Math.floor(Date.now() / 1000);
    const expiresAt = issuedAt + LIFETIME_S;
    const token = signJwt(this.keys.current, SESSION_TOKEN.typ, {
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
  sessionIdOf(token: string): string | undefined {
    try {
      const { header } = jwt.decode(token, { complete: true }) ?? {};
      const key = this.keys.find(header?.kid ?? '');
      if (key === undefined || header?.typ !== SESSION_TOKEN.typ) return undefined;
      const { issuer, audience } = SESSION_TOKEN;
      const claims = jwt.verify(token, createPublicKey(key.privateKey), { algorithms: ['ES256'], issuer, audience });
      return sessionClaim.parse(claims).sid;
    } catch {
      return undefined;
    }
  }

  jwks(): { keys: PublicJwk[] } {
    return this.keys.jwks();
  }
}
