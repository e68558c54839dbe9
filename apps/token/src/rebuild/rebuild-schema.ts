import { isDataError } from '@rebelcore/messaging/transaction';
import { Projection } from '@rebelcore/messaging/project/projection';
import { createLogger } from '@rebelcore/service/log';
import { withSessionSettings } from '@rebelcore/messaging/session-settings';
import { DatabaseError, Pool, type PoolClient } from 'pg';
import { AUTHORIZATION } from '../authorization/authorization.view.js';

// The view that is being rebuilt lies in a schema of its own, `rebuild`, with what a projection keeps beside it.

type Queryable = Pick<Pool | PoolClient, 'query'>;

/** By these names Postgres and Kafka know a rebuild. */
export const APPLICATION_NAME = 'token-rebuild';
export const GROUP_PREFIX = 'token.rebuild';

/** Connections to that schema. All that is written there is made anew if it is lost, so no commit waits for the disk. */
export function rebuildPool(databaseUrl: string): Pool {
  const settings = ['search_path=rebuild', 'synchronous_commit=off', 'work_mem=128MB', 'maintenance_work_mem=256MB'];
  const connectionString = withSessionSettings(databaseUrl, settings);
  const pool = new Pool({ connectionString, application_name: APPLICATION_NAME, max: 4 });
  pool.on('error', () => undefined);
  return pool;
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

/** Gives the view the keys of the one that serves. */
export const addKeys = (db: Queryable): Promise<void> =>
  executeEach(
    db,
    `select format('alter table rebuild.authorization_v1 add constraint %I %s', conname, pg_get_constraintdef(oid))
            as statement
       from pg_constraint where conrelid = 'public.authorization_v1'::regclass and contype in ('p', 'u')`,
  );

async function executeEach(db: Queryable, statements: string): Promise<void> {
  const { rows } = await db.query<{ statement: string }>(statements);
  for (const { statement } of rows) await db.query(statement);
}

/** What the topics say, side by side and without an index, until {@link mergeStaged} makes the view of it. */
export async function createStaging(db: Queryable): Promise<void> {
  await db.query(`
    create unlogged table rebuild.state_change (
      api_user_id uuid, customer_id uuid, username text, role_id uuid, role text, status text, sequence bigint,
      correlation_id text, event_id text
    );
    create unlogged table rebuild.verifier_issued (
      api_user_id uuid, customer_id uuid, username text, verifier text, pepper_version text, "offset" bigint
    )`);
}

/** Only the whole table refuses what was loaded, such as a username that was given twice. */
export class BulkLoadRefused extends Error {}

/**
 * Makes the view of what was staged: the newest state of each API user, username and role from where they were told, the
 * first verifier. Everything in it was acknowledged by the view that is being rebuilt.
 *
 * @throws {BulkLoadRefused}
 */
export async function mergeStaged(db: Queryable): Promise<void> {
  try {
    await db.query(MERGE);
    await addKeys(db);
  } catch (error) {
    if (error instanceof DatabaseError && isDataError(error)) throw new BulkLoadRefused(error.message);
    throw error;
  }
  await db.query('drop table rebuild.state_change, rebuild.verifier_issued; analyze rebuild.authorization_v1');
}

const MERGE = `
insert into rebuild.authorization_v1
  (api_user_id, customer_id, username, role_id, role, status, sequence, correlation_id, event_id, verifier,
   pepper_version, acknowledged)
with latest as (
  select distinct on (api_user_id) * from rebuild.state_change order by api_user_id, sequence desc
), told as (
  -- Only for API users whose newest state was told in another batch than their role.
  select distinct on (api_user_id) api_user_id, username, role_id, role from rebuild.state_change
   where role is not null and api_user_id in (select api_user_id from rebuild.state_change where role is null)
   order by api_user_id, sequence desc
), issued as (
  select distinct on (api_user_id) * from rebuild.verifier_issued order by api_user_id, "offset"
)
select api_user_id, coalesce(s.customer_id, v.customer_id),
       coalesce(s.username, t.username, v.username, api_user_id::text), coalesce(s.role_id, t.role_id),
       coalesce(s.role, t.role), s.status, s.sequence, s.correlation_id, s.event_id, v.verifier, v.pepper_version,
       case when v.verifier is null then 0 else coalesce(s.sequence, 0) end
  from latest s full join issued v using (api_user_id) left join told t using (api_user_id)
 order by api_user_id`;
