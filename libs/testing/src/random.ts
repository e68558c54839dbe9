import fc, { type Arbitrary } from 'fast-check';
import { testSeed } from './test.config.js';

/**
 * Plays a long test with one random plan of full size: it takes seconds, so there is one run of it and no search for a smaller
 * plan. When it fails fast-check prints the plan and its seed, and `SEED=<seed>` plays it again.
 */
export async function playOnce<Plan>(plan: Arbitrary<Plan>, play: (plan: Plan) => Promise<void>): Promise<void> {
  const once = { seed: testSeed(), numRuns: 1, endOnFailure: true };
  await fc.assert(fc.asyncProperty(fc.noBias(plan), play), once);
}
