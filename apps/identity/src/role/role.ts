import { identityEvents, type Actor, type IdentityEventData } from '@rebelcore/contracts/identity-events';
import { PERMISSIONS, type Permission } from '@rebelcore/contracts/roles';
import { eventCodec, Refused, type Aggregate, type Decision, type EventOf } from '@rebelcore/event-store/aggregate';

const events = {
  RoleAdded: { schema: identityEvents.schemas.RoleAdded },
  RoleChanged: { schema: identityEvents.schemas.RoleChanged },
  RoleDeleted: { schema: identityEvents.schemas.RoleDeleted },
};
export type RoleEvent = EventOf<typeof events>;

interface OwnRole {
  readonly roleId: string;
  readonly customerId: string;
  readonly name: string;
  readonly permissions: readonly string[];
}
/** A role of a customer's own. Its id is never used again. */
export type RoleState =
  { readonly status: 'none' } | { readonly status: 'deleted' } | ({ readonly status: 'active' } & OwnRole);

export const role: Aggregate<RoleState, RoleEvent> = {
  type: 'role',
  initial: { status: 'none' },
  evolve: (_, event) => {
    switch (event.type) {
      case 'RoleAdded':
      case 'RoleChanged': {
        const { roleId, customerId, name, permissions } = event.data;
        return { status: 'active', roleId, customerId, name, permissions };
      }
      case 'RoleDeleted':
        return { status: 'deleted' };
    }
  },
  codec: eventCodec(events),
};

export type AddRole = IdentityEventData<'RoleAdded'>;
/** How an event names a role: with the flags that were on at that moment. */
export interface RoleTold {
  readonly id: string;
  readonly name: string;
  readonly permissions: Permission[];
}

/** What is the same for all ways of writing a name. By way of capitals, since those of ß and ss, of ς and σ are one. */
export const nameKey = (name: string): string => name.normalize('NFC').toUpperCase().toLowerCase();

export const add =
  (details: AddRole): Decision<RoleState, RoleEvent> =>
  (state) =>
    state.status === 'none' ? [{ type: 'RoleAdded', data: details }] : [];

/** What is to be different; whatever is not named stays. */
export interface RoleChange {
  readonly name?: string | undefined;
  readonly flags?: Flags | undefined;
}
export type Flags = { readonly [flag in Permission]?: boolean | undefined };

export const change =
  (to: RoleChange, actor: Actor): Decision<RoleState, RoleEvent> =>
  (state) => {
    if (state.status !== 'active') throw unknown();
    const { roleId, customerId } = state;
    const name = to.name ?? state.name;
    const permissions = withFlags(state.permissions, to.flags);
    if (name === state.name && permissions.join() === withFlags(state.permissions).join()) return [];
    return [{ type: 'RoleChanged', data: { roleId, customerId, name, permissions, actor } }];
  };

/**
 * Deletes a role; whoever has it gets another one with the same event.
 *
 * @param users how many have it
 * @param target the role they get, where one was named
 */
export const remove =
  (users: number, target: RoleTold | undefined, actor: Actor): Decision<RoleState, RoleEvent> =>
  (state) => {
    switch (state.status) {
      case 'none':
        throw unknown();
      case 'deleted':
        return [];
      case 'active': {
        const { roleId, customerId, name } = state;
        if (target?.id === roleId) throw new Refused('role.unknown-target', 'reassign_to: is the role to be deleted');
        if (users > 0 && target === undefined) throw inUse(users);
        const reassigned = users > 0 && target !== undefined ? { reassignedTo: target } : {};
        return [{ type: 'RoleDeleted', data: { roleId, customerId, name, ...reassigned, usersMoved: users, actor } }];
      }
    }
  };

/** The flags that are on, in their one order. */
export const withFlags = (permissions: readonly string[], flags: Flags = {}): Permission[] =>
  PERMISSIONS.filter((flag) => flags[flag] ?? permissions.includes(flag));

export const unknown = () => new Refused('role.unknown', 'There is no such role.');
const inUse = (users: number) =>
  new Refused(
    'role.in-use',
    `${users === 1 ? 'One user has' : `${users} users have`} this role; give them another first.`,
    {
      users,
    },
  );
