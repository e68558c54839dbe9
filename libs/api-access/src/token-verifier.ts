import { LRUCache } from 'lru-cache';
import { hash } from 'node:crypto';
import type { Strategy } from 'passport-jwt';
import { keyIdOf } from './bearer-token.js';
import { KeysUnavailable, type VerificationKeys } from './issuer-keys.js';

const MAX_CACHED = 20_000;

/**
 * Verifies tokens with a passport-jwt strategy and remembers verified ones, since verifying costs more than anything else in
 * a guarded call. Expiry is for the caller to check, every time.
 */
export class TokenVerifier<Holder extends object> {
  /** By the SHA-256 of the token, the longest unused out first: the tokens themselves are not kept in memory. */
  private readonly verified = new LRUCache<string, { readonly holder: Holder; readonly kid: string }>({
    max: MAX_CACHED,
  });

  constructor(
    private readonly strategy: Strategy,
    private readonly keys: VerificationKeys,
  ) {}

  /**
   * Who holds this token; undefined when it is none of this issuer's.
   *
   * @throws {KeysUnavailable}
   */
  async holderOf(token: string): Promise<Holder | undefined> {
    const fingerprint = hash('sha256', token, 'base64');
    const remembered = this.verified.get(fingerprint);
    // A key that was withdrawn takes with it what it verified.
    if (remembered !== undefined && this.keys.has(remembered.kid)) return remembered.holder;
    const holder = await this.verify(token);
    if (holder !== undefined) this.verified.set(fingerprint, { holder, kid: keyIdOf(token) });
    return holder;
  }

  /** Runs the strategy as passport does, for this one token. */
  private verify(token: string): Promise<Holder | undefined> {
    return new Promise((resolve, reject) => {
      const attempt = Object.create(this.strategy) as Strategy;
      attempt.success = (holder: Holder) => {
        resolve(holder);
      };
      attempt.fail = (error: unknown) => {
        if (error instanceof KeysUnavailable) reject(error);
        else resolve(undefined);
      };
      attempt.error = () => {
        resolve(undefined);
      };
      attempt.authenticate({ headers: { authorization: `Bearer ${token}` } } as never);
    });
  }
}
