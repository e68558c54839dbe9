import type { Pool } from 'pg';
import { generateSigningKey, openSigningKey, sealSigningKey, type SigningKey } from './signing-keys.js';

/** SQL for a service's migration: the table its signing keys lie in, and what its runtime role may do there. */
export const signingKeyTable = (role: string): string => `
create table signing_key (
  kid text primary key,
  sealed_private_key bytea not null,
  created_at timestamptz not null default now()
);
grant select, insert on signing_key to "${role}";
`;

/**
 * Opens the stored keys, newest first, or makes the first one. Replicas that start together agree on it.
 *
 * @throws {Error} when a key was sealed under another KEY_ENCRYPTION_KEY
 */
export async function loadSigningKeys(
  pool: Pool,
  encryptionKey: Buffer,
): Promise<readonly [SigningKey, ...SigningKey[]]> {
  const { kid, sealedPrivateKey } = sealSigningKey(generateSigningKey(), encryptionKey);
  // The lock makes the second of two first starts see the key of the first.
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query(`select pg_advisory_xact_lock(hashtext('signing-key'))`);
    await client.query(
      'insert into signing_key (kid, sealed_private_key) select $1, $2 where not exists (select from signing_key)',
      [kid, sealedPrivateKey],
    );
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
  const { rows } = await pool.query<{ kid: string; sealed_private_key: Buffer }>(
    'select kid, sealed_private_key from signing_key order by created_at desc',
  );
  const keys = rows.map((row) =>
    openSigningKey({ kid: row.kid, sealedPrivateKey: row.sealed_private_key }, encryptionKey),
  );
  const [newest, ...older] = keys;
  if (newest === undefined) throw new Error('there is no signing key');
  return [newest, ...older];
}
