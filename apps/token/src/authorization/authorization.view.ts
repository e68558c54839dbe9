import { randomUUIDv7 as uuid } from 'node:crypto';
import { encodeEvent } from '@rebelcore/contracts/cloud-event';
import type { credentialEvents } from '@rebelcore/contracts/credential-events';
import type { IdentityEvent, IdentityEventName } from '@rebelcore/contracts/identity-events';
import { permissionsTold } from '@rebelcore/contracts/roles';
import { tokenEvents } from '@rebelcore/contracts/token-events';
import { appendToOutbox } from '@rebelcore/messaging/relay/outbox';
import type { OutgoingRecord } from '@rebelcore/messaging/publish/publisher';
import type { PoolClient } from 'pg';

export type CredentialEvent = ReturnType<typeof credentialEvents.read>;

/** Name of the view and, after `token.`, of its consumer group. */
export const AUTHORIZATION = 'authorization-v1';

/** What the view is made of. */
export const AUTHORIZATION_TOPICS = ['identity.events.v1', 'identity.credentials.v1'] as const;

/** A role as a token tells it. */
export interface HeldRole {
  readonly roleId: string;
  readonly role: string;
  /** The flags that are on, parted by blanks. */
  readonly scope: string;
}

/** What a batch says of one API user: the state its last event leaves, and what only its first one tells. */
export interface StateChange extends Partial<HeldRole> {
  readonly apiUserId: string;
  readonly customerId: string;
  username?: string;
  /** The sequence of the event that told the role. */
  roleSequence?: number;
  /** Undefined where the batch says nothing of it. */
  status: 'active' | 'inactive' | undefined;
  sequence: number;
  correlationId: string;
  eventId: string;
}

/** The state of each API user after these events, oldest first; events about anything else say nothing here. */
export function stateChanges(events: readonly IdentityEvent[]): StateChange[] {
  const changes = new Map<string, StateChange>();
  for (const event of events) {
    if (!(event.name in STATUS_AFTER)) continue;
    const { apiUserId, customerId } = event.data as { apiUserId: string; customerId: string };
    const before = changes.get(apiUserId);
    changes.set(apiUserId, {
      ...before,
      apiUserId,
      customerId,
      status: STATUS_AFTER[event.name] ?? before?.status,
      sequence: event.sequence,
      correlationId: event.correlationId,
      eventId: event.id,
      ...(event.name === 'ApiUserCreated' && {
        username: event.data.username,
        ...heldRole(event.data.role),
        roleSequence: event.sequence,
      }),
    });
  }
  return [...changes.values()];
}

/** The status that each event about an API user leaves; undefined where it stays as it is. */
const STATUS_AFTER: { readonly [Name in IdentityEventName]?: StateChange['status'] } = {
  ApiUserCreated: 'active',
  ApiUserReactivated: 'active',
  ApiUserDeactivated: 'inactive',
  ApiUserRoleChanged: undefined,
  ApiUserKeyAdded: undefined,
  ApiUserKeyRemoved: undefined,
  ApiUserNetworksChanged: undefined,
};

export const heldRole = (role: Parameters<typeof permissionsTold>[0] & { readonly name: string }): HeldRole => ({
  roleId: role.id,
  role: role.name,
  scope: permissionsTold(role).join(' '),
});

/** As parameters of `unnest`, in the order of the table. */
export const stateColumns = (changes: readonly StateChange[]): unknown[][] => [
  changes.map(({ apiUserId }) => apiUserId),
  changes.map(({ customerId }) => customerId),
  changes.map(({ username }) => username),
  changes.map(({ roleId }) => roleId),
  changes.map(({ role }) => role),
  changes.map(({ scope }) => scope),
  changes.map(({ status }) => status),
  changes.map(({ sequence }) => sequence),
  changes.map(({ correlationId }) => correlationId),
  changes.map(({ eventId }) => eventId),
];

/**
 * Writes states; an older sequence than the one in the row changes nothing. Answers the API users concerned, for whom everything
 * up to that sequence is then acknowledged: whatever else these events say is to be written in the same transaction.
 */
export async function applyStates(tx: PoolClient, changes: readonly StateChange[]): Promise<string[]> {
  if (changes.length === 0) return [];
  // A row exists for every deactivation: ApiUserCreated came before it on the same partition. In id order, so that a
  // batch of states and a batch of verifiers cannot wait for each other's rows.
  await tx.query({
    name: 'authorization.states',
    text: `insert into authorization_v1 as a
             (api_user_id, customer_id, username, role_id, role, scope, status, sequence, correlation_id, event_id)
           select n.id, n.customer_id, coalesce(n.username, n.id::text), n.role_id, n.role, n.scope, n.status, n.sequence,
                  n.correlation_id, n.event_id
           from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::bigint[],
                       $9::text[], $10::text[])
             as n (id, customer_id, username, role_id, role, scope, status, sequence, correlation_id, event_id)
           order by n.id
           on conflict (api_user_id) do update
             set role_id = coalesce(excluded.role_id, a.role_id), role = coalesce(excluded.role, a.role),
                 scope = coalesce(excluded.scope, a.scope), status = coalesce(excluded.status, a.status),
                 sequence = excluded.sequence,
                 correlation_id = excluded.correlation_id, event_id = excluded.event_id
           where a.sequence is null or excluded.sequence > a.sequence`,
    values: stateColumns(changes),
  });
  return changes.map(({ apiUserId }) => apiUserId);
}

