import type { Pool } from 'pg';
import { generateSigningKey, openSigningKey, sealSigningKey, type SigningKey } from './signing-keys.js';

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
  // Two statements sent as one text are one transaction: the second of two first starts sees the key of the first.
  await pool.query(`
    select pg_advisory_xact_lock(hashtext('signing-key'));
    insert into signing_key (kid, sealed_private_key)
    select '${kid}', '\\x${sealedPrivateKey.toString('hex')}'::bytea where not exists (select from signing_key)`);
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
