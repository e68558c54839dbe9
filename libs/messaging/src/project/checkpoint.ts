import type { Pool, PoolClient } from 'pg';
import type { KeyStates } from './sequence-gate.js';
import { messageOf } from '../logger.js';

/** One view's reading of one partition. */
export interface CheckpointKey {
  readonly view: string;
  readonly topic: string;
  readonly partition: number;
}

/** What a transaction has done. */
export interface Done {
  /** SQL that notes how far the view has come; it goes with the commit. */
  readonly progress?: string;
}

const DEADLOCK = '40P01';
// Each time somebody else has gone on, so the second attempt nearly always succeeds.
const MAX_ATTEMPTS = 10;

/**
 * Has `work` done on a connection of its own and commits it; on an error it is rolled back and the connection thrown away
 * if that fails. `work` begins with {@link lockCheckpoint}. It is begun again when Postgres ends it because it and another
 * waited for each other's rows, as two topics of a view can where their records are applied one by one.
 */
export async function inTransaction<T extends Done>(pool: Pool, work: (tx: PoolClient) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await onceInTransaction(pool, work);
    } catch (error) {
      if ((error as { code?: unknown }).code !== DEADLOCK || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

async function onceInTransaction<T extends Done>(pool: Pool, work: (tx: PoolClient) => Promise<T>): Promise<T> {
  const tx = await pool.connect().catch((error: unknown) => {
    throw new ConnectionLost(error);
  });
  let broken: ConnectionLost | undefined;
  // A session that Postgres ends says so in an event as well; without a listener that would end the process.
  const onError = () => undefined;
  tx.on('error', onError);
  try {
    const done = await work(tx);
    await tx.query(done.progress === undefined ? 'commit' : `${done.progress}; commit`);
    return done;
  } catch (error) {
    await tx.query('rollback').catch((failure: unknown) => {
      broken = new ConnectionLost(failure);
    });
    // Without the connection the first error says nothing about the data.
    throw broken ?? error;
  } finally {
    tx.removeListener('error', onError);
    tx.release(broken);
  }
}

/** A place as it is stored. */
export interface Checkpoint {
  /** The next offset to apply. */
  readonly offset: bigint;
  readonly states: KeyStates;
}

/**
 * Begins the transaction and locks the place's offset; whoever else applies to it waits. A process that stops in the
 * middle loses the transaction after 10 s, so that it blocks nobody.
 *
 * @param keys those of which the state is wanted
 * @param sequenced whether sequences are kept for them
 */
export async function lockCheckpoint(
  tx: PoolClient,
  place: CheckpointKey,
  keys: readonly string[] = [],
  sequenced = false,
): Promise<Checkpoint> {
  const [view, topic, some] = [tx.escapeLiteral(place.view), tx.escapeLiteral(place.topic), textArray(tx, keys)];
  const select = `select next_offset from consumer_offset
    where view = ${view} and topic = ${topic} and partition = ${String(Math.trunc(place.partition))} for update`;
  const states = [
    `select true as parked, key, min("offset") as n from parked_record
      where view = ${view} and topic = ${topic} and key = any(${some}) group by key`,
    `select false, key, sequence from applied_sequence where view = ${view} and topic = ${topic} and key = any(${some})`,
  ];
  // One round trip for all of it, as literals: the simple protocol takes several statements.
  const results = (await tx.query(
    `begin; set local idle_in_transaction_session_timeout = '10s'; set local lock_timeout = '5s'; ${select};
     ${states.slice(0, sequenced ? 2 : 1).join(' union all ')}`,
  )) as unknown as readonly { rows: unknown[] }[];
  const [offsets, rows] = results.slice(-2).map((result) => result.rows) as [{ next_offset: string }[], KeyStateRow[]];
  const stored = offsets[0]?.next_offset ?? (await firstOffset(tx, place, select));
  return { offset: BigInt(stored), states: keyStates(rows) };
}

async function firstOffset(tx: PoolClient, { view, topic, partition }: CheckpointKey, select: string): Promise<string> {
  await tx.query(
    'insert into consumer_offset (view, topic, partition, next_offset) values ($1, $2, $3, 0) on conflict do nothing',
    [view, topic, partition],
  );
  const { rows } = await tx.query<{ next_offset: string }>(select);
  return rows[0]?.next_offset ?? '0';
}

interface KeyStateRow {
  readonly parked: boolean;
  readonly key: string;
  readonly n: string;
}

function keyStates(rows: readonly KeyStateRow[]): KeyStates {
  const states = { sequences: new Map<string, number>(), parkedFrom: new Map<string, bigint>() };
  for (const { parked, key, n } of rows) {
    if (parked) states.parkedFrom.set(key, BigInt(n));
    else states.sequences.set(key, Number(n));
  }
  return states;
}

/** The statement that stores the next offset and the sequences that have moved on, for {@link Done}. */
export function checkpointStatement(
  tx: PoolClient,
  place: CheckpointKey,
  nextOffset: bigint | undefined,
  advanced: ReadonlyMap<string, number>,
): string {
  const [view, topic] = [tx.escapeLiteral(place.view), tx.escapeLiteral(place.topic)];
  const statements: string[] = [];
  if (advanced.size > 0) {
    statements.push(`insert into applied_sequence (view, topic, key, sequence)
      select ${view}, ${topic}, a.key, a.sequence
        from unnest(${textArray(tx, [...advanced.keys()])}, '{${[...advanced.values()].join(',')}}'::bigint[]) as a (key, sequence)
      on conflict (view, topic, key) do update set sequence = excluded.sequence`);
  }
  if (nextOffset !== undefined) {
    statements.push(`update consumer_offset set next_offset = ${String(nextOffset)}
      where view = ${view} and topic = ${topic} and partition = ${String(Math.trunc(place.partition))}`);
  }
  return statements.join('; ');
}

const textArray = (tx: PoolClient, values: readonly string[]): string =>
  `array[${values.map((value) => tx.escapeLiteral(value)).join(',')}]::text[]`;

/**
 * True when the data is at fault and another try would fail again: Postgres's classes 22 (data exception), 23
 * (constraint), 54 (limit), P0 (raised), or an error of our own code while the connection is fine.
 */
export function isDataError(error: unknown): boolean {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  if (error instanceof ConnectionLost) return false;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? /^(?:22|23|54|P0)/.test(code) : true;
}

/** The transaction could not be worked with; its data is not to blame. */
class ConnectionLost extends Error {
  constructor(cause: unknown) {
    super(`the database connection failed: ${messageOf(cause)}`, { cause });
    this.name = 'ConnectionLost';
  }
}