/** As parameters of `unnest`, in the order of the table. */
export const verifierColumns = (issued: readonly CredentialEvent['data'][]): unknown[][] => [
  issued.map(({ apiUserId }) => apiUserId),
  issued.map(({ customerId }) => customerId),
  issued.map(({ username }) => username),
  issued.map(({ verifier }) => verifier),
  issued.map(({ pepperVersion }) => pepperVersion),
];

/** Writes verifiers. An API user's password never changes, so the first verifier stays. */
export async function applyVerifiers(tx: PoolClient, events: readonly CredentialEvent[]): Promise<string[]> {
  const issued = [...new Map(events.map(({ data }) => [data.apiUserId, data])).values()];
  await tx.query({
    name: 'authorization.verifiers',
    text: `insert into authorization_v1 as a (api_user_id, customer_id, username, verifier, pepper_version)
           select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[])
             as n (id, customer_id, username, verifier, pepper_version)
           order by n.id
           on conflict (api_user_id) do update
             set verifier = excluded.verifier, pepper_version = excluded.pepper_version
           where a.verifier is null`,
    values: verifierColumns(issued),
  });
  return issued.map(({ apiUserId }) => apiUserId);
}

/**
 * Notes that the newest state of these API users has been acknowledged, where their rows are complete, and publishes
 * nothing: what a rebuild applies was acknowledged by the view that serves.
 */
export async function markAcknowledged(tx: PoolClient, apiUserIds: readonly string[]): Promise<void> {
  await tx.query({
    name: 'authorization.acknowledged',
    text: `update authorization_v1 set acknowledged = sequence
           where api_user_id = any($1::uuid[]) and verifier is not null and sequence > acknowledged`,
    values: [apiUserIds],
  });
}

interface AcknowledgementRow {
  readonly api_user_id: string;
  readonly customer_id: string;
  readonly sequence: string;
  readonly status: 'active' | 'inactive';
  readonly correlation_id: string;
  readonly event_id: string;
  /** The sequence of the acknowledgement itself. */
  readonly acknowledgement_sequence: string;
}

/**
 * Puts an ApiUserAuthorizationApplied into the outbox for each of these API users whose row is complete and newer than
 * what was acknowledged before. In the transaction of the view: published exactly when it is true.
 */
export async function publishAcknowledgements(tx: PoolClient, apiUserIds: readonly string[]): Promise<void> {
  if (apiUserIds.length === 0) return;
  const { rows } = await tx.query<AcknowledgementRow>({
    name: 'authorization.acknowledge',
    text: `with acknowledged as (
             update authorization_v1 set acknowledged = sequence
              where api_user_id = any($1::uuid[]) and verifier is not null and sequence > acknowledged
             returning api_user_id, customer_id, sequence, status, correlation_id, event_id
           ), reserved as (
             insert into customer_sequence as s (customer_id, sequence)
             select customer_id, count(*) from acknowledged group by customer_id order by customer_id
             on conflict (customer_id) do update set sequence = s.sequence + excluded.sequence
             returning customer_id, sequence
           )
           select acknowledged.*, reserved.sequence + 1 - row_number() over later as acknowledgement_sequence
             from acknowledged join reserved using (customer_id)
           window later as (partition by customer_id order by api_user_id desc)
            order by acknowledgement_sequence`,
    values: [apiUserIds],
  });
  if (rows.length === 0) return;
  const appliedAt = new Date().toISOString();
  const records = rows.map((row): OutgoingRecord => {
    const event = {
      id: uuid(),
      source: '/token',
      type: tokenEvents.wireType('ApiUserAuthorizationApplied'),
      time: appliedAt,
      subject: row.api_user_id,
      sequence: Number(row.acknowledgement_sequence),
      correlationId: row.correlation_id,
      causationId: row.event_id,
      data: {
        apiUserId: row.api_user_id,
        customerId: row.customer_id,
        sequence: Number(row.sequence),
        state: row.status,
        appliedAt,
      },
    };
    return { topic: 'token.events.v1', ...encodeEvent(event, row.customer_id) };
  });
  await appendToOutbox(tx, records);
}
