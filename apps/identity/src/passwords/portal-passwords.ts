import { hash, verify } from '@node-rs/argon2';
import { firstPassword } from './passwords.js';

// OWASP's recommendation for argon2id: 19 MiB, two passes, one lane. The library's default algorithm is argon2id.
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

let nobody: Promise<string> | undefined;

export const hashPassword = (password: string): Promise<string> => hash(password, COST);

/** Pass undefined for an unknown person: the same work is done and the answer is false. */
export async function passwordMatches(storedHash: string | undefined, password: string): Promise<boolean> {
  nobody ??= hashPassword(firstPassword());
  const matches = await verify(storedHash ?? (await nobody), password);
  return matches && storedHash !== undefined;
}
