import type { Projection } from '@rebelcore/messaging/project/projection';
import { activityHandlers, append } from './activity.projector.js';
import { describeDiscard } from './description.js';

/** Where a parked record lies, as the replay prints it: `api.calls.billing.v1/3@17`. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** @throws {Error} for a text that is no place of a record of the log */
export function parsePlaces(texts: readonly string[]): Place[] {
  return texts.map((text) => {
    const [, topic = '', partition = '', offset = ''] = /^([^/@]+)\/(\d{1,9})@(\d{1,18})$/.exec(text) ?? [];
    if (topic === '') throw new Error(`${text} is no place of a record, such as api.calls.billing.v1/3@17`);
    if (activityHandlers(topic) === undefined) throw new Error(`${topic} is no topic of the activity log`);
    return { topic, partition: Number(partition), offset: BigInt(offset) };
  });
}

/**
 * Lets records go that could not become entries, for good; each leaves an entry that says so. What others wait behind may not go,
 * unless it bears the number of another event, which is in the log.
 *
 * @returns how many were still parked and may go
 */
export async function discardParked(
  projection: Projection,
  places: readonly Place[],
  { by, why }: { readonly by: string; readonly why: string },
): Promise<number> {
  const at = new Date().toISOString();
  let gone = 0;
  for (const { topic, partition, offset } of places) {
    const code = activityHandlers(topic)?.unordered === true ? undefined : 'sequence.reused';
    gone += await projection.discardParked({ topic, partition, offsets: [offset], code }, (tx, records) =>
      append(
        tx,
        records.map((record) => describeDiscard(record, { at, by, why })),
      ),
    );
  }
  return gone;
}
