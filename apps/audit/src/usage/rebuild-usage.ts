import { believeAnew } from '@rebelcore/messaging/rebuild/believe-anew';
import { contentOf, type Content } from '@rebelcore/messaging/rebuild/content';
import { openPool } from '@rebelcore/service/database';
import type { PoolClient } from 'pg';
import { usageOf, type UsedEntry } from './usage-fold.js';

/** What happens while usage is rebuilt comes in less with every round; the rest while the consumers wait. */
const CATCH_UP_ROUNDS = 2;
const ENTRIES_AT_ONCE = 10_000;

/** Everything of usage-v1 with what of it is compared: what neither of two views may have forgotten by now. */
const TABLES = [
  { name: 'usage_v1', condition: 'true', row: 'usage' },
  { name: 'usage_hour_v1', condition: `hour > now() - interval '30 days'`, row: 'usage' },
  {
    name: 'usage_caller_v1',
    condition: `calls > 0 or last_at > now() - interval '30 days'`,
    // What was refused before may have been forgotten, and with it when the caller first came.
    row: 'row(customer_id, api_user_id, ip, agent, last_at, calls)',
  },
  { name: 'usage_token_v1', condition: 'minute > now()', row: 'usage' },
] as const;

/** The tables are made; the log was read; both views stand at the same place, and the consumers wait for the swap. */
export type RebuildStage = 'prepared' | 'read' | 'cutting-over';

export interface RebuildOptions {
  /** Of the role that owns the database: tables are made and dropped. */
  readonly databaseUrl: string;
  /** The store whose heartbeat is the newest one; undefined where there is none. */
  readonly speaker?: string | undefined;
  /** Told of each stage; its answer is waited for. */
  readonly onStage?: (stage: RebuildStage, sentence: string) => void | Promise<void>;
}

export interface RebuildResult {
  /** Entries of the log that were read. */
  readonly entries: number;
  /** Both after the same entries. */
  readonly old: readonly Content[];
  readonly rebuilt: readonly Content[];
  /** Milliseconds for which the consumers of the log waited. */
  readonly lockedOutMs: number;
}

/** There is nothing wrong with the view; the rebuild cannot begin. */
class RebuildRefused extends Error {}

/**
 * Builds usage anew from the activity log, in a schema of its own while the old view serves, and puts it in the old one's
 * place. Not from the topics: the log is what they said, each entry once, and it is kept when they have expired.
 *
 * @throws {RebuildRefused} when another one is running
 * @throws whatever else went wrong; the old view is untouched then
 */
export async function rebuildUsage(options: RebuildOptions): Promise<RebuildResult> {
  const pool = openPool(options.databaseUrl, { application_name: 'audit-rebuild', max: 1 });
  const db = await pool.connect();
  db.on('error', () => undefined);
  try {
    const { rows } = await db.query<{ free: boolean }>(
      `select pg_try_advisory_lock(hashtextextended('rebuild usage-v1', 0)) as free`,
    );
    if (rows[0]?.free !== true) throw new RebuildRefused('Another rebuild of usage-v1 is running.');
    try {
      return await rebuild(db, options);
    } finally {
      await db.query('rollback; drop schema if exists rebuild cascade').catch(() => undefined);
    }
  } finally {
    db.release(true);
    await pool.end();
  }
}

async function rebuild(db: PoolClient, { speaker, onStage }: RebuildOptions): Promise<RebuildResult> {
  // The functions of the service work on the tables that come first in this path.
  await db.query(`drop schema if exists rebuild cascade; create schema rebuild; set search_path = rebuild, public;
    select make_usage_tables(); create table rebuild.read_to (customer_id uuid primary key, position bigint not null)`);
  await onStage?.('prepared', 'rebuilding usage-v1 from the activity log; the old view serves meanwhile');

  await db.query('begin isolation level repeatable read');
  let entries = await addAll(db, 'activity e where true');
  await noteHeads(db);
  await db.query('commit');
  await onStage?.('read', `${entries} entries were read`);
  for (let round = 1; round <= CATCH_UP_ROUNDS; round += 1) {
    await db.query('begin isolation level repeatable read');
    entries += await addAll(db, NEW_SINCE);
    await noteHeads(db);
    await db.query('commit');
  }

  const lockedOutAt = performance.now();
  await lockOutWriters(db);
  entries += await addAll(db, NEW_SINCE);
  const [old, rebuilt] = [await contents(db, 'public'), await contents(db, 'rebuild')];
  await onStage?.('cutting-over', 'the consumers of the log wait');
  for (const { name } of TABLES) {
    await db.query(`drop table public.${name}; alter table rebuild.${name} set schema public`);
  }
  await believeAnew(db, speaker);
  await db.query('commit');
  return { entries, old, rebuilt, lockedOutMs: Math.round(performance.now() - lockedOutAt) };
}

/** What has arrived since the log was read; the order of time would hide what came late. */
const NEW_SINCE = `activity_head h left join rebuild.read_to r using (customer_id)
  join activity_arrival a on a.customer_id = h.customer_id and a.position > coalesce(r.position, 0)
   and a.position <= h.position
  cross join lateral unnest(a.occurred, a.ids) as n (occurred_at, id)
  join activity e on (e.customer_id, e.occurred_at, e.id) = (a.customer_id, n.occurred_at, n.id)
  where true`;

/** Adds the entries `e` of this part of the log, within the transaction that is open; answers how many they were. */
async function addAll(db: PoolClient, from: string): Promise<number> {
  await db.query(`declare entries no scroll cursor for
    select e.id, e.customer_id as "customerId", e.user_id as "userId", e.actor_id as "actorId", e.event_type as "eventType",
           e.occurred_at as at, e.outcome, e.metadata
      from ${from} and e.event_type in ('api.authorize', 'api.call', 'api_user.create', 'api_user.deactivate',
                                        'api_user.reactivate')`);
  let count = 0;
  for (;;) {
    const { rows } = await db.query<Omit<UsedEntry, 'occurredAt'> & { at: Date }>(
      `fetch ${ENTRIES_AT_ONCE} from entries`,
    );
    if (rows.length === 0) break;
    count += rows.length;
    const sums = usageOf(rows.map(({ at, ...entry }) => ({ ...entry, occurredAt: at.toISOString() })));
    if (!sums.isEmpty) await db.query('select add_usage($1)', [JSON.stringify([sums])]);
  }
  await db.query('close entries');
  return count;
}

const noteHeads = (db: PoolClient) =>
  db.query('delete from rebuild.read_to; insert into rebuild.read_to select customer_id, position from activity_head');

/** Begins a transaction in which no consumer of this database comes further, and in which nothing is pending. */
async function lockOutWriters(db: PoolClient): Promise<void> {
  // A rebuild that stops here gives them free after 10 s. Each of their transactions begins with a row of this table.
  await db.query(
    `begin; set local lock_timeout = '10s'; set local idle_in_transaction_session_timeout = '10s';
     lock table public.consumer_offset in exclusive mode`,
  );
  await db.query(`select pg_advisory_xact_lock(hashtextextended('usage-v1', 0))`);
  for (;;) {
    const { rows } = await db.query<{ sums: object }>('select take_pending_usage() as sums');
    if (rows.length === 0) return;
    await db.query('select add_taken_usage($1)', [JSON.stringify(rows.map(({ sums }) => sums))]);
  }
}

async function contents(db: PoolClient, schema: 'public' | 'rebuild'): Promise<Content[]> {
  const all: Content[] = [];
  for (const { name, condition, row } of TABLES) {
    all.push(await contentOf(db, `${schema}.${name} as usage where ${condition}`, row));
  }
  return all;
}
