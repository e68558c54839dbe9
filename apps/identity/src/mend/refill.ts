import type { StreamPublication } from '@rebelcore/event-store/event-store';
import { LIFE, POSITION } from '@rebelcore/event-store/store-guard';
import { lastHeartbeats } from '@rebelcore/messaging/consume/last-heartbeats';
import { appendToOutbox } from '@rebelcore/messaging/relay/outbox';
import { TopicReader, type TopicFacts } from '@rebelcore/messaging/topic-facts';
import { createTopics, partitionCounts, sharedPartitions, topicConfig } from '@rebelcore/messaging/topics-admin';
import { inTransaction } from '@rebelcore/messaging/transaction';
import { TOPICS } from '@rebelcore/contracts/topics';
import type { Kafka } from 'kafkajs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { STREAMS } from '../streams.js';
import { compare, TOLD, type Told } from './comparison.js';

const FILLED = ['identity.events.v1', 'identity.credentials.v1'] as const;
/** Longer than two heartbeats, with which the relay sees that it must not publish. */
const RELAY_STOPS_MS = 5_000;
const BATCH = 1_000;

const GROUP = 'admin.republish';

/**
 * A topic that is made anew loses what it held: this says whether anything of it is nowhere else. Of a topic that is gone itself
 * there is nothing to ask.
 *
 * @returns what the store lacks, when the topic of events tells of any such, or a heartbeat of more than it holds
 */
export async function onlyInTopics(pool: Pool, kafka: Kafka, told: Told = TOLD): Promise<string | undefined> {
  const heartbeats = await factsIfThere(kafka, told.heartbeats);
  const events = await factsIfThere(kafka, told.events);
  return (
    (heartbeats && (await lostByHeartbeat(pool, kafka, heartbeats))) ??
    (events && (await lostByEvents(pool, kafka, events)))
  );
}

async function lostByHeartbeat(pool: Pool, kafka: Kafka, facts: TopicFacts): Promise<string | undefined> {
  const newest = (await lastHeartbeats(kafka, GROUP, facts)).at(-1);
  if (newest === undefined) return undefined;
  // After the heartbeat was read: the store that sent it has grown at most.
  const { rows } = await pool.query<{ id: string; position: string }>(
    `select id, ${POSITION}::text as position from store_identity`,
  );
  const [{ id, position } = { id: '', position: '0' }] = rows;
  const { store, at } = newest;
  if (store.id !== id) return `the topics were published by store ${store.id}, and this is ${id}`;
  if (BigInt(store.position) <= BigInt(position)) return undefined;
  return `the store holds ${position} events, and had published ${store.position} at ${at}`;
}

async function lostByEvents(pool: Pool, kafka: Kafka, facts: TopicFacts): Promise<string | undefined> {
  const { lacking, contradiction } = await compare(pool, kafka, GROUP, facts);
  const [first] = lacking;
  if (first === undefined) return contradiction;
  const { customerId, event } = first;
  return `the store lacks ${String(lacking.length)} events that ${facts.topic} has, such as ${event.name} of customer ${customerId}`;
}

async function factsIfThere(kafka: Kafka, topic: string): Promise<TopicFacts | undefined> {
  const admin = kafka.admin();
  await admin.connect();
  const existing = await admin.listTopics().finally(() => admin.disconnect());
  if (!existing.includes(topic)) return undefined;
  const reader = new TopicReader(kafka);
  const [facts] = await reader.facts([topic]).finally(() => reader.close());
  return facts;
}

/**
 * Makes identity's topics anew and has the relay fill them from the event store, each customer's events in order. Readers know
 * an event again by its sequence, so nothing is doubled.
 */
export async function refill(
  pool: Pool,
  kafka: Kafka,
  say: (sentence: string) => void,
  { letsGo }: { readonly letsGo: boolean },
): Promise<void> {
  await inTransaction(
    pool,
    (tx) => tx.query('begin'),
    async (tx) => {
      await tx.query(
        `insert into published_topic (topic, incarnation, next_offsets) select t, null, '{}' from unnest($1::text[]) as t
         on conflict (topic) do update set incarnation = null, next_offsets = '{}'`,
        [FILLED],
      );
      // Before the topics go, which alone tell what is let go: a run that stops half-way leaves another store than the one they name.
      if (letsGo) await goOnWithoutThem(tx);
    },
    { attempts: 1 },
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

/**
 * From here on this is another store: its numbers come again for other events than those that are gone, so no view that has
 * applied these may take it for the former one, and no confirmation of them for one of what is to come.
 */
export async function goOnWithoutThem(tx: PoolClient): Promise<void> {
  await tx.query(`update store_identity set id = gen_random_uuid(), verified_life = ${LIFE}`);
  await tx.query(
    `delete from enforcement_v1 e where e.sequence > coalesce(
       (select h.sequence from customer_head h where h.customer_id = e.customer_id), 0)`,
  );
}

async function makeAnew(kafka: Kafka): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const existing = await partitionCounts(admin);
    const old = FILLED.filter((topic) => existing.has(topic));
    // As many as before, also where some were added to one of them.
    const partitions = sharedPartitions(existing);
    if (partitions === undefined) throw new Error('The topics of the product are not there yet.');
    const { topics } = await admin.fetchTopicMetadata({ topics: ['token.events.v1'] });
    const replicas = topics[0]?.partitions[0]?.replicas.length ?? 1;
    if (old.length > 0) await admin.deleteTopics({ topics: [...old] });
    await createTopics(
      admin,
      FILLED.map((topic) => topicConfig(topic, TOPICS[topic], partitions, replicas)),
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
