import type { TopicOffsets } from '@rebelcore/messaging/rebuild/read-limits';
import type { Pool, PoolClient } from 'pg';
import { acknowledge, AUTHORIZATION } from './authorization.view.js';
import { AUTHORIZATION_CONTENT } from './authorization.table.js';

/** A view's content in two numbers; the order of the rows does not matter. */
export interface Content {
  readonly rows: number;
  /** 128 bits in hexadecimal. */
  readonly hash: string;
}

type Queryable = Pick<Pool | PoolClient, 'query'>;

/** @param schema where the table lies */
export async function contentOf(db: Queryable, schema: 'public' | 'rebuild'): Promise<Content> {
  const row = `row(${AUTHORIZATION_CONTENT.join(', ')})`;
  const { rows } = await db.query<{ count: string; a: string; b: string }>(
    `select count(*) as count, coalesce(sum(hash_record_extended(${row}, 0)), 0)::text as a,
            coalesce(sum(hash_record_extended(${row}, 1)), 0)::text as b from ${schema}.authorization_v1`,
  );
  const { count = '0', a = '0', b = '0' } = rows[0] ?? {};
  const hex = (sum: string) => BigInt.asUintN(64, BigInt(sum)).toString(16).padStart(16, '0');
  return { rows: Number(count), hash: hex(a) + hex(b) };
}

/** Where the view that serves stands. */
export async function liveOffsets(
  db: Queryable,
  topics: readonly string[],
  lock: '' | 'for update' = '',
): Promise<TopicOffsets> {
  const { rows } = await db.query<{ topic: string; partition: number; next_offset: string }>(
    `select topic, partition, next_offset from public.consumer_offset
      where view = $1 and topic = any($2::text[]) order by topic, partition ${lock}`,
    [AUTHORIZATION, topics],
  );
  return new Map(
    topics.map((topic) => [
      topic,
      new Map(rows.filter((row) => row.topic === topic).map((row) => [row.partition, BigInt(row.next_offset)])),
    ]),
  );
}

/** Where each parked record of the view lies. */
export async function parkedPlaces(db: Queryable, schema: 'public' | 'rebuild'): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ place: string }>(
    `select concat_ws('/', topic, partition, "offset") as place from ${schema}.parked_record where view = $1`,
    [AUTHORIZATION],
  );
  return new Set(rows.map(({ place }) => place));
}

export interface Snapshot {
  readonly offsets: TopicOffsets;
  readonly parked: ReadonlySet<string>;
  /** Comes later, and is of the same moment. */
  readonly content: Promise<Content>;
}

/** The view that serves as it is now. Nothing waits for the snapshot; `db` is busy until the content is there. */
export async function snapshotOf(db: PoolClient, topics: readonly string[]): Promise<Snapshot> {
  await db.query('begin isolation level repeatable read read only');
  const offsets = await liveOffsets(db, topics);
  const parked = await parkedPlaces(db, 'public');
  const content = contentOf(db, 'public');
  return { offsets, parked, content: content.finally(() => db.query('commit')) };
}

/**
 * Begins a transaction in which no consumer of the view that serves comes further; reading goes on.
 *
 * @param partitions of each topic; one that has no offset yet gets one, so that it can be held as well
 * @returns where the view stands
 */
export async function holdConsumers(
  db: PoolClient,
  partitions: ReadonlyMap<string, readonly number[]>,
): Promise<TopicOffsets> {
  // A rebuild that stops here gives them free after 10 s.
  await db.query(`begin; set local lock_timeout = '10s'; set local idle_in_transaction_session_timeout = '10s'`);
  for (const [topic, numbers] of partitions) {
    await db.query(
      `insert into public.consumer_offset (view, topic, partition, next_offset)
       select $1, $2, p, 0 from unnest($3::int[]) as p on conflict do nothing`,
      [AUTHORIZATION, topic, numbers],
    );
  }
  const offsets = await liveOffsets(db, [...partitions.keys()], 'for update');
  await db.query('lock table public.authorization_v1 in share row exclusive mode');
  return offsets;
}

/**
 * Puts the rebuilt table in the place of the old one, and what was noted beside it likewise. In the transaction of
 * {@link holdConsumers}; whoever asks the view meanwhile waits for its commit.
 */
export async function swapIn(db: PoolClient): Promise<void> {
  const due = await neverAcknowledged(db);
  await replaceNotes(db);
  const { rows: grants } = await db.query<{ statement: string }>(
    `select format('grant %s on rebuild.authorization_v1 to %s', a.privilege_type,
                   case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end) as statement
       from pg_class c, aclexplode(c.relacl) a where c.oid = 'public.authorization_v1'::regclass`,
  );
  for (const { statement } of grants) await db.query(statement);
  // Lookups queue behind a drop that waits for a longer reader, and give up after 2 s.
  await db.query(`set local lock_timeout = '1500ms'`);
  await db.query('drop table public.authorization_v1; alter table rebuild.authorization_v1 set schema public');
  await acknowledge(db, due);
}

/**
 * API users of whom the old view had a record parked that the rebuilt one could apply, with a newer version of this
 * service for example. Nobody has been told of their present state.
 */
async function neverAcknowledged(db: PoolClient): Promise<string[]> {
  const { rows: freed } = await db.query<{ key: string }>(
    `select distinct key from public.parked_record o where view = $1 and key is not null and not exists (
       select from rebuild.parked_record n
        where (n.view, n.topic, n.partition, n."offset") = (o.view, o.topic, o.partition, o."offset"))`,
    [AUTHORIZATION],
  );
  if (freed.length === 0) return [];
  const { rows } = await db.query<{ api_user_id: string }>(
    `update rebuild.authorization_v1 r set acknowledged = coalesce(
       (select o.acknowledged from public.authorization_v1 o where o.api_user_id = r.api_user_id), 0)
      where r.customer_id::text = any($1::text[]) or r.api_user_id::text = any($1::text[])
      returning api_user_id`,
    [freed.map(({ key }) => key)],
  );
  return rows.map(({ api_user_id }) => api_user_id);
}

/** Sequences and parked records; what is the same in both stays untouched. */
async function replaceNotes(db: PoolClient): Promise<void> {
  await db.query(
    `delete from public.applied_sequence o where view = $1 and not exists (
       select from rebuild.applied_sequence n where (n.view, n.topic, n.key) = (o.view, o.topic, o.key))`,
    [AUTHORIZATION],
  );
  await db.query(
    `insert into public.applied_sequence as o
     select n.* from rebuild.applied_sequence n left join public.applied_sequence o using (view, topic, key)
      where view = $1 and n.sequence is distinct from o.sequence
     on conflict (view, topic, key) do update set sequence = excluded.sequence`,
    [AUTHORIZATION],
  );
  await db.query(
    `delete from public.parked_record o where view = $1 and not exists (
       select from rebuild.parked_record n
        where (n.view, n.topic, n.partition, n."offset") = (o.view, o.topic, o.partition, o."offset"))`,
    [AUTHORIZATION],
  );
  await db.query(
    `insert into public.parked_record select * from rebuild.parked_record where view = $1
     on conflict (view, topic, partition, "offset") do update set code = excluded.code, reason = excluded.reason`,
    [AUTHORIZATION],
  );
}
