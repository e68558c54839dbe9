import { createPublicKey, type KeyObject } from 'node:crypto';
import { JwksClient } from 'jwks-rsa';
import { z } from 'zod';

/** The issuer's keys cannot be had at the moment, so that nothing can be said about a token. */
export class KeysUnavailable extends Error {
  constructor(options?: ErrorOptions) {
    super('the keys that tokens are signed with cannot be fetched', options);
    this.name = 'KeysUnavailable';
  }
}

/** The keys of an issuer, fetched from it or its own. */
export interface VerificationKeys {
  /**
   * The key of this id; undefined when the issuer has none.
   *
   * @throws {KeysUnavailable}
   */
  find(kid: string): Promise<KeyObject | undefined>;
  /** Whether this key counts, as far as is known without asking. What it verified before counts no longer than it does. */
  has(kid: string): boolean;
}

const FETCH_TIMEOUT_MS = 3_000;
/** As often as the keys are fetched anew while they are in use, so that one withdrawn ends without a restart. */
const REFRESH_EVERY_MS = 5 * 60_000;
/** A known key is used on while the issuer does not answer, but not for ever: a key withdrawn must end one day. */
const MAX_KEY_AGE_MS = 60 * 60_000;
/** An unknown `kid` costs at most one fetch in this time, whoever sends however many. */
const FETCH_INTERVAL_MS = 6_000;
const FIRST_FETCH_INTERVAL_MS = 1_000;

const jwks = z.array(z.unknown());
/** What of a JWK (RFC 7517) says which key it is and that it is for signatures; Node reads the rest. */
const signingJwk = z.looseObject({
  kid: z.string(),
  kty: z.enum(['EC', 'OKP', 'RSA']),
  use: z.literal('sig').optional(),
});

/**
 * The issuer's public keys, fetched together and each made once. Nothing in a token says where from: `jwksUri` alone
 * does. jwks-rsa's own cache holds single keys, so that its rate limit, used up by made-up `kid`s, would shut out a new
 * genuine one; here each of the few fetches brings all keys.
 */
export class IssuerKeys implements VerificationKeys {
  private readonly client: JwksClient;
  private keys: ReadonlyMap<string, KeyObject> = new Map();
  private fetchedAt: Moment | undefined;
  private triedAt: Moment | undefined;
  private fetching: Promise<void> | undefined;
  private lastError: unknown;

  constructor(jwksUri: string) {
    this.client = new JwksClient({ jwksUri, cache: false, timeout: FETCH_TIMEOUT_MS });
    // Not only when somebody asks: the first one to ask after a pause would still be let in by a withdrawn key.
    setInterval(() => {
      if (this.fetchedAt !== undefined) void this.refresh();
    }, REFRESH_EVERY_MS).unref();
  }

  async find(kid: string): Promise<KeyObject | undefined> {
    if (this.has(kid)) return this.keys.get(kid);
    await this.refresh();
    if (this.isOutdated()) throw new KeysUnavailable({ cause: this.lastError });
    return this.keys.get(kid);
  }

  has(kid: string): boolean {
    if (this.isOutdated()) return false;
    if (age(this.fetchedAt) > REFRESH_EVERY_MS) void this.refresh();
    return this.keys.has(kid);
  }

  private isOutdated(): boolean {
    return age(this.fetchedAt) >= MAX_KEY_AGE_MS;
  }

  /** Fetches unless it has just been tried; never rejects. */
  private async refresh(): Promise<void> {
    const interval = this.fetchedAt === undefined ? FIRST_FETCH_INTERVAL_MS : FETCH_INTERVAL_MS;
    if (this.fetching === undefined && age(this.triedAt) >= interval) {
      this.triedAt = present();
      this.fetching = this.fetch()
        .catch((error: unknown) => {
          this.lastError = error;
        })
        .finally(() => {
          this.fetching = undefined;
        });
    }
    await this.fetching;
  }

  private async fetch(): Promise<void> {
    // Its `getSigningKeys` takes a set without keys for a failure, but that is what is left once the only key is withdrawn.
    const published = jwks.parse(await this.client.getKeys());
    this.keys = new Map(published.flatMap(readable));
    this.fetchedAt = present();
  }
}

/** The key of a JWK with its id; none for one that is not understood, since a set may hold others' (RFC 7517, section 5). */
function readable(published: unknown): [kid: string, key: KeyObject][] {
  const { data: jwk } = signingJwk.safeParse(published);
  if (jwk === undefined) return [];
  try {
    return [[jwk.kid, createPublicKey({ key: jwk, format: 'jwk' })]];
  } catch {
    return [];
  }
}

/** By both clocks: one may be set, the other stands still while the machine sleeps. */
interface Moment {
  readonly wall: number;
  readonly monotonic: number;
}

const present = (): Moment => ({ wall: Date.now(), monotonic: performance.now() });

/** Milliseconds since then by whichever clock says more. */
const age = (since: Moment | undefined): number =>
  since === undefined ? Infinity : Math.max(Date.now() - since.wall, performance.now() - since.monotonic);
