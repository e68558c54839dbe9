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

/**
 * The signing keys of a service, as its database has them: which one signs now, and which ones verify. All replicas read
 * the same times by the database's clock and so agree without speaking to each other; a key added or withdrawn by
 * `npm run keys` counts within {@link REFRESH_EVERY_MS}, without a restart.
 */
export class SigningKeyRing {
  private stored: Reading = { keys: [], at: { database: 0, monotonic: 0 } };
  /** Those among them that are published. */
  private opened: ReadonlyMap<string, SigningKey> = new Map();
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

  /** The key that signs now; none after it was withdrawn, until another one could be added. */
  get current(): SigningKey | undefined {
    const found = signingAt(this.stored.keys, this.now());
    return found && this.opened.get(found.kid);
  }

  /** The key of this id, while its tokens count. */
  find(kid: string): SigningKey | undefined {
    return this.published().find((key) => key.kid === kid);
  }

  /** What verifies: the next key, the one that signs, and those whose last tokens are still out. Newest first. */
  jwks(): { keys: PublicJwk[] } {
    return { keys: this.published().map(({ publicJwk }) => publicJwk) };
  }

  /** Reads the stored keys; adds the next one first when it is due. */
  async refresh(): Promise<void> {
    let stored = await this.read();
    try {
      if (isKeyDue(stored)) {
        await addDueKey(this.options);
        stored = await this.read();
      }
    } finally {
      // A key withdrawn goes together with the coming of the next one, so that one signs at any time; but where none can be
      // added, it goes.
      this.take(stored);
    }
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private async read(): Promise<Reading> {
    const { rows: keys } = await this.options.pool.query<StoredKey>(
      `select kid, sealed_private_key, withdrawn_at is null and rotate_after > now() as "isFresh", withdrawn_at is not null as withdrawn,
              extract(epoch from signs_from)::float8 * 1000 as "signsFrom",
              extract(epoch from clock_timestamp())::float8 * 1000 as now
       from signing_key`,
    );
    return { keys, at: { database: keys[0]?.now ?? 0, monotonic: performance.now() } };
  }

  private take(stored: Reading): void {
    const published = publishedAt(stored.keys, stored.at.database);
    this.opened = new Map(published.map((each) => [each.kid, this.opened.get(each.kid) ?? this.open(each)]));
    this.stored = stored;
  }

  private open({ kid, sealed_private_key: sealedPrivateKey }: StoredKey): SigningKey {
    return openSigningKey({ kid, sealedPrivateKey }, this.options.encryptionKey);
  }

  private published(): SigningKey[] {
    return publishedAt(this.stored.keys, this.now()).flatMap(({ kid }) => this.opened.get(kid) ?? []);
  }

  /** By the database's clock, so that a host whose clock is wrong signs with the same key as the others. */
  private now(): number {
    const { database, monotonic } = this.stored.at;
    return database + performance.now() - monotonic;
  }
}

/** All keys, those withdrawn too: which one signs depends on them. */
interface Reading {
  readonly keys: readonly StoredKey[];
  /** The database's clock, in Unix milliseconds, and ours that cannot be set. */
  readonly at: { readonly database: number; readonly monotonic: number };
}

interface StoredKey extends KeyTimes {
  readonly sealed_private_key: Buffer;
  readonly isFresh: boolean;
  readonly now: number;
}

/** Whether another key is due, or none signs. */
const isKeyDue = ({ keys, at }: Reading): boolean =>
  !keys.some(({ isFresh }) => isFresh) || signingAt(keys, at.database) === undefined;

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
