import { isDataError } from '@rebelcore/messaging/transaction';
import { Projection } from '@rebelcore/messaging/project/projection';
import { createLogger } from '@rebelcore/service/log';
import { openPool } from '@rebelcore/service/database';
import { DatabaseError, type Pool, type PoolClient } from 'pg';
import { AUTHORIZATION } from '../authorization/authorization.view.js';

// The view that is being rebuilt lies in a schema of its own, `rebuild`, with what a projection keeps beside it.

type Queryable = Pick<Pool | PoolClient, 'query'>;

/** By these names Postgres and Kafka know a rebuild. */
export const APPLICATION_NAME = 'token-rebuild';
export const GROUP_PREFIX = 'token.rebuild';

/** Connections to that schema. All that is written there is made anew if it is lost, so no commit waits for the disk. */
export function rebuildPool(databaseUrl: string): Pool {
  const further = ['search_path=rebuild', 'synchronous_commit=off', 'work_mem=128MB', 'maintenance_work_mem=256MB'];
  return openPool(databaseUrl, { further, application_name: APPLICATION_NAME, max: 4 });
}

/** The view in that schema. What is parked again would be reported again; how much it is, the rebuild says at its end. */
export const rebuildProjection = (pool: Pool): Projection =>
  new Projection({ pool, view: AUTHORIZATION, logger: createLogger(APPLICATION_NAME, 'fatal') });

/** Makes the schema anew, with tables like those that serve; the view has no keys yet. */
export async function createTables(db: Queryable): Promise<void> {
  await db.query(`
    drop schema if exists rebuild cascade;
    create schema rebuild;
    create table rebuild.consumer_offset (like public.consumer_offset including all);
    create table rebuild.applied_sequence (like public.applied_sequence including all);
    create table rebuild.applied_run (like public.applied_run including all);
    create table rebuild.parked_record (like public.parked_record including all);
    create table rebuild.authorization_v1 (like public.authorization_v1 including all excluding indexes)`);
  // What "including all" leaves out.
  await executeEach(
    db,
    `select format('alter table rebuild.authorization_v1 set (%s)', array_to_string(reloptions, ', ')) as statement
       from pg_class where oid = 'public.authorization_v1'::regclass and reloptions is not null
     union all
     select format('grant %s on rebuild.authorization_v1 to %s', g.privilege_type,
                   case g.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(g.grantee)) end)
       from pg_class, aclexplode(relacl) g where oid = 'public.authorization_v1'::regclass`,
  );
}

/** Gives the view the keys and indexes of the one that serves. */
export const addKeys = (db: Queryable): Promise<void> =>
  executeEach(
    db,
    `select format('alter table rebuild.authorization_v1 add constraint %I %s', conname, pg_get_constraintdef(oid))
            as statement
       from pg_constraint where conrelid = 'public.authorization_v1'::regclass and contype in ('p', 'u')
     union all
     select replace(pg_get_indexdef(indexrelid), ' ON public.authorization_v1 ', ' ON rebuild.authorization_v1 ')
       from pg_index where indrelid = 'public.authorization_v1'::regclass
        and not exists (select from pg_constraint where conindid = indexrelid)`,
  );

async function executeEach(db: Queryable, statements: string): Promise<void> {
  const { rows } = await db.query<{ statement: string }>(statements);
  for (const { statement } of rows) await db.query(statement);
}

/** What the topics say, side by side and without an index, until {@link mergeStaged} makes the view of it. */
export async function createStaging(db: Queryable): Promise<void> {
  await db.query(`
    create unlogged table rebuild.state_change (
      api_user_id uuid, customer_id uuid, username text, role_id uuid, role text, scope text, status text,
      sequence bigint, correlation_id text, event_id text, role_sequence bigint
    );
    create unlogged table rebuild.role_move (
      customer_id uuid, sequence bigint, api_user_id uuid, from_role_id uuid, role_id uuid, role text, scope text
    );
    create unlogged table rebuild.key_change (
      api_user_id uuid, customer_id uuid, sequence bigint, kid text, key jsonb
    );
    create unlogged table rebuild.network_change (
      api_user_id uuid, customer_id uuid, sequence bigint, authorize_networks text, token_networks text
    );
    create unlogged table rebuild.verifier_issued (
      api_user_id uuid, customer_id uuid, username text, verifier text, pepper_version text, "offset" bigint
    )`);
}

/** Only the whole table refuses what was loaded, such as a username that was given twice. */
export class BulkLoadRefused extends Error {}

/**
 * Makes the view of what was staged: the newest state of each API user, username and role from where they were told, the
 * first verifier, and then what has become of the roles since. Everything in it was acknowledged by the view that is
 * being rebuilt.
 *
 * @throws {BulkLoadRefused}
 */
export async function mergeStaged(db: Queryable): Promise<void> {
  try {
    await db.query(MERGE);
    await addKeys(db);
    await moveRoles(db);
    await db.query(KEYS);
    await db.query(NETWORKS);
  } catch (error) {
    if (error instanceof DatabaseError && isDataError(error)) throw new BulkLoadRefused(error.message);
    throw error;
  }
  await db.query(`
    drop table rebuild.state_change, rebuild.role_move, rebuild.key_change, rebuild.network_change, rebuild.verifier_issued;
    analyze rebuild.authorization_v1`);
}

