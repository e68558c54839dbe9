import { Projection } from '@rebelcore/messaging/project/projection';
import { Pool } from 'pg';
import { createLogger } from './log.js';

type Handlers = Parameters<Projection['replayParked']>[0];

export interface ReplayOptions {
  readonly service: string;
  readonly databaseUrl: string;
  /** The name the view's offsets are stored under: `authorization-v1`. */
  readonly view: string;
  readonly handlers: Handlers;
}

/**
 * Tries the parked records of a view again, beside the running service: replay and consumer take the same lock. Prints
 * what was replayed; the exit status is 1 while anything is left.
 */
export async function replayParked({ service, databaseUrl, view, handlers }: ReplayOptions): Promise<void> {
  const pool = new Pool({ connectionString: databaseUrl, max: 2 });
  try {
    const projection = new Projection({ pool, view, logger: createLogger(service, 'error') });
    const { replayed, left } = await projection.replayParked(handlers);
    process.stdout.write(`${service}: ${replayed} records replayed, ${left} left parked.\n`);
    const { rows } = await pool.query<{
      topic: string;
      partition: number;
      offset: string;
      code: string;
      reason: string;
    }>(
      `select topic, partition, "offset", code, reason from parked_record
       where view = $1 and code <> 'key.waiting' order by parked_at limit 20`,
      [view],
    );
    for (const { topic, partition, offset, code, reason } of rows) {
      process.stdout.write(`  ${topic}/${partition} at ${offset}: ${code}: ${reason}\n`);
    }
    process.exitCode = left === 0 ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${service}: the replay failed: ${(error as Error).message}\n`);
    process.exitCode = 1;
  } finally {
    await pool.end();
  }
}
