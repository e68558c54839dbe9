import type { Pool, PoolClient } from 'pg';
import { messageOf } from './logger.js';

/** One view's reading of one partition. */
export interface Place {
  readonly view: string;
  readonly topic: string;
  readonly partition: number;
}

/**
 * Begins a transaction on a connection of its own and commits it; on an error it is rolled back and the connection
 * thrown away if that fails. A process that stops in the middle loses the transaction after 10 s, so that it blocks
 * nobody.
 */
export async function inTransaction<T>(pool: Pool, work: (tx: PoolClient) => Promise<T>): Promise<T> {
  const tx = await pool.connect().catch((error: unknown) => {
    throw new ConnectionLost(error);
  });
  let broken: ConnectionLost | undefined;
  // A session that Postgres ends says so in an event as well; without a listener that would end the process.
  const onError = () => undefined;
  tx.on('error', onError);
  try {
    const result = await work(tx);
    await tx.query('commit');
    return result;
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

/**
 * Begins the transaction and locks the place's offset; whoever else applies to it waits.
 *
 * @returns the next offset to apply
 */
export async function lockOffset(tx: PoolClient, place: Place): Promise<bigint> {
  const view = tx.escapeLiteral(place.view);
  const topic = tx.escapeLiteral(place.topic);
  const partition = String(Math.trunc(place.partition));
  const select = `select next_offset from consumer_offset
    where view = ${view} and topic = ${topic} and partition = ${partition} for update;`;
  // One round trip for all of it, as literals: the simple protocol takes several statements.
  const begun = (await tx.query(
    `begin; set local idle_in_transaction_session_timeout = '10s'; set local lock_timeout = '5s'; ${select}`,
  )) as unknown as readonly { rows: readonly { next_offset: string }[] }[];
  const stored = begun.at(-1)?.rows[0]?.next_offset;
  if (stored !== undefined) return BigInt(stored);

  await tx.query(
    'insert into consumer_offset (view, topic, partition, next_offset) values ($1, $2, $3, 0) on conflict do nothing',
    [place.view, place.topic, place.partition],
  );
  const { rows } = await tx.query<{ next_offset: string }>(select);
  return BigInt(rows[0]?.next_offset ?? 0);
}

/** Stores the next offset and the sequences that have moved on, in one statement. */
export async function storeProgress(
  tx: PoolClient,
  { view, topic, partition }: Place,
  nextOffset: bigint | undefined,
  advanced: ReadonlyMap<string, number>,
): Promise<void> {
  await tx.query(
    `with advanced as (
       insert into applied_sequence (view, topic, key, sequence)
       select $1, $2, a.key, a.sequence from unnest($5::text[], $6::bigint[]) as a (key, sequence)
       on conflict (view, topic, key) do update set sequence = excluded.sequence
     )
     update consumer_offset set next_offset = coalesce($4, next_offset)
      where view = $1 and topic = $2 and partition = $3`,
    [view, topic, partition, nextOffset?.toString() ?? null, [...advanced.keys()], [...advanced.values()]],
  );
}

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
