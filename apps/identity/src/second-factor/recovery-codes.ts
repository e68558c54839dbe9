import { createHmac, hkdfSync, randomInt } from 'node:crypto';

/** Without letters and digits that look alike. */
const ALPHABET = '23456789abcdefghjkmnpqrstuvwxyz';
const HALF = 5;
const HOW_MANY = 10;

/** Ten codes `xxxxx-xxxxx`, each of 49 bits, shown once. */
export const newRecoveryCodes = (): string[] => Array.from({ length: HOW_MANY }, () => `${half()}-${half()}`);

const half = (): string => Array.from({ length: HALF }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('');

/** The key for {@link recoveryCodeHash}, from the one that encrypts at rest, so that neither can be used for the other. */
export const recoveryCodeKey = (encryptionKey: Buffer): Buffer =>
  Buffer.from(hkdfSync('sha256', encryptionKey, '', 'recovery codes', 32));

/**
 * What is kept of a code. 49 bits could be tried out offline against a plain hash, so it is keyed with what is not in the
 * database. Case, blanks and the hyphen do not matter.
 */
export const recoveryCodeHash = (key: Buffer, portalUserId: string, code: string): Buffer =>
  createHmac('sha256', key)
    .update(`${portalUserId}\n${code.toLowerCase().replace(/[\s-]/g, '')}`)
    .digest();
