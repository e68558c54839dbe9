import type { PoolClient } from 'pg';
import { SequenceGate, claimedSequence, isUsableKey, type ReceivedEvent } from './sequence-gate.js';
import { explain, parkedIn, release, type ParkedRecord } from './parking-lot.js';
import type { ProjectionHandlers } from './projection-handlers.js';
import { isDataError, checkpointStatement, type Done, type CheckpointKey } from './checkpoint.js';

export interface ReplayResult {
  /** Records that are no longer parked: applied now, or found to be applied already. */
  readonly replayed: number;
  readonly left: number;
}

/** Tries what one partition has parked; the caller holds the partition's lock. */
export async function replayPartition<E extends { readonly sequence: number }>(
  tx: PoolClient,
  place: CheckpointKey,
  handlers: ProjectionHandlers<E>,
): Promise<Done & ReplayResult & { applied: ReceivedEvent<E>[] }> {
  const sequenced = handlers.sequenced === true;
  const records = await parkedIn(tx, place);
  const byKey = Map.groupBy(records, ({ message }) => message.key);
  const sequences = sequenced
    ? await sequencesOf(tx, place, [...byKey.keys()].filter(isUsableKey))
    : new Map<string, number>();
  const released: bigint[] = [];
  const applied: ReceivedEvent<E>[] = [];

  for (const [key, parked] of byKey) {
    // Each record is judged on its own: what an earlier one could not do may be done by a corrected copy behind it.
    for (const { message } of sequenced ? bySequence(parked) : parked) {
      const gate = new SequenceGate<E>((m) => handlers.read(m), sequenced, { sequences, parkedFrom: new Map() });
      const received = gate.admit(message);
      if (received !== undefined) await applyOne(tx, handlers, received, gate, applied);
      const [rejection] = gate.parked;
      if (rejection === undefined) {
        released.push(message.offset);
        continue;
      }
      await explain(tx, place, rejection);
      if (!sequenced && key !== null) break;
    }
    if (sequenced && key !== null) {
      const done = sequences.get(key) ?? 0;
      const covered = parked.filter(({ message }) => (claimedSequence(message) ?? Infinity) <= done);
      released.push(...covered.map(({ message }) => message.offset));
    }
  }
  const gone = new Set(released);
  await release(tx, place, [...gone]);
  const progress = sequences.size > 0 ? { progress: checkpointStatement(tx, place, undefined, sequences) } : {};
  return { replayed: gone.size, left: records.length - gone.size, applied, ...progress };
}

async function applyOne<E extends { readonly sequence: number }>(
  tx: PoolClient,
  handlers: ProjectionHandlers<E>,
  received: ReceivedEvent<E>,
  gate: SequenceGate<E>,
  applied: ReceivedEvent<E>[],
): Promise<void> {
  await tx.query('savepoint one');
  try {
    await handlers.apply(tx, [received]);
    applied.push(received);
  } catch (error) {
    await tx.query('rollback to savepoint one');
    if (!isDataError(error)) throw error;
    gate.reject(received, error);
  }
  await tx.query('release savepoint one');
}

/** A record without a readable sequence keeps its place by offset, which is before what waits behind it. */
const bySequence = (parked: readonly ParkedRecord[]): ParkedRecord[] =>
  parked.toSorted((a, b) => (claimedSequence(a.message) ?? 0) - (claimedSequence(b.message) ?? 0));

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
