import type { IdentityEvent } from '@rebelcore/contracts/identity-events';
import { createKafka, type KafkaSettings } from '@rebelcore/messaging/kafka-client';
import type { ProjectionHandlers } from '@rebelcore/messaging/project/projection-handlers';
import { BoundedReader, type PartitionOffset } from '@rebelcore/messaging/rebuild/bounded-reader';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import type { Kafka } from 'kafkajs';
import { rebuildHandlers } from '../authorization/authorization.projector.js';
import { keyChange, keyColumns } from '../authorization/authorization.keys.js';
import { networkChange, networkColumns } from '../authorization/authorization.networks.js';
import { moveColumns, roleMove } from '../authorization/authorization.roles.js';
import {
  stateChanges,
  stateColumns,
  verifierColumns,
  type CredentialEvent,
} from '../authorization/authorization.view.js';
import { GROUP_PREFIX, rebuildPool, rebuildProjection } from './rebuild-schema.js';

/** One of the view's topics, to be read from its beginning into the staging tables. */
export interface LoadJob {
  readonly databaseUrl: string;
  readonly topic: keyof typeof bulkHandlers;
  /** What lies before these offsets is loaded. */
  readonly limits: readonly PartitionOffset[];
}

/** @throws when it was aborted, or a batch could not be written, or Kafka could not be read */
export type BulkLoad = (job: LoadJob, signal: AbortSignal) => Promise<void>;

/** Loads on the thread of whoever calls. */
export const bulkLoad =
  (kafka: Kafka): BulkLoad =>
  async ({ databaseUrl, topic, limits }, signal) => {
    const pool = rebuildPool(databaseUrl);
    const reader = new BoundedReader({
      kafka,
      projection: rebuildProjection(pool),
      handlers: { [topic]: bulkHandlers[topic] },
      groupPrefix: GROUP_PREFIX,
    });
    const stop = () => void reader.stop();
    signal.addEventListener('abort', stop);
    try {
      signal.throwIfAborted();
      await reader.start();
      await reader.readTo(limits);
    } finally {
      signal.removeEventListener('abort', stop);
      await reader.stop();
      await pool.end();
    }
  };

interface ThreadData {
  readonly job: LoadJob;
  readonly kafka: KafkaSettings;
}

/** Loads on a thread of its own, this file: what takes the time is reading records, and Node does that on one core. */
export const bulkLoadOnThread =
  (kafka: KafkaSettings): BulkLoad =>
  (job, signal) =>
    new Promise((resolve, reject) => {
      const data: ThreadData = { job, kafka };
      const thread = new Worker(new URL(import.meta.url), { workerData: data });
      const stop = () => void thread.terminate();
      signal.addEventListener('abort', stop);
      thread.on('error', reject);
      thread.on('exit', (code) => {
        signal.removeEventListener('abort', stop);
        if (code === 0) resolve();
        else reject(new Error(`the thread that read ${job.topic} ended with ${String(code)}`));
      });
    });

/** Reads as in any rebuild, and only inserts. */
export const bulkHandlers = {
  'identity.events.v1': {
    ...rebuildHandlers['identity.events.v1'],
    apply: async (tx, received) => {
      const events = received.map(({ event }) => event);
      const changes = stateChanges(events);
      await tx.query({
        name: 'rebuild.states',
        text: `insert into rebuild.state_change select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[],
                 $5::text[], $6::text[], $7::text[], $8::bigint[], $9::text[], $10::text[], $11::bigint[])`,
        values: [...stateColumns(changes), changes.map(({ roleSequence }) => roleSequence)],
      });
      const keys = events.map(keyChange).filter((change) => change !== undefined);
      if (keys.length > 0) {
        await tx.query({
          name: 'rebuild.keys',
          text: 'insert into rebuild.key_change select * from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::jsonb[])',
          values: keyColumns(keys),
        });
      }
      const networks = events.map(networkChange).filter((change) => change !== undefined);
      if (networks.length > 0) {
        await tx.query({
          name: 'rebuild.networks',
          text: 'insert into rebuild.network_change select * from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[])',
          values: networkColumns(networks),
        });
      }
      const moves = events.map(roleMove).filter((move) => move !== undefined);
      if (moves.length === 0) return;
      await tx.query({
        name: 'rebuild.moves',
        text: `insert into rebuild.role_move select * from unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[],
                 $5::uuid[], $6::text[], $7::text[])`,
        values: moveColumns(moves),
      });
    },
  } satisfies ProjectionHandlers<IdentityEvent>,
  'identity.credentials.v1': {
    ...rebuildHandlers['identity.credentials.v1'],
    apply: async (tx, received) => {
      const offsets = received.map(({ message }) => message.offset);
      await tx.query({
        name: 'rebuild.verifiers',
        text: `insert into rebuild.verifier_issued select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[],
                 $5::text[], $6::bigint[])`,
        values: [...verifierColumns(received.map(({ event }) => event.data)), offsets],
      });
    },
  } satisfies ProjectionHandlers<CredentialEvent>,
};

if (parentPort !== null) {
  const { job, kafka } = workerData as ThreadData;
  // A thread is not aborted but terminated.
  await bulkLoad(createKafka(kafka))(job, new AbortController().signal);
  process.exit(0);
}
