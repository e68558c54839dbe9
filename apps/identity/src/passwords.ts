import { lengthOf } from '@rebelcore/service/text';
import { randomInt } from 'node:crypto';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ALPHABET = `${LETTERS}0123456789`;

// randomInt draws from the system's CSPRNG and rejects values that would favour some characters.
const randomCharacters = (length: number): string =>
  Array.from({ length }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('');

/** The password of an API user: 48 characters of [A-Za-z0-9], 285 bits. */
export const apiUserPassword = (): string => randomCharacters(48);

/** A password for a person to start with: 20 characters that satisfy the rule for chosen ones. */
export function firstPassword(): string {
  for (;;) {
    const password = randomCharacters(20);
    if (isAcceptable(password)) return password;
  }
}

/** The rule for chosen passwords: at least 12 characters, letters and digits. */
export const isAcceptable = (password: string): boolean =>
  lengthOf(password) >= 12 && /\p{L}/u.test(password) && /\d/.test(password);
