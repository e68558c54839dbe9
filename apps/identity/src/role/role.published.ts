import { releaseClaim, type StreamPublication } from '@rebelcore/event-store/event-store';
import type { PoolClient } from 'pg';
import { identityEvent } from '../published-event.js';
import { nameClaim } from './role-name.js';
import { nameKey, role, type RoleEvent } from './role.js';
import { requireCurrent, RoleOutdated } from './roles.js';

/** What goes onto the topic of a role, and the tables that follow it in the transaction of its events. */
export const rolePublication: StreamPublication<RoleEvent> = {
  aggregate: role,

  publish: (recording) => [identityEvent(recording, recording.event.data.roleId)],

  project(tx, { event, time }): Promise<void> {
    switch (event.type) {
      case 'RoleAdded':
        return added(tx, event.data, time);
      case 'RoleChanged':
        return changed(tx, event.data);
      case 'RoleDeleted':
        return deleted(tx, event.data);
    }
  },
};

type Data<Type extends RoleEvent['type']> = Extract<RoleEvent, { type: Type }>['data'];

async function added(tx: PoolClient, { customerId, roleId, name, permissions }: Data<'RoleAdded'>, time: Date) {
  await tx.query({
    name: 'role-view.add',
    text: 'insert into role_v1 (customer_id, id, name, permissions, created_at) values ($1, $2, $3, $4, $5)',
    values: [customerId, roleId, name, permissions, time],
  });
}

async function changed(tx: PoolClient, { customerId, roleId, name, permissions }: Data<'RoleChanged'>) {
  const { rows } = await tx.query<{ name: string }>({
    name: 'role-view.change',
    text: `update role_v1 r set name = $3, permissions = $4
             from (select name from role_v1 where customer_id = $1 and id = $2) before
            where r.customer_id = $1 and r.id = $2 returning before.name`,
    values: [customerId, roleId, name, permissions],
  });
  const before = rows[0]?.name ?? name;
  // The claim of a new name came with the event.
  if (nameKey(before) !== nameKey(name)) await releaseClaim(tx, nameClaim({ customerId, roleId, name: before }));
  await tx.query({
    name: 'user-view.role-name',
    text: 'update user_v1 set role_name = $3 where customer_id = $1 and role_id = $2 and role_name <> $3',
    values: [customerId, roleId, name],
  });
}

/** The users are counted by moving them, under the lock of the append: none can come or go between count and event. */
async function deleted(tx: PoolClient, { customerId, roleId, name, reassignedTo, usersMoved }: Data<'RoleDeleted'>) {
  if (reassignedTo !== undefined) await requireCurrent(tx, customerId, reassignedTo);
  const { rowCount } =
    reassignedTo === undefined
      ? await tx.query('select from user_v1 where customer_id = $1 and role_id = $2', [customerId, roleId])
      : await tx.query('update user_v1 set role_id = $3, role_name = $4 where customer_id = $1 and role_id = $2', [
          customerId,
          roleId,
          reassignedTo.id,
          reassignedTo.name,
        ]);
  if (rowCount !== usersMoved) throw new RoleOutdated();
  await tx.query('delete from role_v1 where customer_id = $1 and id = $2', [customerId, roleId]);
  await releaseClaim(tx, nameClaim({ customerId, roleId, name }));
}
