import { credentialEvents } from '@rebelcore/contracts/credential-events';
import type { IdentityEvent } from '@rebelcore/contracts/identity-events';
import type { DomainEvent } from '@rebelcore/event-store/aggregate';
import { newestHeartbeat } from '@rebelcore/event-store/newest-heartbeat';
import type { ReceivedMessage } from '@rebelcore/messaging/consume/batch-consumer';
import { readRecords } from '@rebelcore/messaging/consume/read-records';
import { TopicReader, type TopicFacts } from '@rebelcore/messaging/topic-facts';
import { inTransaction } from '@rebelcore/messaging/transaction';
import type { Kafka } from 'kafkajs';
import type { Pool, PoolClient } from 'pg';
import { toldEvent } from '../published-event.js';
import { STREAMS } from '../streams.js';

interface Found {
  readonly customerId: string;
  readonly event: IdentityEvent;
}
type Verifiers = ReadonlyMap<string, { readonly verifier: string; readonly pepperVersion: string }>;

/**
 * Puts events that the topic has and the store lacks back into the store, with the tables that follow them. All ids and numbers
 * are compared before anything is written, and everything is written in one transaction or nothing. Records that nobody can read
 * are left out and named: readers have parked them, and where one was an event of ours the numbers after it do not follow.
 *
 * @throws when the topic and the store have different events under one number, or the topic lacks numbers between them
 */
export async function putBack(
  pool: Pool,
  kafka: Kafka,
  group: string,
  say: (sentence: string) => void,
): Promise<number> {
  const reader = new TopicReader(kafka);
  const topics = ['identity.events.v1', 'identity.credentials.v1', 'identity.heartbeats.v1'];
  const [events, credentials, heartbeats] = await reader.facts(topics);
  await reader.close();
  if (events === undefined || credentials === undefined || heartbeats === undefined) return 0;
  const unreadable: string[] = [];
  const lacking = await lackingIn(pool, kafka, group, events, unreadable);
  const verifiers = await verifiersOf(kafka, group, credentials);
  // This store takes the place of the one that has published last.
  const store = (await newestHeartbeat(kafka, group, heartbeats))?.store.id;
  await inTransaction(
    pool,
    (tx) => tx.query('begin; lock table customer_head in exclusive mode'),
    async (tx) => {
      await requireContiguous(tx, lacking);
      for (const found of lacking) await write(tx, found, verifiers);
      await tx.query('update store_identity set id = coalesce($1, id), verified_life = null', [store]);
    },
    { attempts: 1 },
  );
  if (unreadable.length > 0) say(`left out, since nobody can read them: ${unreadable.join(', ')}`);
  say(`${String(lacking.length)} events are back in the store; identity goes on by itself once it has compared them`);
  return lacking.length;
}

/** The events of the topic that the store does not have, each once, by customer and sequence. */
async function lackingIn(
  pool: Pool,
  kafka: Kafka,
  group: string,
  facts: TopicFacts,
  unreadable: string[],
): Promise<Found[]> {
  const lacking = new Map<string, Found>();
  await readRecords(
    kafka,
    group,
    facts,
    () => 0n,
    async (messages) => {
      const found = messages.flatMap((message) => {
        const event = toldEvent(message);
        if (event !== undefined) return [{ customerId: event.data.customerId, event }];
        unreadable.push(`a record of ${facts.topic} at offset ${String(message.offset)}`);
        return [];
      });
      const { rows } = await pool.query<{ n: string; event_id: string }>(
        `select t.n, e.event_id from unnest($1::uuid[], $2::bigint[]) with ordinality as t (customer_id, sequence, n)
         join event e on e.customer_id = t.customer_id and e.sequence = t.sequence`,
        [found.map(({ customerId }) => customerId), found.map(({ event }) => event.sequence)],
      );
      const stored = new Map(rows.map(({ n, event_id }) => [Number(n) - 1, event_id]));
      for (const [n, each] of found.entries()) {
        const place = `${each.customerId}/${String(each.event.sequence)}`;
        const known = stored.get(n) ?? lacking.get(place)?.event.id;
        if (known !== undefined && known !== each.event.id) {
          throw new Error(`customer/number ${place} is event ${known} here and event ${each.event.id} in the topic`);
        }
        if (known === undefined) lacking.set(place, each);
      }
    },
  );
  return [...lacking.values()].sort(
    (a, b) => a.customerId.localeCompare(b.customerId) || a.event.sequence - b.event.sequence,
  );
}

