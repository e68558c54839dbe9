import { z } from 'zod';

/**
 * A statement of identity's relay on `identity.heartbeats.v1`: everything committed before `at` had been published up
 * to these offsets. Whoever has applied all of them is current as of `at`.
 */
export const heartbeat = z.object({
  /** By the clock of identity's database. */
  at: z.iso.datetime(),
  /** Which event store this is said of, and how many events it held: both never change and never go back in one store. */
  store: z.object({
    id: z.uuid(),
    position: z.string().regex(/^\d+$/),
    /** How many it held once the offsets were known: no fewer than there are before these. */
    grownTo: z.string().regex(/^\d+$/).optional(),
  }),
  /** Topic to Kafka's id of it: an offset counts nothing in a topic of the same name that was made anew. */
  incarnations: z.record(z.string(), z.uuid()),
  /** Topic to the next offset of each partition, as decimal text since offsets exceed 2^53. */
  published: z.record(z.string(), z.array(z.string().regex(/^\d+$/))),
});
export type Heartbeat = z.infer<typeof heartbeat>;
