import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { looksRandom } from './random-key.js';

/** The secret keys under which passwords of API users are stored, by version. The last one is used for new passwords. */
export interface Peppers {
  readonly current: string;
  readonly keys: ReadonlyMap<string, KeyObject>;
}

/** What is stored of a password: 32 bytes, and the pepper they were made under. */
export interface Verifier {
  readonly pepperVersion: string;
  /** HMAC-SHA-256, base64url. */
  readonly verifier: string;
}

const NOT_RANDOM = 'must be random, not a placeholder';
const versionsOf = (text: string) => text.split(',').map((pair) => pair.split(':')[0]);

/** `v1:<base64url of 32 bytes>[,v2:…]`, as in CREDENTIAL_PEPPERS. */
export const peppers = z
  .string()
  .regex(
    /^[a-z0-9]+:[A-Za-z0-9_-]{43}(,[a-z0-9]+:[A-Za-z0-9_-]{43})*$/,
    'must be version:<32 random bytes in base64url>, or several separated by commas',
  )
  // The later one would replace the other, and every password kept under that would be wrong.
  .refine((text) => versionsOf(text).length === new Set(versionsOf(text)).size, 'must name each version once')
  .transform((text): Peppers => {
    const pairs = text.split(',').map((pair) => pair.split(':') as [string, string]);
    // Made once: an HMAC with bytes as its key makes such an object each time, which costs more than the HMAC.
    const keys = new Map(pairs.map(([version, key]) => [version, createSecretKey(key, 'base64url')] as const));
    return { current: pairs.at(-1)?.[0] ?? '', keys };
  })
  .refine((value) => [...value.keys.values()].every((key) => looksRandom(key.export())), NOT_RANDOM);

/**
 * The MAC covers the username as well, so that a verifier copied to another row opens nothing. A plain keyed hash is
 * enough because the server alone makes these passwords, 226 bits each and more (OWASP ASVS 5.0, 6.5.2).
 */
function mac(key: KeyObject, username: string, password: string): Buffer {
  return createHmac('sha256', key).update(username).update('\0').update(password).digest();
}

export function makeVerifier(known: Peppers, username: string, password: string): Verifier {
  const key = known.keys.get(known.current);
  if (key === undefined) throw new Error(`pepper ${known.current} is not configured`);
  return { pepperVersion: known.current, verifier: mac(key, username, password).toString('base64url') };
}

/** What may be stored of a password, one for each pepper. */
export const possibleVerifiers = (known: Peppers, username: string, password: string): Verifier[] =>
  [...known.keys].map(([pepperVersion, key]) => ({
    pepperVersion,
    verifier: mac(key, username, password).toString('base64url'),
  }));

/** Where the username stands in a verifier's MAC. No username is this one, so that none of the two can be taken for the other. */
const LOOKUP = '\0lookup';

/**
 * Names under which an API user can be found by its password alone, one for each pepper, that of new passwords first. HMAC-SHA-256,
 * base64url.
 */
export function lookupKeys(known: Peppers, password: string): string[] {
  const newestFirst = [...known.keys.values()].reverse();
  return newestFirst.map((key) => mac(key, LOOKUP, password).toString('base64url'));
}

const NOBODY: Verifier = { pepperVersion: '', verifier: Buffer.alloc(32).toString('base64url') };

/**
 * Compares in constant time. Pass `undefined` for an unknown username: the same work is done and the answer is false.
 * A verifier under a pepper that is no longer configured matches nothing.
 */
export function verifierMatches(
  known: Peppers,
  stored: Verifier | undefined,
  username: string,
  password: string,
): boolean {
  const candidate = stored ?? NOBODY;
  const key = known.keys.get(candidate.pepperVersion) ?? known.keys.get(known.current);
  if (key === undefined) return false;
  const expected = Buffer.from(candidate.verifier, 'base64url');
  const actual = mac(key, username, password);
  const equal = expected.length === actual.length && timingSafeEqual(expected, actual);
  return equal && stored !== undefined && known.keys.has(candidate.pepperVersion);
}
