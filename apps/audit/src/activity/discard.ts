import type { Projection } from '@rebelcore/messaging/project/projection';
import { activityHandlers, append } from './activity.projector.js';
import { describeDiscard } from './description.js';

/** Where a parked record lies, as the replay prints it: `api.calls.billing.v1/3@17`. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** @throws {Error} for a text that is no place, and for a record that others may wait behind */
export function parsePlaces(texts: readonly string[]): Place[] {
  return texts.map((text) => {
    const [, topic = '', partition = '', offset = ''] = /^([^/@]+)\/(\d{1,9})@(\d{1,18})$/.exec(text) ?? [];
    if (topic === '') throw new Error(`${text} is no place of a record, such as api.calls.billing.v1/3@17`);
    if (activityHandlers(topic)?.unordered !== true) {
      throw new Error(`${text} may not be let go: what comes after it waits for it. Replay it once it can be applied`);
    }
    return { topic, partition: Number(partition), offset: BigInt(offset) };
  });
}

/**
 * Lets records go that could not become entries, for good; each leaves an entry that says so.
 *
 * @returns how many were still parked
 */
export async function discardParked(
  projection: Projection,
  places: readonly Place[],
  { by, why }: { readonly by: string; readonly why: string },
): Promise<number> {
  const at = new Date().toISOString();
  let gone = 0;
  for (const { topic, partition, offset } of places) {
    gone += await projection.discardParked({ topic, partition, offsets: [offset] }, (tx, records) =>
      append(
        tx,
        records.map((record) => describeDiscard(record, { at, by, why })),
      ),
    );
  }
  return gone;
}
