import type { Pool, PoolClient } from 'pg';
import { messageOf } from './logger.js';

export interface TransactionOptions<Result> {
  /** SQL that goes with the commit, in the same round trip. */
  readonly beforeCommit?: (result: Result) => string | undefined;
  /** How often it is begun, when Postgres ends it in favour of another. Default 3, so `work` may be done again. */
  readonly attempts?: number;
}

/** It and another waited for each other's rows, or read what the other changed. */
const ENDED_FOR_ANOTHER: ReadonlySet<unknown> = new Set(['40P01', '40001']);

/**
 * Runs `work` between `begin` and the commit, on a connection of its own. An error of `begin` or `work` rolls back and
 * is passed on while the connection is fine; otherwise the connection is thrown away.
 *
 * @param begin sends `begin`, and may ask for more in the same round trip; its answer is handed to the work
 * @throws {ConnectionLost} no connection was to be had, or it was lost or stood still on the way; whether the commit was
 *   carried out is then unknown
 */
export async function inTransaction<Begun, Result>(
  pool: Pool,
  begin: (tx: PoolClient) => Promise<Begun>,
  work: (tx: PoolClient, begun: Begun) => Promise<Result>,
  { beforeCommit, attempts = 3 }: TransactionOptions<Result> = {},
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(pool, begin, work, beforeCommit);
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (!ENDED_FOR_ANOTHER.has(code) || attempt >= attempts) throw error;
    }
  }
}

async function once<Begun, Result>(
  pool: Pool,
  begin: (tx: PoolClient) => Promise<Begun>,
  work: (tx: PoolClient, begun: Begun) => Promise<Result>,
  beforeCommit: TransactionOptions<Result>['beforeCommit'],
): Promise<Result> {
  const tx = await pool.connect().catch((error: unknown) => {
    throw new ConnectionLost(error);
  });
  let lost: ConnectionLost | undefined;
  const onLost = (error: unknown) => {
    lost ??= new ConnectionLost(error);
  };
  // A connection that is lost between two queries says so by an event, which would end the process if nobody listened.
  tx.on('error', onLost);
  try {
    const result = await work(tx, await begin(tx));
    const more = beforeCommit?.(result);
    await tx.query(more === undefined ? 'commit' : `${more}; commit`);
    return result;
  } catch (error) {
    // A server that did not answer in time would not answer the rollback either.
    if (isReadTimeout(error)) onLost(error);
    else await tx.query('rollback').catch(onLost);
    // Without the connection the first error says nothing about the data.
    throw lost ?? error;
  } finally {
    tx.removeListener('error', onLost);
    tx.release(lost);
  }
}

/** The transaction could not be worked with; its data is not to blame. */
export class ConnectionLost extends Error {
  /** Postgres's or the socket's code, where the cause has one: `57P01`, `ECONNREFUSED`. */
  readonly code: string | undefined;

  constructor(cause: unknown) {
    super(`the database connection failed: ${messageOf(cause)}`, { cause });
    this.name = 'ConnectionLost';
    this.code = (cause as { code?: string }).code;
  }
}

/**
 * True when the data is at fault and another try would fail again: Postgres's classes 21 (cardinality), 22 (data
 * exception), 23 (constraint), 54 (limit), P0 (raised), or an error of our own code while the connection is fine.
 */
export function isDataError(error: unknown): boolean {
  if (error instanceof ConnectionLost) return false;
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? /^(?:21|22|23|54|P0)/.test(code) : true;
}

// Of `query_timeout`; pg gives it no code.
const isReadTimeout = (error: unknown): boolean => messageOf(error) === 'Query read timeout';
