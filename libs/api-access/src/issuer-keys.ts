import { createPublicKey, type KeyObject } from 'node:crypto';
import { JwksClient } from 'jwks-rsa';

/** The issuer's keys cannot be had at the moment, so that nothing can be said about a token. */
export class KeysUnavailable extends Error {
  constructor(options?: ErrorOptions) {
    super('the keys that tokens are signed with cannot be fetched', options);
    this.name = 'KeysUnavailable';
  }
}

const FETCH_TIMEOUT_MS = 3_000;
const REFRESH_AFTER_MS = 10 * 60_000;
/** A known key is used on while the issuer does not answer, but not for ever: a key withdrawn must end one day. */
const MAX_KEY_AGE_MS = 60 * 60_000;
/** An unknown `kid` costs at most one fetch in this time, whoever sends however many. */
const FETCH_INTERVAL_MS = 6_000;
const FIRST_FETCH_INTERVAL_MS = 1_000;

/**
 * The issuer's public keys, fetched together and each made once. Nothing in a token says where from: `jwksUri` alone
 * does. jwks-rsa's own cache holds single keys, so that its rate limit, used up by made-up `kid`s, would shut out a new
 * genuine one; here each of the few fetches brings all keys.
 */
export class IssuerKeys {
  private readonly client: JwksClient;
  private keys: ReadonlyMap<string, KeyObject> = new Map();
  private fetchedAt = -Infinity;
  private triedAt = -Infinity;
  private fetching: Promise<void> | undefined;
  private lastError: unknown;

  constructor(jwksUri: string) {
    this.client = new JwksClient({ jwksUri, cache: false, timeout: FETCH_TIMEOUT_MS });
  }

  /**
   * The key of this id; undefined when the issuer has none.
   *
   * @throws {KeysUnavailable}
   */
  async find(kid: string): Promise<KeyObject | undefined> {
    const age = Date.now() - this.fetchedAt;
    const known = this.keys.get(kid);
    if (known !== undefined && age < MAX_KEY_AGE_MS) {
      if (age > REFRESH_AFTER_MS) void this.refresh();
      return known;
    }
    await this.refresh();
    if (Date.now() - this.fetchedAt >= MAX_KEY_AGE_MS) throw new KeysUnavailable({ cause: this.lastError });
    return this.keys.get(kid);
  }

  /** Fetches unless it has just been tried; never rejects. */
  private async refresh(): Promise<void> {
    const interval = this.fetchedAt === -Infinity ? FIRST_FETCH_INTERVAL_MS : FETCH_INTERVAL_MS;
    if (this.fetching === undefined && Date.now() - this.triedAt >= interval) {
      this.triedAt = Date.now();
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
    const published = await this.client.getSigningKeys();
    this.keys = new Map(published.map((key) => [key.kid, createPublicKey(key.getPublicKey())]));
    this.fetchedAt = Date.now();
  }
}
