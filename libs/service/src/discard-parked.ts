import { messageOf } from '@rebelcore/messaging/logger';
import { parsePlaces } from '@rebelcore/messaging/project/discard';
import type { DiscardedRecord } from '@rebelcore/messaging/project/parking-lot';
import { Projection, type HandlersByTopic } from '@rebelcore/messaging/project/projection';
import type { PoolClient } from 'pg';
import { databaseUrl } from './config.js';
import { openPool } from './database.js';
import { createLogger } from './log.js';

/** Who lets records go, and why. */
export interface Discard {
  /** RFC 3339 UTC with milliseconds. */
  readonly at: string;
  readonly by: string;
  readonly why: string;
}

/**
 * Lets parked records of a view go for good: those at the places that the arguments of this process name, after who does it and
 * why. Prints how many went.
 *
 * @param before is told of each, in the transaction that removes it
 */
export async function discardParked(
  service: string,
  view: string,
  handlers: HandlersByTopic,
  before?: (tx: PoolClient, record: DiscardedRecord, discard: Discard) => Promise<void>,
): Promise<void> {
  const [by = '', why = '', ...places] = process.argv.slice(2);
  const discard = { at: new Date().toISOString(), by, why };
  try {
    const wanted = parsePlaces(places);
    const pool = openPool(databaseUrl(service, 'service'), { max: 1 });
    try {
      const projection = new Projection({ pool, view, logger: createLogger(service, 'error') });
      const gone = await projection.discardParked(wanted, handlers, (tx, record) =>
        Promise.resolve(before?.(tx, record, discard)),
      );
      process.stdout.write(`${service}: ${String(gone)} of ${String(places.length)} records let go.\n`);
      if (gone === wanted.length) return;
      process.stdout.write('  The others are not parked here (any more), or what comes after them waits for them.\n');
      process.exitCode = 1;
    } finally {
      await pool.end();
    }
  } catch (error) {
    process.stderr.write(`${service}: nothing more was let go: ${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}
