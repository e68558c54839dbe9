import { BoundedReader, WRITERS } from '@rebelcore/messaging/rebuild/bounded-reader';
import type { Logger } from '@rebelcore/messaging/logger';
import { Projection } from '@rebelcore/messaging/project/projection';
import type { Kafka } from 'kafkajs';
import { Pool } from 'pg';
import { bulkHandlers } from './authorization.bulk.js';
import { AUTHORIZATION } from './authorization.view.js';

/** One of the view's topics, to be read from its beginning into the staging tables. */
export interface FillJob {
  /** Of the schema that the staging tables are in. */
  readonly databaseUrl: string;
  readonly topic: keyof typeof bulkHandlers;
  /** By partition, the offset that is not read any more. */
  readonly target: ReadonlyMap<number, bigint>;
}

export interface FillWatch {
  /** Told about every second, and at the end. */
  readonly onRecords: (records: number) => void;
  /** Ends the work with an error. */
  readonly signal: AbortSignal;
}

/** @throws when it was aborted, or a batch could not be written, or Kafka could not be read */
export type Fill = (job: FillJob, watch: FillWatch) => Promise<void>;

/** Fills on the thread of whoever calls. */
export const fillHere =
  (kafka: Kafka, logger: Logger): Fill =>
  async ({ databaseUrl, topic, target }, { onRecords, signal }) => {
    const pool = new Pool({ connectionString: databaseUrl, application_name: 'token-rebuild', max: WRITERS + 1 });
    pool.on('error', () => undefined);
    const projection = new Projection({ pool, view: AUTHORIZATION, logger });
    const reader = new BoundedReader({ kafka, logger, projection, groupPrefix: 'token.rebuild', topics: [topic] });
    const stop = () => void reader.stop();
    signal.addEventListener('abort', stop);
    const timer = setInterval(() => {
      onRecords(reader.records);
    }, 1_000);
    try {
      signal.throwIfAborted();
      await reader.start();
      await reader.readTo(new Map([[topic, target]]), bulkHandlers);
      onRecords(reader.records);
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', stop);
      await reader.stop();
      await pool.end();
    }
  };
