import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { SYSTEM_ROLES, type Role } from '@rebelcore/contracts/roles';
import type { Caller } from '../access/caller.js';

/** The roles of the caller's customer: so far the three that every customer has. */
export class ListRoles extends Query<readonly Role[]> {
  constructor(readonly caller: Caller) {
    super();
  }
}

@QueryHandler(ListRoles)
export class ListRolesHandler implements IQueryHandler<ListRoles> {
  execute(): Promise<readonly Role[]> {
    return Promise.resolve(SYSTEM_ROLES);
  }
}
