import { believeAnew } from '@rebelcore/messaging/rebuild/believe-anew';
import type { StoredOffset } from '@rebelcore/messaging/rebuild/same-topics';
import type { PoolClient } from 'pg';
import { AUTHORIZATION, publishAcknowledgements } from '../authorization/authorization.view.js';
import { checkpointOf } from './snapshot.js';

/**
 * Begins a transaction in which no consumer of this database comes further; `/authorize` goes on.
 *
 * @returns where the view that serves stands
 */
export async function lockOutConsumers(db: PoolClient): Promise<StoredOffset[]> {
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
 *
 * @param speaker the store whose heartbeat is the newest one
 */
export async function swap(db: PoolClient, speaker: string | undefined): Promise<void> {
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
  await believeAnew(db, speaker);
  // Lookups queue behind a drop that waits for a longer reader, and give up after 2 s.
  await db.query(`set local lock_timeout = '1500ms'`);
  await db.query('drop table public.authorization_v1; alter table rebuild.authorization_v1 set schema public');
  await publishAcknowledgements(db, unacknowledged);
}

/**
 * API users of whose present state nobody has been told: of whom the old view had a record parked that the rebuilt one could apply,
 * with a newer version of this service for example, or whose newest event is another one, whatever number it has.
 */
async function neverAcknowledged(db: PoolClient): Promise<string[]> {
  const { rows } = await db.query<{ api_user_id: string }>(
    `with freed as (
       select key from public.parked_record o where view = $1 and key is not null and not exists (
         select from rebuild.parked_record n
          where (n.view, n.topic, n.partition, n."offset") = (o.view, o.topic, o.partition, o."offset"))
     ), untold as (
       select r.api_user_id, case when o.event_id = r.event_id then o.acknowledged else 0 end as acknowledged
         from rebuild.authorization_v1 r left join public.authorization_v1 o using (api_user_id)
        where o.event_id <> r.event_id
           or r.customer_id::text in (select key from freed) or r.api_user_id::text in (select key from freed)
     )
     update rebuild.authorization_v1 r set acknowledged = u.acknowledged from untold u
      where r.api_user_id = u.api_user_id returning r.api_user_id`,
    [AUTHORIZATION],
  );
  return rows.map(({ api_user_id }) => api_user_id);
}
