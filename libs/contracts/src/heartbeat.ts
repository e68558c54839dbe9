import { z } from 'zod';

/**
 * A statement of identity's relay on `identity.heartbeats.v1`: everything committed before `at` had been published up
 * to these offsets. Whoever has applied all of them is current as of `at`.
 */
export const heartbeat = z.object({
  at: z.iso.datetime(),
  /** Topic to the next offset of each partition, as decimal text since offsets exceed 2^53. */
  published: z.record(z.string(), z.array(z.string().regex(/^\d+$/))),
});
export type Heartbeat = z.infer<typeof heartbeat>;
