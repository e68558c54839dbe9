import { PERMISSIONS, SYSTEM_ROLES, systemRole, type Permission, type Role } from '@rebelcore/contracts/roles';
import type { Refused } from '@rebelcore/event-store/aggregate';
import { withinCustomer } from '@rebelcore/event-store/customer-scope';
import type { Pool, PoolClient } from 'pg';
import { withFlags, type RoleTold } from './role.js';

interface RoleRow {
  readonly id: string;
  readonly name: string;
  readonly permissions: readonly string[];
}

/** What a user of the customer is and may do at this moment. */
export interface Standing {
  readonly type: 'portal' | 'api';
  readonly owner: boolean;
  readonly status: 'active' | 'inactive';
  /** Undefined for the owner, who stands outside roles. */
  readonly role: Role | undefined;
  /** Those of the role; all of them for the owner. */
  readonly permissions: readonly Permission[];
}

/** The role changed, or the user got another one, after it was looked at and before it was written. */
export class RoleOutdated extends Error {
  constructor() {
    super('the role has changed since it was looked up');
    this.name = 'RoleOutdated';
  }
}

// Each attempt follows a change of roles that somebody else has made in between.
const MAX_ATTEMPTS = 20;

/** The roles that users of a customer can have, as they are now. */
export class Roles {
  constructor(private readonly pool: Pool) {}

  /** Undefined for an id that no role of this customer has. */
  async find(customerId: string, roleId: string): Promise<Role | undefined> {
    return systemRole(roleId) ?? (await withinCustomer(this.pool, customerId, (tx) => ownRole(tx, customerId, roleId)));
  }

  /** The role that a user has now; undefined when there is no such user, and for the owner. */
  async ofUser(customerId: string, userId: string): Promise<Role | undefined> {
    return (await this.standing(customerId, userId))?.role;
  }

  /** Undefined when the customer has no such user. */
  async standing(customerId: string, userId: string): Promise<Standing | undefined> {
    const row = await withinCustomer(this.pool, customerId, async (tx) => {
      const { rows } = await tx.query<StandingRow>({
        name: 'roles.standing',
        text: `select u.type, u.owner, u.status, u.role_id, r.name, r.permissions
               from user_v1 u left join role_v1 r on r.customer_id = u.customer_id and r.id = u.role_id
               where u.customer_id = $1 and u.id = $2`,
        values: [customerId, userId],
      });
      return rows[0];
    });
    if (row === undefined) return undefined;
    const { type, owner, status } = row;
    const role = roleOf(row);
    return { type, owner, status, role, permissions: owner ? PERMISSIONS : (role?.permissions ?? []) };
  }

  /**
   * Looks a role up in order to give it to somebody, and does so again when it was changed or deleted before the event was
   * stored. The event must be one whose projection calls {@link requireCurrent}.
   *
   * @param unknown what to throw when there is no such role, or none any more
   */
  async giving<T>(
    customerId: string,
    roleId: string,
    unknown: () => Refused,
    give: (role: RoleTold) => Promise<T>,
  ): Promise<T> {
    return untilCurrent(async () => {
      const role = await this.find(customerId, roleId);
      if (role === undefined) throw unknown();
      return give(told(role));
    });
  }
}

/** Tries again for as long as roles change in between. */
export async function untilCurrent<T>(attempt: () => Promise<T>): Promise<T> {
  for (let n = 1; ; n++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof RoleOutdated) || n === MAX_ATTEMPTS) throw error;
    }
  }
}

/**
 * In the transaction of an event that gives somebody a role, once the customer's head is locked: refuses the event when it
 * tells of the role otherwise than it is, so that whoever comes later than a change or deletion looks again.
 *
 * @throws {RoleOutdated}
 */
export async function requireCurrent(
  tx: PoolClient,
  customerId: string,
  role: { readonly id: string; readonly name: string; readonly permissions?: readonly string[] | undefined },
): Promise<void> {
  if (systemRole(role.id) !== undefined) return;
  const current = await ownRole(tx, customerId, role.id);
  if (current?.name !== role.name || current.permissions.join() !== role.permissions?.join()) throw new RoleOutdated();
}

/** As an event tells of it. */
export const told = ({ id, name, permissions }: Role): RoleTold => ({ id, name, permissions: [...permissions] });

/** System roles first, then the customer's own by name, each with the number of its users. */
export async function allRoles(tx: PoolClient, customerId: string): Promise<(Role & { readonly users: number })[]> {
  const { rows } = await tx.query<RoleRow>('select id, name, permissions from role_v1 where customer_id = $1', [
    customerId,
  ]);
  const own = rows.map(fromRow).sort((a, b) => a.name.localeCompare(b.name, 'en'));
  const counted = await tx.query<{ role_id: string; users: number }>(
    `select role_id, count(*)::int as users from user_v1 where customer_id = $1 and role_id is not null group by role_id`,
    [customerId],
  );
  const users = new Map(counted.rows.map((row) => [row.role_id, row.users]));
  return [...SYSTEM_ROLES, ...own].map((role) => ({ ...role, users: users.get(role.id) ?? 0 }));
}

interface StandingRow {
  readonly type: 'portal' | 'api';
  readonly owner: boolean;
  readonly status: 'active' | 'inactive';
  readonly role_id: string | null;
  readonly name: string | null;
  readonly permissions: readonly string[] | null;
}

const roleOf = ({ role_id: id, name, permissions }: StandingRow): Role | undefined =>
  id === null
    ? undefined
    : (systemRole(id) ?? (name === null || permissions === null ? undefined : fromRow({ id, name, permissions })));

const fromRow = ({ id, name, permissions }: RoleRow): Role => ({
  id,
  name,
  system: false,
  permissions: withFlags(permissions),
});

async function ownRole(tx: PoolClient, customerId: string, roleId: string): Promise<Role | undefined> {
  const { rows } = await tx.query<RoleRow>({
    name: 'roles.own',
    text: 'select id, name, permissions from role_v1 where customer_id = $1 and id = $2',
    values: [customerId, roleId],
  });
  return rows[0] && fromRow(rows[0]);
}