/** Where roles were neither changed nor deleted, and nobody got another one, there is nothing to do. */
async function moveRoles(db: Queryable): Promise<void> {
  const { rowCount } = await db.query('select from rebuild.role_move limit 1');
  if (rowCount === 0) return;
  await db.query(`
    create index on rebuild.role_move (customer_id, from_role_id, sequence);
    create index on rebuild.role_move (api_user_id, sequence);
    analyze rebuild.role_move`);
  await db.query(MOVE_ROLES);
}

/** The keys that were added last and not removed since, oldest first. */
const KEYS = `
update rebuild.authorization_v1 a set keys = k.keys
  from (select api_user_id, customer_id, jsonb_agg(key order by sequence) as keys
          from (select distinct on (api_user_id, kid) * from rebuild.key_change
                 order by api_user_id, kid, sequence desc) last
         where key is not null
         group by api_user_id, customer_id) k
 where a.api_user_id = k.api_user_id and a.customer_id = k.customer_id`;

/** Both lists as the last event left them. */
const NETWORKS = `
update rebuild.authorization_v1 a set authorize_networks = n.authorize_networks, token_networks = n.token_networks
  from (select distinct on (api_user_id) * from rebuild.network_change order by api_user_id, sequence desc) n
 where a.api_user_id = n.api_user_id and a.customer_id = n.customer_id`;

const MERGE = `
insert into rebuild.authorization_v1
  (api_user_id, customer_id, username, role_id, role, scope, status, sequence, correlation_id, event_id, verifier,
   pepper_version, acknowledged)
with latest as (
  select distinct on (api_user_id) * from rebuild.state_change order by api_user_id, sequence desc
), told as (
  -- Only for API users whose newest state was told in another batch than their role.
  select distinct on (api_user_id) api_user_id, username, role_id, role, scope from rebuild.state_change
   where role is not null and api_user_id in (select api_user_id from rebuild.state_change where role is null)
   order by api_user_id, sequence desc
), stated as (
  -- Only for API users of whose status their newest state says nothing.
  select distinct on (api_user_id) api_user_id, status from rebuild.state_change
   where status is not null and api_user_id in (select api_user_id from latest where status is null)
   order by api_user_id, sequence desc
), issued as (
  select distinct on (api_user_id) * from rebuild.verifier_issued order by api_user_id, "offset"
)
select api_user_id, coalesce(s.customer_id, v.customer_id),
       coalesce(s.username, t.username, v.username, api_user_id::text), coalesce(s.role_id, t.role_id),
       coalesce(s.role, t.role), coalesce(s.scope, t.scope), coalesce(s.status, st.status), s.sequence, s.correlation_id, s.event_id,
       v.verifier, v.pepper_version,
       case when v.verifier is null then 0 else coalesce(s.sequence, 0) end
  from latest s full join issued v using (api_user_id) left join told t using (api_user_id)
       left join stated st using (api_user_id)
 order by api_user_id`;

/**
 * Follows each API user that may be concerned from the role it was told with, step by step, as the view that serves has:
 * the next step is the first event after the last one that gives it another role, itself or all who have its role. At the
 * end of its way the role is as the last change of it says, if there is one later.
 */
const MOVE_ROLES = `
with recursive concerned as (
  select a.api_user_id from rebuild.authorization_v1 a
   where exists (select from rebuild.role_move m where m.customer_id = a.customer_id and m.from_role_id = a.role_id)
  union
  select api_user_id from rebuild.role_move where api_user_id is not null
), way as (
  (select distinct on (s.api_user_id) s.api_user_id, s.customer_id, s.role_id, s.role, s.scope,
          s.role_sequence as sequence
     from rebuild.state_change s join concerned using (api_user_id)
    where s.role is not null
    order by s.api_user_id, s.role_sequence desc)
  union all
  select way.api_user_id, way.customer_id, step.role_id, step.role, step.scope, step.sequence
    from way cross join lateral (
      (select m.role_id, m.role, m.scope, m.sequence from rebuild.role_move m
        where m.api_user_id = way.api_user_id and m.customer_id = way.customer_id and m.sequence > way.sequence
        order by m.sequence limit 1)
      union all
      (select m.role_id, m.role, m.scope, m.sequence from rebuild.role_move m
        where m.customer_id = way.customer_id and m.from_role_id = way.role_id and m.role_id <> m.from_role_id
          and m.sequence > way.sequence
        order by m.sequence limit 1)
      order by sequence limit 1
    ) step
), last as (
  select distinct on (api_user_id) * from way order by api_user_id, sequence desc
)
update rebuild.authorization_v1 a
   set role_id = last.role_id, role = coalesce(changed.role, last.role), scope = coalesce(changed.scope, last.scope)
  from last left join lateral (
    select m.role, m.scope from rebuild.role_move m
     where m.customer_id = last.customer_id and m.from_role_id = last.role_id and m.role_id = last.role_id
       and m.sequence > last.sequence
     order by m.sequence desc limit 1
  ) changed on true
 where a.api_user_id = last.api_user_id`;
