import { randomCharacters } from '@rebelcore/credentials/api-user-password';
import { lengthOf } from '@rebelcore/service/text';

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
