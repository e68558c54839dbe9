import type { Pool, PoolClient } from 'pg';
import type { ReceivedMessage } from '../consume/batch-consumer.js';
import { atCheckpoint, readAppliedIds, type CheckpointKey, type CheckpointUpdate } from './checkpoint.js';
import { parkedRecords, removeParked, updateReason } from './parking-lot.js';
import { applyAlone, type ProjectionHandlers } from './projection-handlers.js';
import {
  SequenceGate,
  claimedId,
  claimedSequence,
  isUsableKey,
  type Advance,
  type ReceivedEvent,
} from './sequence-gate.js';

export interface ReplayResult {
  /** Records that are no longer parked: applied now, or found to be applied already. */
  readonly replayed: number;
  readonly left: number;
}

interface ReplayedPartition<E> extends ReplayResult {
  readonly applied: readonly ReceivedEvent<E>[];
  readonly update?: CheckpointUpdate | undefined;
}

/** Tries what one partition has parked, under the lock that its batches take: meanwhile nothing new is parked behind it. */
export const replayPartition = <E extends { readonly sequence: number }>(
  pool: Pool,
  key: CheckpointKey,
  handlers: ProjectionHandlers<E>,
): Promise<ReplayedPartition<E>> =>
  atCheckpoint(pool, key, { keys: [], sequenced: false }, (tx) => replayParked(tx, key, handlers));

async function replayParked<E extends { readonly sequence: number }>(
  tx: PoolClient,
  checkpointKey: CheckpointKey,
  handlers: ProjectionHandlers<E>,
): Promise<ReplayedPartition<E>> {
  const sequenced = handlers.sequenced === true;
  const messages = await parkedRecords(tx, checkpointKey);
  const byKey = Map.groupBy(messages, ({ key }) => key);
  const sequences = sequenced
    ? await sequencesOf(tx, checkpointKey, [...byKey.keys()].filter(isUsableKey))
    : new Map<string, number>();
  const ids = new Map<string, Map<number, string>>();
  if (sequenced) await readAppliedIds(tx, checkpointKey, messages, { sequences, ids });
  const advanced = new Map<string, Advance>();
  const replayed = new Set<bigint>();
  const applied: ReceivedEvent<E>[] = [];

  for (const [key, parked] of byKey) {
    // Each record is judged on its own: what an earlier one could not do may be done by a corrected copy behind it.
    for (const message of sequenced ? bySequence(parked) : parked) {
      const gate = new SequenceGate<E>((m) => handlers.read(m), handlers, { sequences, ids, parkedFrom: new Map() });
      const received = gate.admit(message);
      if (received !== undefined && (await applyAlone(tx, handlers, gate, received))) applied.push(received);
      for (const [of, { sequence, ids: more }] of gate.advanced) {
        advanced.set(of, { sequence, ids: [...(advanced.get(of)?.ids ?? []), ...more] });
      }
      const [rejection] = gate.parked;
      if (rejection === undefined) {
        replayed.add(message.offset);
        continue;
      }
      await updateReason(tx, checkpointKey, rejection);
      if (!sequenced && handlers.unordered !== true && key !== null) break;
    }
    if (!sequenced || key === null) continue;
    const last = sequences.get(key) ?? 0;
    for (const message of parked) {
      const claimed = claimedSequence(message) ?? Infinity;
      const had = ids.get(key)?.get(claimed);
      if (claimed <= last && (had === undefined || had === claimedId(message))) replayed.add(message.offset);
    }
  }
  await removeParked(tx, checkpointKey, [...replayed]);
  const result = { replayed: replayed.size, left: messages.length - replayed.size, applied };
  return advanced.size > 0 ? { ...result, update: { advanced } } : result;
}

/** A record without a readable sequence keeps its place by offset, which is before what waits behind it. */
const bySequence = (parked: readonly ReceivedMessage[]): ReceivedMessage[] =>
  parked.toSorted((a, b) => (claimedSequence(a) ?? 0) - (claimedSequence(b) ?? 0));

async function sequencesOf(
  tx: PoolClient,
  { view, topic }: CheckpointKey,
  keys: string[],
): Promise<Map<string, number>> {
  const { rows } = await tx.query<{ key: string; sequence: string }>(
    'select key, sequence from applied_sequence where view = $1 and topic = $2 and key = any($3::text[])',
    [view, topic, keys],
  );
  return new Map(rows.map(({ key, sequence }) => [key, Number(sequence)]));
}
