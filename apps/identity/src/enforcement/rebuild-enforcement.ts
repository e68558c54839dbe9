import { tokenEvents } from '@rebelcore/contracts/token-events';
import type { ReceivedMessage } from '@rebelcore/messaging/consume/batch-consumer';
import { readRecords } from '@rebelcore/messaging/consume/read-records';
import { contentOf, type Content } from '@rebelcore/messaging/rebuild/content';
import { TopicReader, type TopicFacts } from '@rebelcore/messaging/topic-facts';
import type { Kafka } from 'kafkajs';
import type { Pool, PoolClient } from 'pg';
import { applyEnforcement, type EnforcementEvent } from './enforcement.view.js';

export interface RebuildResult {
  /** Records that were read, and those of them that nobody can read. */
  readonly records: number;
  readonly unreadable: number;
  /** Rows of which the topic no longer says as much: they stay as they were. */
  readonly kept: number;
  readonly old: Content;
  readonly rebuilt: Content;
}

const TOPIC = 'token.events.v1';
const GROUP = 'identity.rebuild';

/**
 * Builds anew since when states are in force, from what the token service has said, and puts it in the old view's place, which
 * serves meanwhile.
 *
 * @param pool connections of the role that owns the database
 * @throws when Kafka or the database is away; the old view is untouched then
 */
export async function rebuildEnforcement(pool: Pool, kafka: Kafka): Promise<RebuildResult> {
  const db = await pool.connect();
  db.on('error', () => undefined);
  const topics = new TopicReader(kafka);
  try {
    await db.query(
      `drop schema if exists rebuild cascade; create schema rebuild;
       create table rebuild.enforcement_v1 (like public.enforcement_v1 including all); set search_path = rebuild, public;
       set rebelcore.every_customer = on`,
    );
    const counts = { records: 0, unreadable: 0 };
    const facts = await factsOf(topics);
    await readRecords(
      kafka,
      GROUP,
      facts,
      () => 0n,
      (messages) => add(db, messages, counts),
    );
    // From here on nothing is applied to the old view; a rebuild that stops gives its consumers free after 10 s.
    await db.query(
      `begin; set local lock_timeout = '10s'; set local idle_in_transaction_session_timeout = '10s';
       lock table public.consumer_offset in exclusive mode`,
    );
    // Records that the consumers have not read yet may be among these: they change nothing when they come to them.
    const read = (partition: number) => facts.partitions[partition]?.high ?? 0n;
    await readRecords(kafka, GROUP, await factsOf(topics), read, (messages) => add(db, messages, counts));
    const kept = await keepWhatIsNewer(db);
    const old = await contentOf(db, 'public.enforcement_v1 as e', 'e');
    const rebuilt = await contentOf(db, 'rebuild.enforcement_v1 as e', 'e');
    await db.query(
      `delete from public.enforcement_v1; insert into public.enforcement_v1 select * from rebuild.enforcement_v1; commit`,
    );
    return { ...counts, kept, old, rebuilt };
  } finally {
    await db.query('rollback; drop schema if exists rebuild cascade').catch(() => undefined);
    db.release(true);
    await topics.close();
  }
}

async function factsOf(topics: TopicReader): Promise<TopicFacts> {
  const [facts] = await topics.facts([TOPIC]);
  if (facts === undefined) throw new Error(`there is no ${TOPIC}`);
  return facts;
}

async function add(
  db: PoolClient,
  messages: readonly ReceivedMessage[],
  counts: { records: number; unreadable: number },
): Promise<void> {
  const received: { message: ReceivedMessage; event: EnforcementEvent }[] = [];
  for (const message of messages) {
    try {
      received.push({ message, event: tokenEvents.read(message) });
    } catch {
      // It is parked in the old view, or was; it says nothing that anybody could use.
      counts.unreadable += 1;
    }
  }
  counts.records += messages.length;
  if (received.length > 0) await applyEnforcement(db, received);
}

/**
 * The topic keeps its records for thirty days, and one that was made anew has none of before: nobody acknowledges again what is
 * applied, so what was confirmed stays confirmed.
 */
async function keepWhatIsNewer(db: PoolClient): Promise<number> {
  const { rowCount } = await db.query(
    `insert into rebuild.enforcement_v1 as e select * from public.enforcement_v1
     on conflict (api_user_id) do update
       set customer_id = excluded.customer_id, sequence = excluded.sequence, state = excluded.state,
           applied_at = excluded.applied_at, state_since = excluded.state_since
     where excluded.sequence > e.sequence`,
  );
  return rowCount ?? 0;
}
