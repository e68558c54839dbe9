import { escapeLiteral, type Pool, type PoolClient } from 'pg';
import { inTransaction } from '../transaction.js';
import type { ReceivedMessage } from '../consume/batch-consumer.js';
import { claimedSequence, isUsableKey, type Advance, type KeyCheckpoints } from './sequence-gate.js';
import { storedKey } from './stored-key.js';

/** One view's reading of one partition. */
export interface CheckpointKey {
  readonly view: string;
  readonly topic: string;
  readonly partition: number;
}

/** What is stored of it. */
export interface Checkpoint {
  /** The next offset to apply. */
  readonly offset: bigint;
  /** Kafka's id of the topic that it counts in, where that was kept. */
  readonly incarnation: string | undefined;
  readonly keys: KeyCheckpoints;
}

/** What a transaction changes of it. */
export interface CheckpointUpdate {
  /** The next offset; undefined where it stays. */
  readonly nextOffset?: bigint;
  /** The keys that have moved on. */
  readonly advanced: ReadonlyMap<string, Advance>;
}

/** The keys of which the checkpoint is wanted as well, and whether sequences are kept for them. */
interface WantedKeys {
  readonly keys: readonly string[];
  readonly sequenced: boolean;
}

// Each time somebody else has gone on, so the second attempt nearly always succeeds.
const ATTEMPTS = 10;

/**
 * A transaction that holds the lock on a checkpoint; whoever else applies to it waits. A process that stops in the
 * middle loses the transaction after 10 s, so that it blocks nobody. The `update` that `work` answers goes with the
 * commit. All of it is begun again when Postgres ends it because it and another waited for each other's rows, as two
 * topics of a view can where their records are applied one by one.
 *
 * @throws {ConnectionLost} see {@link inTransaction}
 */
export const atCheckpoint = <T extends { readonly update?: CheckpointUpdate | undefined }>(
  pool: Pool,
  key: CheckpointKey,
  wanted: WantedKeys,
  work: (tx: PoolClient, checkpoint: Checkpoint) => Promise<T>,
): Promise<T> =>
  inTransaction(pool, (tx) => lock(tx, key, wanted), work, {
    attempts: ATTEMPTS,
    beforeCommit: ({ update }) => update && updateStatement(key, update),
  });

async function lock(tx: PoolClient, key: CheckpointKey, { keys, sequenced }: WantedKeys): Promise<Checkpoint> {
  const [view, topic, some] = [escapeLiteral(key.view), escapeLiteral(key.topic), textArray(keys)];
  const partition = String(Math.trunc(key.partition));
  const select = `select next_offset, incarnation from consumer_offset
    where view = ${view} and topic = ${topic} and partition = ${partition} for update`;
  const ofKeys = [
    // Of this partition: elsewhere lie records of the key only where partitions were added, and they are not behind each other.
    `select true as parked, key, n from unnest(${some}) as wanted (key) cross join lateral
      (select min("offset") as n from parked_record where view = ${view} and topic = ${topic} and partition = ${partition}
          and key = wanted.key) as first where n is not null`,
    `select false, key, sequence from applied_sequence where view = ${view} and topic = ${topic} and key = any(${some})`,
  ];
  // One round trip for all of it, as literals: the simple protocol takes several statements.
  const results = (await tx.query(
    `begin; set local idle_in_transaction_session_timeout = '10s'; set local lock_timeout = '5s'; ${select};
     ${ofKeys.slice(0, sequenced ? 2 : 1).join(' union all ')}`,
  )) as unknown as readonly { rows: unknown[] }[];
  const [offsets, rows] = results.slice(-2).map((result) => result.rows) as [OffsetRow[], KeyRow[]];
  const stored = offsets[0] ?? (await firstOffset(tx, key, select));
  const incarnation = stored?.incarnation ?? undefined;
  return { offset: BigInt(stored?.next_offset ?? 0), incarnation, keys: keyCheckpoints(rows) };
}

interface OffsetRow {
  readonly next_offset: string;
  readonly incarnation: string | null;
}