async function verifiersOf(kafka: Kafka, group: string, facts: TopicFacts): Promise<Verifiers> {
  const verifiers = new Map<string, { verifier: string; pepperVersion: string }>();
  await readRecords(
    kafka,
    group,
    facts,
    () => 0n,
    (messages) => {
      for (const message of messages) {
        const issued = toldVerifier(message);
        if (issued !== undefined && !verifiers.has(issued.apiUserId)) verifiers.set(issued.apiUserId, issued);
      }
    },
  );
  return verifiers;
}

function toldVerifier(message: ReceivedMessage) {
  try {
    return credentialEvents.read(message).data;
  } catch {
    return undefined;
  }
}

async function requireContiguous(tx: PoolClient, lacking: readonly Found[]): Promise<void> {
  const { rows } = await tx.query<{ customer_id: string; sequence: string }>(
    'select customer_id, sequence from customer_head where customer_id = any($1::uuid[])',
    [[...new Set(lacking.map(({ customerId }) => customerId))]],
  );
  const heads = new Map(rows.map((row) => [row.customer_id, Number(row.sequence)]));
  for (const { customerId, event } of lacking) {
    const next = (heads.get(customerId) ?? 0) + 1;
    if (event.sequence !== next) {
      throw new Error(
        `customer ${customerId} lacks number ${String(next)}, and the topic goes on at ${String(event.sequence)}`,
      );
    }
    heads.set(customerId, next);
  }
}

async function write(tx: PoolClient, { customerId, event }: Found, verifiers: Verifiers): Promise<void> {
  const { name, data, id, sequence, time, correlationId, causationId, traceparent } = event;
  const fact: DomainEvent = { type: name, data };
  const stream = STREAMS.find(({ aggregate }) => aggregate.codec.knows(name));
  if (stream === undefined) throw new Error(`this version stores no events of type ${name}`);
  const stored = stream.aggregate.codec.encode(fact);
  const streamId = streamOf(event);
  await tx.query(`select set_config('rebelcore.customer_id', $1, true)`, [customerId]);
  const { rows } = await tx.query<{ version: number }>(
    `insert into event (stream_id, version, stream_type, customer_id, sequence, event_id, type, schema_version, data,
                        occurred_at, correlation_id, causation_id, traceparent)
     select $1, coalesce((select max(version) from event where stream_id = $1), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9,
            $10, $11, $12
     returning version`,
    [
      streamId,
      stream.aggregate.type,
      customerId,
      sequence,
      id,
      stored.type,
      stored.schemaVersion,
      JSON.stringify(data),
      time,
      correlationId,
      causationId,
      traceparent,
    ],
  );
  await tx.query(
    `insert into customer_head (customer_id, sequence) values ($1, $2)
     on conflict (customer_id) do update set sequence = excluded.sequence`,
    [customerId, sequence],
  );
  const confidential = name === 'ApiUserCreated' ? verifiers.get(data.apiUserId) : undefined;
  await stream.project?.(tx, {
    event: confidential === undefined ? fact : { ...fact, confidential },
    id,
    streamId,
    customerId,
    version: rows[0]?.version ?? 1,
    sequence,
    time: new Date(time),
  });
}

/** A hand-over is told of by its API user, and each sign-in is a stream of its own, named by nobody. */
function streamOf({ name, data, id, subject }: IdentityEvent): string {
  if ('handOverId' in data) return data.handOverId;
  return name === 'PortalUserSignedIn' || name === 'PortalUserSignInFailed' ? id : subject;
}
