import type { StreamPublication } from '@rebelcore/event-store/event-store';
import { appendToOutbox } from '@rebelcore/messaging/relay/outbox';
import { TopicReader } from '@rebelcore/messaging/topic-facts';
import { createTopics, topicConfig } from '@rebelcore/messaging/topics-admin';
import { inTransaction } from '@rebelcore/messaging/transaction';
import { TOPICS } from '@rebelcore/contracts/topics';
import type { Kafka } from 'kafkajs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { STREAMS } from '../streams.js';

const FILLED = ['identity.events.v1', 'identity.credentials.v1'] as const;
/** Longer than two heartbeats, with which the relay sees that it must not publish. */
const RELAY_STOPS_MS = 5_000;
const BATCH = 1_000;

/**
 * Makes identity's topics anew and has the relay fill them from the event store, each customer's events in order. Readers know
 * an event again by its sequence, so nothing is doubled.
 */
export async function refill(pool: Pool, kafka: Kafka, say: (sentence: string) => void): Promise<void> {
  await pool.query(
    `insert into published_topic (topic, incarnation, next_offsets) select t, null, '{}' from unnest($1::text[]) as t
     on conflict (topic) do update set incarnation = null, next_offsets = '{}'`,
    [FILLED],
  );
  await delay(RELAY_STOPS_MS);
  await makeAnew(kafka);
  say('the topics are made anew and empty');
  const reader = new TopicReader(kafka);
  const facts = await reader.facts(FILLED);
  await reader.close();
  if (facts.some(({ partitions }) => partitions.some(({ high }) => high > 0n))) {
    throw new Error('somebody has written to the new topics');
  }
  const records = await inTransaction(
    pool,
    // Nothing is appended or published meanwhile.
    (tx) => tx.query('begin; lock table outbox in exclusive mode'),
    async (tx) => {
      await tx.query('delete from outbox where topic = any($1::text[])', [FILLED]);
      const count = await queueAll(tx);
      for (const { topic, incarnation } of facts) {
        await tx.query('update published_topic set incarnation = $2 where topic = $1', [topic, incarnation]);
      }
      return count;
    },
    { attempts: 1 },
  );
  say(`${String(records)} records are queued; the relay publishes them, and heartbeats begin again when it is done`);
}

async function makeAnew(kafka: Kafka): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const existing = await admin.listTopics();
    const old = FILLED.filter((topic) => existing.includes(topic));
    // As many partitions as its sisters have: a customer's records keep their number.
    const { topics } = await admin.fetchTopicMetadata({ topics: ['token.events.v1'] });
    const partitions = topics[0]?.partitions ?? [];
    const replicas = partitions[0]?.replicas.length ?? 1;
    if (old.length > 0) await admin.deleteTopics({ topics: [...old] });
    await createTopics(
      admin,
      FILLED.map((topic) => topicConfig(topic, TOPICS[topic], partitions.length, replicas)),
    );
  } finally {
    await admin.disconnect();
  }
}

interface Row {
  stream_id: string;
  version: number;
  stream_type: string;
  customer_id: string;
  sequence: string;
  event_id: string;
  type: string;
  schema_version: number;
  data: unknown;
  occurred_at: Date;
  correlation_id: string;
  causation_id: string | null;
  traceparent: string | null;
  verifier: string | null;
  pepper_version: string | null;
}

/** In the order of customers and, of each, of its events. */
async function queueAll(tx: PoolClient): Promise<number> {
  const streams = new Map<string, StreamPublication>(STREAMS.map((stream) => [stream.aggregate.type, stream]));
  let [customer, sequence, count] = ['00000000-0000-0000-0000-000000000000', '0', 0];
  for (;;) {
    const { rows } = await tx.query<Row>(
      `select e.*, c.verifier, c.pepper_version from event e
         left join api_user_credential c on e.type = 'ApiUserCreated' and c.api_user_id = e.stream_id
        where (e.customer_id, e.sequence) > ($1::uuid, $2::bigint)
        order by e.customer_id, e.sequence limit ${String(BATCH)}`,
      [customer, sequence],
    );
    const last = rows.at(-1);
    if (last === undefined) return count;
    const records = rows.flatMap((row) => recordsOf(streams.get(row.stream_type), row));
    await appendToOutbox(tx, records);
    count += records.length;
    [customer, sequence] = [last.customer_id, last.sequence];
  }
}

function recordsOf(stream: StreamPublication | undefined, row: Row) {
  if (stream === undefined) throw new Error(`this version knows no streams of type ${row.stream_type}`);
  const event = stream.aggregate.codec.decode({
    type: row.type,
    schemaVersion: row.schema_version,
    data: row.data,
  });
  const credential = row.verifier !== null && { verifier: row.verifier, pepperVersion: row.pepper_version };
  const records = stream.publish({
    event: credential === false ? event : { ...event, confidential: credential },
    id: row.event_id,
    streamId: row.stream_id,
    customerId: row.customer_id,
    version: row.version,
    time: row.occurred_at,
    correlationId: row.correlation_id,
    ...(row.causation_id !== null && { causationId: row.causation_id }),
    ...(row.traceparent !== null && { traceparent: row.traceparent }),
  });
  return records.map((record) => ({ ...record, headers: { ...record.headers, ce_sequence: row.sequence } }));
}
