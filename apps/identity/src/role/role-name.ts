import type { Claim } from '@rebelcore/event-store/append-statement';
import { createHash } from 'node:crypto';
import { nameKey } from './role.js';

export const ROLE_NAME = 'role.name';

interface NamedRole {
  readonly customerId: string;
  readonly roleId: string;
  readonly name: string;
}

/** The claim by which a name is given to one role of a customer. A hash, since a key must be short. */
export const nameClaim = ({ customerId, roleId, name }: NamedRole): Claim => ({
  scope: ROLE_NAME,
  key: createHash('sha256')
    .update(`${customerId}\n${nameKey(name)}`)
    .digest('base64url'),
  streamId: roleId,
});
