import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { Role } from '@rebelcore/contracts/roles';
import { withinCustomer } from '@rebelcore/event-store/customer-scope';
import { Pool } from 'pg';
import type { Caller } from '../access/caller.js';
import { allRoles } from './roles.js';

export interface RoleList {
  readonly roles: readonly (Role & { /** Portal users and API users who have it. */ readonly users: number })[];
  readonly asOf: Date;
}

/** The roles of the caller's customer: the three that every customer has, then its own by name. */
export class ListRoles extends Query<RoleList> {
  constructor(readonly caller: Caller) {
    super();
  }
}

@QueryHandler(ListRoles)
export class ListRolesHandler implements IQueryHandler<ListRoles> {
  constructor(private readonly pool: Pool) {}

  execute({ caller }: ListRoles): Promise<RoleList> {
    return withinCustomer(this.pool, caller.customerId, async (tx) => {
      const roles = await allRoles(tx, caller.customerId);
      const { rows } = await tx.query<{ now: Date }>('select transaction_timestamp() as now');
      return { roles, asOf: rows[0]?.now ?? new Date() };
    });
  }
}
