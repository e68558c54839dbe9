import { uuid } from '@rebelcore/contracts/call-events';
import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** In the order of base62: the checksum is written with these. */
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** What and which version of it a password is, for people and for programs that look for leaked ones. */
const PREFIX = 'rbk1';
const RANDOM_LENGTH = 38;
const CHECKSUM_LENGTH = 6;
const WELL_FORMED = new RegExp(`^[0-9A-Za-z]{${PREFIX.length + RANDOM_LENGTH + CHECKSUM_LENGTH}}$`);

/** From the system's CSPRNG; `randomInt` rejects values that would favour some characters. */
export const randomCharacters = (length: number): string =>
  Array.from({ length }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('');

/**
 * The password of an API user: 48 characters of [A-Za-z0-9]. `rbk1`, then 38 random ones (226 bits), then the CRC-32 of these 42
 * in base62, padded on the left to 6.
 */
export function newApiUserPassword(): string {
  const body = PREFIX + randomCharacters(RANDOM_LENGTH);
  return body + checksumOf(body);
}

/** True for a password as {@link newApiUserPassword} makes them, checksum included. */
export const isApiUserPassword = (text: string): boolean =>
  text.startsWith(PREFIX) &&
  WELL_FORMED.test(text) &&
  checksumOf(text.slice(0, -CHECKSUM_LENGTH)) === text.slice(-CHECKSUM_LENGTH);

/**
 * True for a password that claims to be one of these and cannot be: cut off, mistyped or made up. Those from before there was a
 * prefix claim nothing.
 */
export const isMisspelt = (password: string): boolean => password.startsWith(PREFIX) && !isApiUserPassword(password);

function checksumOf(body: string): string {
  let rest = crc32(body);
  let digits = '';
  for (let place = 0; place < CHECKSUM_LENGTH; place++) {
    digits = ALPHABET.charAt(rest % ALPHABET.length) + digits;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return digits;
}

const DOMAIN = '@api.rebelcore.local';
const USERNAME = new RegExp(`^([0-9a-f-]+)${DOMAIN.replaceAll('.', '\\.')}$`, 'i');

/** A synthetic address, no mailbox. */
export const usernameOf = (apiUserId: string): string => apiUserId + DOMAIN;

/** A username in the one spelling that is stored: UUIDs and domains are the same in capitals. */
export function canonicalUsername(text: string): string {
  const trimmed = text.trim();
  return USERNAME.test(trimmed) ? trimmed.toLowerCase() : trimmed;
}

/** The id that a username holds, whether or not there is such an API user; undefined for any other text. */
export const apiUserIdIn = (username: string): string | undefined => uuid.safeParse(USERNAME.exec(username)?.[1]).data;
