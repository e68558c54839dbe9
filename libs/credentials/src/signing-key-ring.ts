import type { Pool } from 'pg';
import { LEAD_MS, publishedAt, signingAt, type KeyTimes } from './signing-key-schedule.js';
import { generateSigningKey, openSigningKey, sealSigningKey, type PublicJwk, type SigningKey } from './signing-keys.js';

const REFRESH_EVERY_MS = 10_000;

export interface KeyRingOptions {
  readonly pool: Pool;
  /** KEY_ENCRYPTION_KEY, 32 bytes. */
  readonly encryptionKey: Buffer;
  /** Days that a key signs before the next one does. */
  readonly rotationDays: number;
  /** Told when the stored keys could not be read; the ones known so far are used on. */
  readonly onError?: (error: Error) => void;
}

interface RingKey extends KeyTimes {
  readonly key: SigningKey;
}

/**
 * The signing keys of a service, as its database has them: which one signs now, and which ones verify. All replicas read
 * the same times by the database's clock and so agree without speaking to each other; a key added or withdrawn by
 * `npm run keys` counts within {@link REFRESH_EVERY_MS}, without a restart.
 */
export class SigningKeyRing {
  private keys: readonly RingKey[] = [];
  /** The database's clock at the last reading, in Unix milliseconds, and ours that cannot be set. */
  private readAt = { database: 0, monotonic: 0 };
  private readonly timer: NodeJS.Timeout;

  private constructor(private readonly options: KeyRingOptions) {
    this.timer = setInterval(() => {
      this.refresh().catch((error: unknown) => options.onError?.(error as Error));
    }, REFRESH_EVERY_MS).unref();
  }

  /**
   * Opens the stored keys, or makes the first one.
   *
   * @throws {Error} when a key was sealed under another KEY_ENCRYPTION_KEY
   */
  static async open(options: KeyRingOptions): Promise<SigningKeyRing> {
    const ring = new SigningKeyRing(options);
    try {
      await ring.refresh();
    } catch (error) {
      ring.onModuleDestroy();
      throw error;
    }
    return ring;
  }

  /** The key that signs now. */
  get current(): SigningKey {
    const found = signingAt(this.keys, this.now());
    if (found === undefined) throw new Error('there is no signing key');
    return found.key;
  }

  /** The key of this id, while its tokens count. */
  find(kid: string): SigningKey | undefined {
    return publishedAt(this.keys, this.now()).find((each) => each.kid === kid)?.key;
  }

  /** What verifies: the next key, the one that signs, and those whose last tokens are still out. Newest first. */
  jwks(): { keys: PublicJwk[] } {
    return { keys: publishedAt(this.keys, this.now()).map(({ key }) => key.publicJwk) };
  }

  /** Reads the stored keys; adds the next one first when it is due. */
  async refresh(): Promise<void> {
    if (await this.read()) return;
    await addDueKey(this.options);
    await this.read();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** @returns false when another key is due, or none signs */
  private async read(): Promise<boolean> {
    const { rows } = await this.options.pool.query<StoredKey>(
      `select kid, sealed_private_key, withdrawn_at is null and rotate_after > now() as "isFresh", withdrawn_at is not null as withdrawn,
              extract(epoch from signs_from)::float8 * 1000 as "signsFrom",
              extract(epoch from clock_timestamp())::float8 * 1000 as now
       from signing_key`,
    );
    const now = rows[0]?.now;
    if (now === undefined) return false;
    this.readAt = { database: now, monotonic: performance.now() };
    this.keys = publishedAt(rows, now).map((row) => this.open(row));
    return rows.some(({ isFresh }) => isFresh) && signingAt(rows, now) !== undefined;
  }

  private open({ kid, signsFrom, withdrawn, sealed_private_key: sealedPrivateKey }: StoredKey): RingKey {
    const known = this.keys.find((each) => each.kid === kid)?.key;
    return {
      kid,
      signsFrom,
      withdrawn,
      key: known ?? openSigningKey({ kid, sealedPrivateKey }, this.options.encryptionKey),
    };
  }

  /** By the database's clock, so that a host whose clock is wrong signs with the same key as the others. */
  private now(): number {
    return this.readAt.database + performance.now() - this.readAt.monotonic;
  }
}

interface StoredKey extends KeyTimes {
  readonly sealed_private_key: Buffer;
  readonly isFresh: boolean;
  readonly now: number;
}

/**
 * Adds the next key, unless another replica has just done it. It signs after its lead, or at once when no other can.
 */
async function addDueKey({ pool, encryptionKey, rotationDays }: KeyRingOptions): Promise<void> {
  const { kid, sealedPrivateKey } = sealSigningKey(generateSigningKey(), encryptionKey);
  // Two statements sent as one text are one transaction: the second of two replicas sees the key of the first,
  // and by clock_timestamp() sees it sign: its transaction may have begun, and now() stand, before that key was made.
  await pool.query(`
    select pg_advisory_xact_lock(hashtext('signing-key'));
    insert into signing_key (kid, sealed_private_key, signs_from, rotate_after)
    select '${kid}', '\\x${sealedPrivateKey.toString('hex')}'::bytea, signs_from, signs_from + interval '${rotationDays} days'
    from (select coalesce((select withdrawn_at is null from signing_key where signs_from <= clock_timestamp()
                           order by signs_from desc limit 1), false) as one_signs,
                 exists (select from signing_key where withdrawn_at is null and rotate_after > clock_timestamp()) as one_is_fresh
         ) as known,
         lateral (select clock_timestamp() + case when one_signs then interval '${LEAD_MS} milliseconds' else '0' end
                    as signs_from) as next
    where not (one_signs and one_is_fresh)`);
}
