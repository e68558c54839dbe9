import { randomBytes } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';

const STEP_MS = 30_000;
const ISSUER = 'RebelCore';

/** RFC 4226 recommends 160 bits, the length of the hash that authenticator apps use. */
export const newTotpSecret = (): Uint8Array => randomBytes(20);

/** As people type it and apps show it. */
export const base32 = (secret: Uint8Array): string => secretOf(secret).base32;

/** What the QR code says: `otpauth://totp/…`. */
export const otpauthUri = (secret: Uint8Array, account: string): string => totp(secret, account).toString();

/**
 * The step (of 30 s since 1970) that a code belongs to: the current one, the one before or the one after, since clocks
 * differ and people take time to type. Undefined for any other code.
 *
 * @param now Unix milliseconds
 */
export function stepOf(secret: Uint8Array, code: string, now: number): number | undefined {
  if (!/^\d{6}$/.test(code)) return undefined;
  const delta = totp(secret).validate({ token: code, timestamp: now, window: 1 });
  return delta === null ? undefined : Math.floor(now / STEP_MS) + delta;
}

const totp = (secret: Uint8Array, label = ''): TOTP =>
  new TOTP({ issuer: ISSUER, label, algorithm: 'SHA1', digits: 6, period: STEP_MS / 1000, secret: secretOf(secret) });

// Of a copy: a Buffer is often a part of a larger one, and the library takes all of it.
const secretOf = (secret: Uint8Array): Secret => new Secret({ buffer: Uint8Array.from(secret).buffer });
