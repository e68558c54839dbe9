import { testSeed } from './test.config.js';

export interface Random {
  readonly seed: number;
  /** A whole number from 0 up to, not including, `below`. */
  int(below: number): number;
  chance(probability: number): boolean;
  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T;
}

/**
 * Repeatable randomness; the seed is printed, and `SEED=<seed>` plays it again. Source: mulberry32, public domain.
 *
 * @param what named in the printed line
 */
export function seededRandom(what: string, seed = testSeed()): Random {
  process.stdout.write(`${what}: SEED=${String(seed)}\n`);
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (below: number) => Math.floor(next() * below);
  const pick = <T>(list: readonly T[]): T => list[int(list.length)] as T;
  return { seed, int, chance: (probability) => next() < probability, pick };
}
