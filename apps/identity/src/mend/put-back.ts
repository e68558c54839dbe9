import { credentialEvents } from '@rebelcore/contracts/credential-events';
import type { IdentityEvent } from '@rebelcore/contracts/identity-events';
import type { DomainEvent } from '@rebelcore/event-store/aggregate';
import { lastHeartbeats } from '@rebelcore/messaging/consume/last-heartbeats';
import type { ReceivedMessage } from '@rebelcore/messaging/consume/batch-consumer';
import { readRecords } from '@rebelcore/messaging/consume/read-records';
import { POSITION } from '@rebelcore/event-store/store-guard';
import { TopicReader, type TopicFacts } from '@rebelcore/messaging/topic-facts';
import { inTransaction } from '@rebelcore/messaging/transaction';
import type { Kafka } from 'kafkajs';
import type { Pool, PoolClient } from 'pg';
import { putBackName } from '../api-user/password-names.js';
import { STREAMS } from '../streams.js';
import { compare, TOLD, type Found, type Told } from './comparison.js';

type Verifiers = ReadonlyMap<string, { readonly verifier: string; readonly pepperVersion: string }>;

/**
 * Puts events that the topic has and the store lacks back into the store, with the tables that follow them. All ids and numbers
 * are compared before anything is written, and everything is written in one transaction or nothing. Records that nobody can read
 * are left out and named: readers have parked them, and where one was an event of ours the numbers after it do not follow.
 *
 * @param whatIsThere where the topic lacks numbers, what comes before them is put back all the same
 * @returns whether the store holds all that was published
 * @throws when the topic and the store have different events under one number, or the topic lacks numbers between them
 */
export async function putBack(
  pool: Pool,
  kafka: Kafka,
  group: string,
  say: (sentence: string) => void,
  { whatIsThere = false, told = TOLD }: { readonly whatIsThere?: boolean; readonly told?: Told } = {},
): Promise<boolean> {
  const reader = new TopicReader(kafka);
  const [events, credentials, heartbeats] = await reader.facts([told.events, told.credentials, told.heartbeats]);
  await reader.close();
  if (events === undefined || credentials === undefined || heartbeats === undefined) return false;
  const { lacking, contradiction, unreadable } = await compare(pool, kafka, group, events);
  if (contradiction !== undefined) {
    throw new Error(
      `${contradiction}. If this store is right: "npm run republish -- --the-store-is-right"; if not, bring back a copy of the other one`,
    );
  }
  const verifiers = await verifiersOf(kafka, group, credentials);
  // This store takes the place of the one that has published last.
  const published = (await lastHeartbeats(kafka, group, heartbeats)).at(-1)?.store;
  const { count, gaps, position, without } = await inTransaction(
    pool,
    (tx) => tx.query('begin; lock table customer_head in exclusive mode'),
    async (tx) => {
      const { following, gaps } = await inSequence(tx, lacking);
      if (gaps.length > 0 && !whatIsThere) {
        throw new Error(
          `${gaps.join('; ')}. "npm run restore -- events --what-is-there" puts back what has no gap before it, of every customer`,
        );
      }
      for (const found of following) await write(tx, found, verifiers);
      // Of those that are in the store again some had been ended since.
      await tx.query('delete from session');
      await tx.query('update store_identity set id = coalesce($1, id), verified_life = null', [published?.id]);
      const { rows } = await tx.query<{ position: string }>(`select ${POSITION}::text as position`);
      return { count: following.length, gaps, position: rows[0]?.position ?? '0', without: await whatIsWithout(tx) };
    },
    { attempts: 1 },
  );
  if (unreadable.length > 0) say(`left out, since nobody can read them: ${unreadable.join(', ')}`);
  say(`${String(count)} events are back in the store`);
  for (const gap of gaps) say(`left out: ${gap}`);
  for (const { id, customer_id, lacks } of without) say(`user ${id} of customer ${customer_id} has no ${lacks}`);
  const isWhole = gaps.length === 0 && BigInt(published?.position ?? 0) <= BigInt(position);
  say(
    isWhole
      ? 'identity goes on by itself once it has compared them'
      : `the store holds ${position} events, and had published ${published?.position ?? 'more'}: the others are in no topic any more, ` +
          'and identity goes on refusing. Without them it goes on after "npm run republish -- --the-store-is-right"',
  );
  return isWhole;
}

/** Users for whom the store has too little to let them in; what it lacks is in no topic. */
async function whatIsWithout(tx: PoolClient): Promise<{ id: string; customer_id: string; lacks: string }[]> {
  const { rows } = await tx.query<{ id: string; customer_id: string; lacks: string }>(
    `select u.id, u.customer_id, w.lacks
       from user_v1 u
       left join portal_user_private p on p.customer_id = u.customer_id and p.portal_user_id = u.id
       left join api_user_credential c on c.api_user_id = u.id
       join lateral (select case when u.type = 'api' then case when c.api_user_id is null then 'verifier' end
                                 when p.portal_user_id is null then 'address and no password'
                                 when p.password_hash is null and u.becomes is null then 'password' end as lacks) w
         on w.lacks is not null
      order by u.customer_id, u.id`,
  );
  return rows;
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

/** Of each customer what follows its last event without a gap, and where there is one. */
async function inSequence(
  tx: PoolClient,
  lacking: readonly Found[],
): Promise<{ readonly following: readonly Found[]; readonly gaps: readonly string[] }> {
  const { rows } = await tx.query<{ customer_id: string; sequence: string }>(
    'select customer_id, sequence from customer_head where customer_id = any($1::uuid[])',
    [[...new Set(lacking.map(({ customerId }) => customerId))]],
  );
  const heads = new Map(rows.map((row) => [row.customer_id, Number(row.sequence)]));
  const gaps = new Map<string, string>();
  const following = lacking.filter(({ customerId, event: { sequence } }) => {
    const next = (heads.get(customerId) ?? 0) + 1;
    if (sequence === next) heads.set(customerId, sequence);
    else if (!gaps.has(customerId)) {
      gaps.set(
        customerId,
        `customer ${customerId} lacks number ${String(next)}, and the topic goes on at ${String(sequence)}`,
      );
    }
    return sequence === next;
  });
  return { following, gaps: [...gaps.values()] };
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
  if (confidential !== undefined) {
    const claim = putBackName(confidential);
    await tx.query('insert into claim (scope, key, customer_id, stream_id) values ($1, $2, $3, $4)', [
      claim.scope,
      claim.key,
      customerId,
      streamId,
    ]);
  }
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
