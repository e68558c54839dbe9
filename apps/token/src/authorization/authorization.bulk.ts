import type { Pool, PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { finished } from 'node:stream/promises';
import { authorizationHandlers } from './authorization.projector.js';
import { stateChanges, type CredentialEvent, type StateChange } from './authorization.view.js';
import { AUTHORIZATION_KEYS } from './authorization.table.js';
import type { IdentityEvent } from '@rebelcore/contracts/identity-events';
import type { ProjectionHandlers } from '@rebelcore/messaging/project/projection-handlers';

/** What the topics say, side by side and without an index, until {@link mergeStaged} makes the view of it. */
export const STAGING_TABLES = `
create unlogged table state_change (
  api_user_id uuid, customer_id uuid, username text, role_id uuid, role text, status text, sequence bigint,
  correlation_id text, event_id text
);
create unlogged table verifier_issued (
  api_user_id uuid, customer_id uuid, username text, verifier text, pepper_version text, "offset" bigint
);`;

const COPY_STATES = `copy state_change (api_user_id, customer_id, username, role_id, role, status, sequence, correlation_id, event_id)
  from stdin`;
const COPY_VERIFIERS = `copy verifier_issued (api_user_id, customer_id, username, verifier, pepper_version, "offset") from stdin`;

/** Reads as the view's own handlers do, and writes down by COPY. */
export const bulkHandlers = {
  'identity.events.v1': {
    ...authorizationHandlers['identity.events.v1'],
    apply: async (tx, received) => {
      await copyLines(tx, COPY_STATES, stateChanges(received.map(({ event }) => event)).map(stateLine));
    },
  } satisfies ProjectionHandlers<IdentityEvent>,
  'identity.credentials.v1': {
    ...authorizationHandlers['identity.credentials.v1'],
    apply: async (tx, received) => {
      const lines = received.map(({ event, message }) => verifierLine(event.data, message.offset));
      await copyLines(tx, COPY_VERIFIERS, lines);
    },
  } satisfies ProjectionHandlers<CredentialEvent>,
};

// Lines of Postgres' text format of COPY. What the schema knows to be a UUID, a number or base64url needs no escaping.

const stateLine = (change: StateChange): string =>
  `${change.apiUserId}\t${change.customerId}\t${text(change.username)}\t${change.roleId ?? '\\N'}\t${text(change.role)}\t${
    change.status
  }\t${String(change.sequence)}\t${text(change.correlationId)}\t${text(change.eventId)}\n`;

const verifierLine = (issued: CredentialEvent['data'], offset: bigint): string =>
  `${issued.apiUserId}\t${issued.customerId}\t${text(issued.username)}\t${issued.verifier}\t${text(
    issued.pepperVersion,
  )}\t${String(offset)}\n`;

const SPECIAL = /[\\\n\r\t]/;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function text(value: string | undefined): string {
  if (value === undefined) return '\\N';
  return SPECIAL.test(value) ? value.replace(/[\\\n\r\t]/g, (character) => ESCAPES[character] ?? '') : value;
}

async function copyLines(tx: PoolClient, sql: string, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const stream = tx.query(copyFrom(sql));
  stream.end(lines.join(''));
  await finished(stream);
}

/**
 * Makes the view of what was staged: the newest state of each API user, username and role from where they were told, the
 * first verifier. Everything in it was acknowledged by the view that is being rebuilt.
 *
 * @returns the rows of the view
 */
export async function mergeStaged(pool: Pool): Promise<number> {
  const { rowCount } = await pool.query(`
    insert into authorization_v1
      (api_user_id, customer_id, username, role_id, role, status, sequence, correlation_id, event_id, verifier,
       pepper_version, acknowledged)
    with latest as (
      select distinct on (api_user_id) * from state_change order by api_user_id, sequence desc
    ), told as (
      -- Only for API users whose newest state was told in another batch than their role.
      select distinct on (api_user_id) api_user_id, username, role_id, role from state_change
       where role is not null and api_user_id in (select api_user_id from state_change where role is null)
       order by api_user_id, sequence desc
    ), issued as (
      select distinct on (api_user_id) * from verifier_issued order by api_user_id, "offset"
    )
    select api_user_id, coalesce(s.customer_id, v.customer_id),
           coalesce(s.username, t.username, v.username, api_user_id::text), coalesce(s.role_id, t.role_id),
           coalesce(s.role, t.role), s.status, s.sequence, s.correlation_id, s.event_id, v.verifier, v.pepper_version,
           case when v.verifier is null then 0 else coalesce(s.sequence, 0) end
      from latest s full join issued v using (api_user_id) left join told t using (api_user_id)
     order by api_user_id`);
  await pool.query(AUTHORIZATION_KEYS);
  await pool.query('drop table state_change, verifier_issued');
  await pool.query('analyze authorization_v1');
  return rowCount ?? 0;
}
