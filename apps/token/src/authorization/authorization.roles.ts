import type { IdentityEvent } from '@rebelcore/contracts/identity-events';
import type { PoolClient } from 'pg';
import { applyKeys, keyChange } from './authorization.keys.js';
import { applyNetworks, networkChange } from './authorization.networks.js';
import { applyStates, heldRole, stateChanges, type HeldRole } from './authorization.view.js';

/** From this event on a role is as it says, for one API user or for all that have one role. */
export interface RoleMove extends HeldRole {
  readonly customerId: string;
  readonly sequence: number;
  /** The one API user that gets the role. */
  readonly apiUserId?: string;
  /** Or the role of all that get it: the same one where it was changed, another one where it was deleted. */
  readonly fromRoleId?: string;
}

/** What an event says of roles that API users have already; undefined for every other event. */
export function roleMove(event: IdentityEvent): RoleMove | undefined {
  const { name, data, sequence } = event;
  const { customerId } = data;
  switch (name) {
    case 'ApiUserRoleChanged':
      return { customerId, sequence, apiUserId: data.apiUserId, ...heldRole(data.to) };
    case 'RoleChanged':
      return { customerId, sequence, fromRoleId: data.roleId, ...heldRole({ ...data, id: data.roleId }) };
    case 'RoleDeleted':
      return data.reassignedTo && { customerId, sequence, fromRoleId: data.roleId, ...heldRole(data.reassignedTo) };
    default:
      return undefined;
  }
}

/** As parameters of `unnest`, in the order of the staging table of a rebuild. */
export const moveColumns = (moves: readonly RoleMove[]): unknown[][] => [
  moves.map(({ customerId }) => customerId),
  moves.map(({ sequence }) => sequence),
  moves.map(({ apiUserId }) => apiUserId),
  moves.map(({ fromRoleId }) => fromRoleId),
  moves.map(({ roleId }) => roleId),
  moves.map(({ role }) => role),
  moves.map(({ scope }) => scope),
];

/**
 * Writes states, roles, public keys and networks, as these events say, oldest first. The states between two changes of roles are written
 * together; changes of roles are few, and each touches all who have the role with one statement.
 *
 * @returns the API users whose state was written
 */
export async function applyEvents(tx: PoolClient, events: readonly IdentityEvent[]): Promise<string[]> {
  const concerned = new Set<string>();
  let waiting: IdentityEvent[] = [];
  const writeStates = async (): Promise<void> => {
    for (const id of await applyStates(tx, stateChanges(waiting))) concerned.add(id);
    waiting = [];
  };
  for (const event of events) {
    const move = roleMove(event);
    if (move !== undefined) {
      await writeStates();
      await applyMove(tx, move);
    }
    waiting.push(event);
  }
  await writeStates();
  await applyKeys(
    tx,
    events.map(keyChange).filter((change) => change !== undefined),
  );
  await applyNetworks(
    tx,
    events.map(networkChange).filter((change) => change !== undefined),
  );
  return [...concerned];
}

async function applyMove(tx: PoolClient, move: RoleMove): Promise<void> {
  const { customerId, roleId, role, scope } = move;
  const [name, condition, value] =
    move.apiUserId === undefined
      ? ['authorization.role', 'role_id = $2', move.fromRoleId]
      : ['authorization.role-of-one', 'api_user_id = $2 and role_id is not null', move.apiUserId];
  // In id order, as everything that locks several of these rows.
  await tx.query({
    name,
    text: `update authorization_v1 a set role_id = $3, role = $4, scope = $5
             from (select api_user_id from authorization_v1 where customer_id = $1 and ${condition}
                    order by api_user_id for update) held
            where a.api_user_id = held.api_user_id`,
    values: [customerId, value, roleId, role, scope],
  });
}
