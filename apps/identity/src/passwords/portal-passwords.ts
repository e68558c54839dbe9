import { hash, verify } from '@node-rs/argon2';
import { availableParallelism } from 'node:os';
import { firstPassword } from '../passwords.js';
import { FairQueue } from './fair-queue.js';

// OWASP's recommendation for argon2id: 19 MiB, two passes, one lane. The library's default algorithm is argon2id.
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** One core stays for everything else. At about 20 ms a hash, the last in a full queue waits some two seconds. */
const LIMITS = { atOnce: availableParallelism() > 2 ? 2 : 1, perSource: 32, inTotal: 128 };

/**
 * The passwords of people: argon2id in PHC format. Whoever hashes or compares one does it here, where at most two are
 * worked on at once and the others wait, fairly among the sources they come from, so that guessing starves nobody.
 */
export class PortalPasswords {
  private readonly queue = new FairQueue(LIMITS);
  private hashOfNoPassword: Promise<string> | undefined;

  /**
   * What is kept of a password.
   *
   * @param source whose turn it uses up, see `networkOf`
   * @throws {QueueFull}
   */
  hash(password: string, source: string): Promise<string> {
    return this.queue.run(source, () => hash(normalised(password), COST));
  }

  /**
   * @param find what is kept of the password, undefined for an unknown person: the same work is done then and the answer
   *   is false. It is called when its turn has come, so that whoever is shed has cost nothing but that.
   * @param source whose turn it uses up, see `networkOf`
   * @throws {QueueFull}
   */
  matches(find: () => Promise<string | undefined>, password: string, source: string): Promise<boolean> {
    return this.queue.run(source, async () => {
      const storedHash = await find();
      this.hashOfNoPassword ??= hash(firstPassword(), COST);
      const compared = storedHash ?? (await this.hashOfNoPassword);
      const spellings = new Set([normalised(password), password]);
      let matches = false;
      // What was set before passwords were normalised was hashed as it was typed. How often is compared depends on the
      // password sent alone.
      for (const spelling of spellings) matches = (await verify(compared, spelling)) || matches;
      return matches && storedHash !== undefined;
    });
  }
}

/** Keyboards write one and the same letter in several ways: `ä`, or `a` and a combining diaeresis. */
const normalised = (password: string): string => password.normalize('NFC');
