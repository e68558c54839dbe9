import type { PartitionOffset } from '@rebelcore/messaging/rebuild/bounded-reader';
import type { PoolClient } from 'pg';
import { AUTHORIZATION, publishAcknowledgements } from '../authorization/authorization.view.js';
import { checkpointOf } from './snapshot.js';

/**
 * Begins a transaction in which no consumer of this database comes further; `/authorize` goes on.
 *
 * @returns where the view that serves stands
 */
export async function lockOutConsumers(db: PoolClient): Promise<PartitionOffset[]> {
  // A rebuild that stops here gives them free after 10 s. Each of their transactions begins with a row of this table.
  await db.query(
    `begin; set local lock_timeout = '10s'; set local idle_in_transaction_session_timeout = '10s';
     lock table public.consumer_offset in exclusive mode`,
  );
  return checkpointOf(db, 'public');
}

/**
 * Puts the rebuilt table in the place of the old one, and its sequences and parked records likewise. In the transaction of
 * {@link lockOutConsumers}, with both views at the same checkpoint; whoever asks the view meanwhile waits for its commit.
 */
export async function swap(db: PoolClient): Promise<void> {
  const unacknowledged = await neverAcknowledged(db);
  // What is the same in both stays untouched.
  await db.query(`
    merge into public.applied_sequence o using rebuild.applied_sequence n
       on (o.view, o.topic, o.key) = (n.view, n.topic, n.key)
     when matched and o.sequence <> n.sequence then update set sequence = n.sequence
     when not matched then insert (view, topic, key, sequence) values (n.view, n.topic, n.key, n.sequence)
     when not matched by source and o.view = '${AUTHORIZATION}' then delete`);
  await db.query(`
    delete from public.applied_run where view = '${AUTHORIZATION}';
    insert into public.applied_run select * from rebuild.applied_run`);
  await db.query(`
    merge into public.parked_record o using rebuild.parked_record n
       on (o.view, o.topic, o.partition, o."offset") = (n.view, n.topic, n.partition, n."offset")
     when matched then update set code = n.code, reason = n.reason
     when not matched then
          insert (view, topic, partition, "offset", key, headers, value, recorded_at, code, reason, parked_at)
          values (n.view, n.topic, n.partition, n."offset", n.key, n.headers, n.value, n.recorded_at, n.code, n.reason,
                  n.parked_at)
     when not matched by source and o.view = '${AUTHORIZATION}' then delete`);
  // A view that no store has spoken to for a minute, or whose store has lost what it was told of, refuses everybody: it is bound
  // anew, to the store of these topics as that is now.
  await db.query(`
    delete from public.heartbeat where (select max(at) from public.heartbeat) < now() - interval '1 minute'
        or exists (select from public.store_contradiction);
    delete from public.store_contradiction`);
  // Lookups queue behind a drop that waits for a longer reader, and give up after 2 s.
  await db.query(`set local lock_timeout = '1500ms'`);
  await db.query('drop table public.authorization_v1; alter table rebuild.authorization_v1 set schema public');
  await publishAcknowledgements(db, unacknowledged);
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
