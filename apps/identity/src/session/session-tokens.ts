import { SESSION_TOKEN } from '@rebelcore/api-access/session.guard';
import type { Permission } from '@rebelcore/contracts/roles';
import { loadSigningKeys } from '@rebelcore/credentials/signing-key-store';
import { signJwt, type PublicJwk, type SigningKey } from '@rebelcore/credentials/signing-keys';
import jwt from 'jsonwebtoken';
import { createPublicKey, type KeyObject, randomUUIDv7 as uuid } from 'node:crypto';
import type { Pool } from 'pg';
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
  private readonly keys: readonly (SigningKey & { readonly publicKey: KeyObject })[];

  private constructor(keys: readonly SigningKey[]) {
    this.keys = keys.map((key) => ({ ...key, publicKey: createPublicKey(key.privateKey) }));
  }

  /** Opens the stored keys, or makes the first one. Replicas that start together agree on it. */
  static async load(pool: Pool, encryptionKey: Buffer): Promise<SessionTokens> {
    return new SessionTokens(await loadSigningKeys(pool, encryptionKey));
  }

  /** `expiresAt` in Unix seconds, at most 60 s from now. */
  issue(claims: SessionClaims): { token: string; expiresAt: number } {
    const [key] = this.keys;
    if (key === undefined) throw new Error('there is no signing key');
    const issuedAt = Math.floor(Date.now() / 1000);
    const expiresAt = issuedAt + LIFETIME_S;
    const token = signJwt(key, SESSION_TOKEN.typ, {
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
      const key = this.keys.find(({ kid }) => kid === header?.kid);
      if (key === undefined || header?.typ !== SESSION_TOKEN.typ) return undefined;
      const { issuer, audience } = SESSION_TOKEN;
      const claims = jwt.verify(token, key.publicKey, { algorithms: ['ES256'], issuer, audience });
      return sessionClaim.parse(claims).sid;
    } catch {
      return undefined;
    }
  }

  jwks(): { keys: PublicJwk[] } {
    return { keys: this.keys.map(({ publicJwk }) => publicJwk) };
  }
}
