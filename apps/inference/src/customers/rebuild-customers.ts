import { BoundedReader, type PartitionOffset } from '@rebelcore/messaging/rebuild/bounded-reader';
import { believeAnew } from '@rebelcore/messaging/rebuild/believe-anew';
import { requireSameTopics, type StoredOffset } from '@rebelcore/messaging/rebuild/same-topics';
import { contentOf, type Content } from '@rebelcore/messaging/rebuild/content';
import { Projection } from '@rebelcore/messaging/project/projection';
import { TopicReader } from '@rebelcore/messaging/topic-facts';
import { openPool } from '@rebelcore/service/database';
import { createLogger } from '@rebelcore/service/log';
import type { Kafka } from 'kafkajs';
import type { PoolClient } from 'pg';
import { CUSTOMERS, customerHandlers } from './customer.projector.js';

export interface RebuildResult {
  readonly records: number;
  readonly parked: number;
  /** Both after the same records. */
  readonly old: Content;
  readonly rebuilt: Content;
}

const TOPIC = 'identity.events.v1';
const NAME = 'inference-rebuild';
const KEPT_BESIDE = ['applied_sequence', 'applied_run', 'parked_record'];

/**
 * Builds what API users may do anew, from identity's events, in a schema of its own while the old view serves, and puts it in the old
 * one's place. What customers have claimed as specs is in no topic and stays.
 *
 * @param databaseUrl of the role that owns the database
 * @param speaker the store whose heartbeat is the newest one
 * @throws when the topic is not whole or was made anew meanwhile, or Kafka or the database is away; the old view is untouched then
 */
export async function rebuildCustomers(databaseUrl: string, kafka: Kafka, speaker?: string): Promise<RebuildResult> {
  const live = openPool(databaseUrl, { application_name: NAME, max: 1 });
  const pool = openPool(databaseUrl, { further: ['search_path=rebuild'], application_name: NAME, max: 4 });
  // What is parked again would be reported again.
  const projection = new Projection({ pool, view: CUSTOMERS, logger: createLogger(NAME, 'fatal') });
  const handlers = { [TOPIC]: customerHandlers };
  const reader = new BoundedReader({ kafka, projection, handlers, groupPrefix: 'inference.rebuild' });
  const db = await live.connect();
  db.on('error', () => undefined);
  try {
    const begun = await checkpointOf(db);
    await requireWhole(kafka, begun);
    await createTables(db);
    await reader.start();
    await reader.readTo(await checkpointOf(db));
    // From here on nothing is applied to the old view; a rebuild that stops gives its consumers free after 10 s.
    await db.query(
      `begin; set local lock_timeout = '10s'; set local idle_in_transaction_session_timeout = '10s';
       lock table public.consumer_offset in exclusive mode`,
    );
    const checkpoint = await checkpointOf(db);
    requireSameTopics(begun, checkpoint);
    await reader.readTo(checkpoint);
    // What was replayed in the old view is not parked in the new one either.
    await projection.replayParked(handlers);
    const old = await viewOf(db, 'public');
    const rebuilt = await viewOf(db, 'rebuild');
    const { count: parked } = await projection.parked();
    await exchange(db, speaker);
    const records = checkpoint.reduce((sum, { offset }) => sum + Number(offset), 0);
    return { records, parked, old, rebuilt };
  } finally {
    await reader.stop();
    await pool.end();
    await db.query('rollback; drop schema if exists rebuild cascade').catch(() => undefined);
    db.release(true);
    await live.end();
  }
}

/** Everything that the view was made of must still be there. */
async function requireWhole(kafka: Kafka, checkpoint: readonly PartitionOffset[]): Promise<void> {
  const topics = new TopicReader(kafka);
  try {
    const [facts] = await topics.facts([TOPIC]);
    if (facts === undefined) throw new Error(`there is no ${TOPIC}`);
    for (const [partition, { low, high }] of facts.partitions.entries()) {
      const { offset = 0n } = checkpoint.find((at) => at.partition === partition) ?? {};
      if (low === 0n && high >= offset) continue;
      const what = `${TOPIC}/${String(partition)} holds records ${String(low)} to ${String(high)} and not all before ${String(offset)}`;
      throw new Error(`${what}; "npm run republish" fills it again`);
    }
  } finally {
    await topics.close();
  }
}

/** How far the view that serves has come. */
async function checkpointOf(db: PoolClient): Promise<StoredOffset[]> {
  const { rows } = await db.query<{ topic: string; partition: number; offset: string; incarnation: string | null }>(
    `select topic, partition, next_offset as "offset", incarnation from public.consumer_offset where view = $1 and topic = $2`,
    [CUSTOMERS, TOPIC],
  );
  return rows.map((row) => ({ ...row, offset: BigInt(row.offset) }));
}

async function createTables(db: PoolClient): Promise<void> {
  await db.query('drop schema if exists rebuild cascade; create schema rebuild');
  for (const table of ['consumer_offset', ...KEPT_BESIDE, 'api_user_v1', 'role_v1', 'spec_v1']) {
    await db.query(`create table rebuild.${table} (like public.${table} including all)`);
  }
}

/** Roles and API users, each with the flags that it has. */
const viewOf = (db: PoolClient, schema: 'public' | 'rebuild'): Promise<Content> =>
  contentOf(
    db,
    `${schema}.api_user_v1 u full join ${schema}.role_v1 r using (role_id)`,
    'row(u.api_user_id, u.customer_id, role_id, r.permissions)',
  );

async function exchange(db: PoolClient, speaker: string | undefined): Promise<void> {
  await believeAnew(db, speaker);
  for (const table of KEPT_BESIDE) {
    await db.query(
      `delete from public.${table} where view = '${CUSTOMERS}'; insert into public.${table} select * from rebuild.${table}`,
    );
  }
  await db.query(
    `delete from public.api_user_v1; insert into public.api_user_v1 select * from rebuild.api_user_v1;
     delete from public.role_v1; insert into public.role_v1 select * from rebuild.role_v1;
     insert into public.spec_v1 select * from rebuild.spec_v1 on conflict do nothing; commit`,
  );
}
