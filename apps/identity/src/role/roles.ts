import { Injectable } from '@nestjs/common';
import { systemRole, type Role } from '@rebelcore/contracts/roles';

/** The roles that users of a customer can have. */
@Injectable()
export class Roles {
  /** Undefined for an id that no role of this customer has. */
  find(_customerId: string, roleId: string): Promise<Role | undefined> {
    return Promise.resolve(systemRole(roleId));
  }
}
