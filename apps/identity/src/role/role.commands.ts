import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { SYSTEM_ROLES, systemRole, type Role } from '@rebelcore/contracts/roles';
import { Refused } from '@rebelcore/event-store/aggregate';
import { withinCustomer } from '@rebelcore/event-store/customer-scope';
import type { Claim } from '@rebelcore/event-store/append-statement';
import { ClaimTaken, EventStore } from '@rebelcore/event-store/event-store';
import { randomUUIDv7 as uuid } from 'node:crypto';
import { Pool } from 'pg';
import { actorOf, appendContextOf, type Caller } from '../access/caller.js';
import {
  add,
  change,
  nameKey,
  remove,
  role,
  unknown,
  withFlags,
  type Flags,
  type RoleChange,
  type RoleState,
} from './role.js';
import { nameClaim, ROLE_NAME } from './role-name.js';
import { Roles, told, untilCurrent } from './roles.js';

export interface ChangedRole {
  readonly role: Role & { readonly users: number };
  readonly position: number;
}

/** A role of the customer's own, with the flags of another one where it is a copy, as far as none are given. */
export class AddRole extends Command<ChangedRole> {
  constructor(
    readonly name: string,
    readonly flags: Flags,
    readonly copyOf: string | undefined,
    readonly caller: Caller,
  ) {
    super();
  }
}

@CommandHandler(AddRole)
export class AddRoleHandler implements ICommandHandler<AddRole> {
  constructor(
    private readonly store: EventStore,
    private readonly roles: Roles,
  ) {}

  async execute({ name, flags, copyOf, caller }: AddRole): Promise<ChangedRole> {
    const { customerId } = caller;
    const source = copyOf === undefined ? undefined : await this.roles.find(customerId, copyOf);
    if (copyOf !== undefined && source === undefined) {
      throw new Refused('role.unknown-source', 'copy_of: is not a role of this customer');
    }
    const id = uuid();
    const permissions = withFlags(source?.permissions ?? [], flags);
    const data = { roleId: id, customerId, name, permissions, ...(source && { copyOf: source.id }) };
    const decision = add({ ...data, actor: actorOf(caller) });
    const { position } = await this.store.transact(role, id, decision, { ...appendContextOf(caller), names });
    return { role: { id, name, permissions, system: false, users: 0 }, position };
  }
}

/** Another name or other flags, for everybody who has the role, from the next request on. */
export class ChangeRole extends Command<ChangedRole> {
  constructor(
    readonly id: string,
    readonly to: RoleChange,
    readonly caller: Caller,
  ) {
    super();
  }
}

@CommandHandler(ChangeRole)
export class ChangeRoleHandler implements ICommandHandler<ChangeRole> {
  constructor(
    private readonly store: EventStore,
    private readonly pool: Pool,
  ) {}

  async execute({ id, to, caller }: ChangeRole): Promise<ChangedRole> {
    refuseSystemRole(id);
    const context = { ...appendContextOf(caller), names };
    const { state, position } = await this.store.transact(role, id, change(to, actorOf(caller)), context);
    if (state.status !== 'active') throw unknown();
    const users = await usersOf(this.pool, caller.customerId, id);
    return {
      role: { id, name: state.name, permissions: withFlags(state.permissions), system: false, users },
      position,
    };
  }
}

/** Deletes a role; answers the position. Whoever has it gets the role `reassignTo`, without which it is refused. */
export class DeleteRole extends Command<number> {
  constructor(
    readonly id: string,
    readonly reassignTo: string | undefined,
    readonly caller: Caller,
  ) {
    super();
  }
}

@CommandHandler(DeleteRole)
export class DeleteRoleHandler implements ICommandHandler<DeleteRole> {
  constructor(
    private readonly store: EventStore,
    private readonly roles: Roles,
    private readonly pool: Pool,
  ) {}

  async execute({ id, reassignTo, caller }: DeleteRole): Promise<number> {
    refuseSystemRole(id);
    const { customerId } = caller;
    return untilCurrent(async () => {
      const target = reassignTo === undefined ? undefined : await this.roles.find(customerId, reassignTo);
      // The role itself can be found no more when this is asked again, and then there is nothing left to do.
      if (reassignTo !== undefined && target === undefined && reassignTo !== id) {
        throw new Refused('role.unknown-target', 'reassign_to: is not a role of this customer');
      }
      const users = await usersOf(this.pool, customerId, id);
      const decision = remove(users, target && told(target), actorOf(caller));
      const { position } = await this.store.transact(role, id, decision, { ...appendContextOf(caller), names });
      return position;
    });
  }
}

/** How many users have a role, portal users and API users, whatever their status. */
const usersOf = (pool: Pool, customerId: string, roleId: string): Promise<number> =>
  withinCustomer(pool, customerId, async (tx) => {
    const { rows } = await tx.query<{ users: number }>({
      name: 'role.users',
      text: 'select count(*)::int as users from user_v1 where customer_id = $1 and role_id = $2',
      values: [customerId, roleId],
    });
    return rows[0]?.users ?? 0;
  });

function refuseSystemRole(id: string): void {
  if (systemRole(id) !== undefined) throw new Refused('role.is-system', 'A system role cannot be changed or deleted.');
}

/** A role takes a name that it did not have; `role.published` gives up the one before. Those of the system are taken. */
function names(before: RoleState, after: RoleState): Claim[] {
  if (after.status !== 'active') return [];
  if (SYSTEM_NAMES.has(nameKey(after.name))) throw new ClaimTaken(ROLE_NAME);
  if (before.status === 'active' && nameKey(before.name) === nameKey(after.name)) return [];
  return [nameClaim(after)];
}

const SYSTEM_NAMES = new Set(SYSTEM_ROLES.map(({ name }) => nameKey(name)));
