import { messageOf } from '@rebelcore/messaging/logger';
import { Projection, type HandlersByTopic } from '@rebelcore/messaging/project/projection';
import type { Pool } from 'pg';
import { databaseUrl } from './config.js';
import { openPool } from './database.js';
import { createLogger } from './log.js';

/**
 * Tries the parked records of a view again, beside the running service: replay and consumer take the same lock. Prints
 * what was replayed; the exit status is 1 while anything is left.
 *
 * @param view the name the view's offsets are stored under: `authorization-v1`
 */
export async function replayParked(service: string, view: string, handlers: HandlersByTopic): Promise<void> {
  try {
    const pool = openPool(databaseUrl(service, 'service'), { max: 2 });
    try {
      const projection = new Projection({ pool, view, logger: createLogger(service, 'error') });
      const { replayed, left } = await projection.replayParked(handlers);
      process.stdout.write(`${service}: ${replayed} records replayed, ${left} left parked.\n`);
      for (const { topic, partition, offset, code, reason } of await parkedFirst(pool, view)) {
        process.stdout.write(`  ${topic}/${partition}@${offset}: ${code}: ${reason}\n`);
      }
      process.exitCode = left === 0 ? 0 : 1;
    } finally {
      await pool.end();
    }
  } catch (error) {
    process.stderr.write(`${service}: the replay failed: ${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}

interface ParkedRow {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly code: string;
  readonly reason: string;
}

/** The first records that are left for a reason of their own; others of their keys wait behind them. */
async function parkedFirst(pool: Pool, view: string): Promise<ParkedRow[]> {
  const { rows } = await pool.query<ParkedRow>(
    `select topic, partition, "offset", code, reason from parked_record
     where view = $1 and code <> 'key.waiting' order by parked_at limit 20`,
    [view],
  );
  return rows;
}
