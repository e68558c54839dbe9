import type { Permission } from '@rebelcore/contracts/roles';
import {
  generateSigningKey,
  openSigningKey,
  sealSigningKey,
  signJwt,
  type PublicJwk,
  type SigningKey,
} from '@rebelcore/service/signing-keys';
import { inTransaction } from '@rebelcore/event-store/customer-scope';
import type { Pool } from 'pg';
import { v7 as uuid } from 'uuid';

const LIFETIME_S = 60;

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
  private constructor(private readonly keys: readonly SigningKey[]) {}

  /** Opens the stored keys, or makes the first one. Replicas that start together agree on it. */
  static async load(pool: Pool, encryptionKey: Buffer): Promise<SessionTokens> {
    const rows = await inTransaction(pool, 'begin', async (tx) => {
      await tx.query(`select pg_advisory_xact_lock(hashtext('identity.signing-key'))`);
      const stored = await tx.query<KeyRow>('select kid, sealed_private_key from signing_key order by created_at desc');
      if (stored.rows.length > 0) return stored.rows;
      const { kid, sealedPrivateKey } = sealSigningKey(generateSigningKey(), encryptionKey);
      await tx.query('insert into signing_key (kid, sealed_private_key) values ($1, $2)', [kid, sealedPrivateKey]);
      return [{ kid, sealed_private_key: sealedPrivateKey }];
    });
    return new SessionTokens(
      rows.map((row) => openSigningKey({ kid: row.kid, sealedPrivateKey: row.sealed_private_key }, encryptionKey)),
    );
  }

  /** `expiresAt` in Unix seconds, at most 60 s from now. */
  issue(claims: SessionClaims): { token: string; expiresAt: number } {
    const [key] = this.keys;
    if (key === undefined) throw new Error('there is no signing key');
    const issuedAt = Math.floor(Date.now() / 1000);
    const expiresAt = issuedAt + LIFETIME_S;
    const token = signJwt(key, 'session+jwt', {
      iss: 'urn:rebelcore:identity',
      aud: 'urn:rebelcore:services',
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

  jwks(): { keys: PublicJwk[] } {
    return { keys: this.keys.map(({ publicJwk }) => publicJwk) };
  }
}

interface KeyRow {
  readonly kid: string;
  readonly sealed_private_key: Buffer;
}