async function firstOffset(tx: PoolClient, { view, topic, partition }: CheckpointKey, select: string) {
  await tx.query(
    'insert into consumer_offset (view, topic, partition, next_offset) values ($1, $2, $3, 0) on conflict do nothing',
    [view, topic, partition],
  );
  return (await tx.query<OffsetRow>(select)).rows[0];
}

interface KeyRow {
  readonly parked: boolean;
  readonly key: string;
  readonly n: string;
}

function keyCheckpoints(rows: readonly KeyRow[]): KeyCheckpoints {
  const checkpoints = {
    sequences: new Map<string, number>(),
    parkedFrom: new Map<string, bigint>(),
    ids: new Map<string, Map<number, string>>(),
  };
  for (const { parked, key, n } of rows) {
    if (parked) checkpoints.parkedFrom.set(key, BigInt(n));
    else checkpoints.sequences.set(key, Number(n));
  }
  return checkpoints;
}

/** Asks for the ids of those applied events that the messages, by their numbers, come again after; seldom there are any. */
export async function readAppliedIds(
  tx: PoolClient,
  { view, topic }: CheckpointKey,
  messages: readonly ReceivedMessage[],
  { sequences, ids }: Pick<KeyCheckpoints, 'sequences' | 'ids'>,
): Promise<void> {
  const again = messages
    .filter(({ key }) => isUsableKey(key))
    .map((message) => ({ key: storedKey(message.key ?? ''), sequence: claimedSequence(message) ?? Infinity }))
    .filter(({ key, sequence }) => sequence <= (sequences.get(key) ?? 0));
  if (again.length === 0) return;
  const { rows } = await tx.query<{ key: string; sequence: string; id: string | null }>(
    `select a.key, a.sequence, r.ids[(a.sequence - r.first_sequence + 1)::integer] as id
       from unnest($3::text[], $4::bigint[]) as a (key, sequence)
      cross join lateral (select first_sequence, ids from applied_run
                           where view = $1 and topic = $2 and key = a.key and first_sequence <= a.sequence
                           order by first_sequence desc limit 1) as r`,
    [view, topic, again.map(({ key }) => key), again.map(({ sequence }) => sequence)],
  );
  for (const { key, sequence, id } of rows) {
    if (id === null || id === '') continue;
    const known = ids.get(key) ?? new Map<number, string>();
    ids.set(key, known.set(Number(sequence), id));
  }
}

function updateStatement(key: CheckpointKey, { nextOffset, advanced }: CheckpointUpdate): string {
  const [view, topic] = [escapeLiteral(key.view), escapeLiteral(key.topic)];
  const statements: string[] = [];
  if (advanced.size > 0) {
    const sequences = [...advanced.values()].map(({ sequence }) => sequence);
    statements.push(`insert into applied_sequence (view, topic, key, sequence)
      select ${view}, ${topic}, a.key, a.sequence
        from unnest(${textArray([...advanced.keys()])}, '{${sequences.join(',')}}'::bigint[]) as a (key, sequence)
      on conflict (view, topic, key) do update set sequence = excluded.sequence`);
  }
  const runs = [...advanced].filter(([, { ids }]) => ids.length > 0);
  if (runs.length > 0) {
    const rows = runs.map(
      ([of, { sequence, ids }]) =>
        `(${view}, ${topic}, ${escapeLiteral(of)}, ${String(sequence - ids.length + 1)}, ${textArray(ids)})`,
    );
    statements.push(`insert into applied_run (view, topic, key, first_sequence, ids) values ${rows.join(', ')}
      on conflict (view, topic, key, first_sequence) do update set ids = excluded.ids`);
  }
  if (nextOffset !== undefined) {
    statements.push(`update consumer_offset set next_offset = ${String(nextOffset)}
      where view = ${view} and topic = ${topic} and partition = ${String(Math.trunc(key.partition))}`);
  }
  return statements.join('; ');
}

const textArray = (values: readonly string[]): string =>
  `array[${values.map((value) => escapeLiteral(value)).join(',')}]::text[]`;
