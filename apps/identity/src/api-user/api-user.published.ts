import { encodeUnnumbered } from '@rebelcore/contracts/cloud-event';
import { credentialEvents } from '@rebelcore/contracts/credential-events';
import type { Recording, StreamPublication } from '@rebelcore/event-store/event-store';
import type { OutgoingRecord } from '@rebelcore/messaging/publish/publisher';
import type { PoolClient } from 'pg';
import { envelope, identityEvent } from '../published-event.js';
import { requireCurrent, RoleOutdated } from '../role/roles.js';
import { apiUser, type ApiUserEvent, type Credential } from './api-user.js';

type Created = Extract<ApiUserEvent, { type: 'ApiUserCreated' }>;

/** What goes onto the topics of an API user, and the tables that follow it in the transaction of its events. */
export const apiUserPublication: StreamPublication<ApiUserEvent> = {
  aggregate: apiUser,

  publish(recording): readonly OutgoingRecord[] {
    const { event } = recording;
    const fact = identityEvent(recording, event.data.apiUserId);
    if (event.type !== 'ApiUserCreated' || event.confidential === undefined) return [fact];
    // First the credential: whoever sees the API user created can have its verifier already.
    return [credentialIssued(recording, event.data, event.confidential), fact];
  },

  async project(tx, { event, sequence, time }): Promise<void> {
    switch (event.type) {
      case 'ApiUserCreated':
        return addUser(tx, event, sequence, time);
      case 'ApiUserDeactivated':
        await setStatus(tx, event.data, 'inactive', sequence);
        if (event.data.reason === 'leaked') await noteLeak(tx, event.data, time);
        return;
      case 'ApiUserReactivated':
        return setStatus(tx, event.data, 'active', sequence);
      case 'ApiUserRoleChanged':
        return setRole(tx, event.data);
      case 'ApiUserKeyAdded':
      case 'ApiUserKeyRemoved':
      case 'ApiUserNetworksChanged':
        // Whoever asks for the keys or networks of an API user reads its events.
        return Promise.resolve();
    }
  },
};

function credentialIssued(recording: Recording, data: Created['data'], credential: Credential): OutgoingRecord {
  const { apiUserId, customerId, username } = data;
  const event = {
    ...envelope(recording, apiUserId),
    id: `${recording.id}:credential`,
    type: credentialEvents.wireType('ApiUserCredentialIssued'),
    data: { apiUserId, customerId, username, ...credential },
  };
  return { topic: 'identity.credentials.v1', ...encodeUnnumbered(event, apiUserId) };
}

async function addUser(tx: PoolClient, { data, confidential }: Created, sequence: number, time: Date): Promise<void> {
  const { customerId, apiUserId, username, label, role, replaces } = data;
  await requireCurrent(tx, customerId, role);
  await tx.query({
    name: 'user-view.api-user',
    text: `with credential as (
             insert into api_user_credential (customer_id, api_user_id, pepper_version, verifier)
             select $1, $2, $10, $11 where $11::text is not null
           )
           insert into user_v1 (customer_id, id, type, owner, status, username, label, role_id, role_name, replaces,
                                created_at, status_sequence)
           values ($1, $2, 'api', false, 'active', $3, $4, $5, $6, $7, $8, $9)`,
    values: [
      customerId,
      apiUserId,
      username,
      label,
      role.id,
      role.name,
      replaces,
      time,
      sequence,
      confidential?.pepperVersion,
      confidential?.verifier,
    ],
  });
}

async function setStatus(
  tx: PoolClient,
  { customerId, apiUserId }: { readonly customerId: string; readonly apiUserId: string },
  status: 'active' | 'inactive',
  sequence: number,
): Promise<void> {
  await tx.query({
    name: 'user-view.status',
    text: 'update user_v1 set status = $3, status_sequence = $4 where customer_id = $1 and id = $2',
    values: [customerId, apiUserId, status, sequence],
  });
}

/** The mail that tells the owner waits from now on. */
async function noteLeak(
  tx: PoolClient,
  { customerId, apiUserId }: { readonly customerId: string; readonly apiUserId: string },
  time: Date,
): Promise<void> {
  await tx.query({
    name: 'user-view.leaked',
    text: `with leaked as (update user_v1 set leaked = true where customer_id = $1 and id = $2)
           insert into leak_mail (customer_id, api_user_id, reported_at) values ($1, $2, $3) on conflict do nothing`,
    values: [customerId, apiUserId, time],
  });
}

async function setRole(
  tx: PoolClient,
  { customerId, apiUserId, from, to }: Extract<ApiUserEvent, { type: 'ApiUserRoleChanged' }>['data'],
): Promise<void> {
  await requireCurrent(tx, customerId, to);
  const { rowCount } = await tx.query({
    name: 'user-view.role',
    text: `update user_v1 set role_id = $4, role_name = $5 where customer_id = $1 and id = $2 and role_id = $3`,
    values: [customerId, apiUserId, from.id, to.id, to.name],
  });
  // Its former role was deleted meanwhile, which has given it another one.
  if (rowCount === 0) throw new RoleOutdated();
}
