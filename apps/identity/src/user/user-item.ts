import { Refused } from '@rebelcore/event-store/aggregate';
import { ProblemException } from '@rebelcore/service/problem';
import { z } from 'zod';
import type { Caller } from '../access/caller.js';
import { idInPath } from '../http/request-fields.js';
import type { UserRow } from './user.queries.js';

const invite = z.object({
  expires_at: z.iso.datetime(),
  expired: z.boolean(),
  becomes: z.enum(['active', 'inactive']).meta({ description: 'The status that setting the password leads to.' }),
  delivery: z
    .enum(['waiting', 'sent', 'failed'])
    .meta({ description: 'The mail: failed once the address has refused it for good.' }),
});

/** Of a change to an API user: since when the token service decides by it. */
export const enforcedAtField = z.iso.datetime().nullable().meta({ description: 'Null until that is confirmed.' });

/** A portal user or an API user, as every route shows it. */
export const userItem = z
  .object({
    id: z.uuid(),
    type: z.enum(['portal', 'api']),
    owner: z.boolean().meta({ description: 'The Customer Super Admin, who is not edited here and has no role.' }),
    status: z.enum(['active', 'inactive']).meta({ description: 'Whoever is invited is inactive.' }),
    created_at: z.iso.datetime(),
    role: z.object({ id: z.uuid(), name: z.string() }).optional(),
    email: z.string().optional().meta({ description: 'Portal users only, as the names.' }),
    first_name: z.string().optional(),
    last_name: z.string().optional(),
    invite: invite.nullish().meta({ description: 'Portal users: null once the password is set.' }),
    second_factor: z.boolean().optional().meta({ description: 'Portal users: an authenticator app is enrolled.' }),
    username: z.string().optional().meta({ description: 'API users only, as the following.' }),
    label: z.string().nullish(),
    replaces: z.uuid().nullish(),
    replaced_by: z.array(z.uuid()).optional(),
    leaked: z
      .boolean()
      .optional()
      .meta({ description: 'Its password was reported as found in the open: it is never reactivated.' }),
    enforced_at: z.iso.datetime().nullish().meta({ description: 'Null until /authorize decides by the status.' }),
  })
  .meta({ id: 'User' });

export function userOf(row: UserRow): z.infer<typeof userItem> {
  const { id, type, owner, status, role_id: roleId, role_name: roleName } = row;
  const role = roleId === null || roleName === null ? {} : { role: { id: roleId, name: roleName } };
  const common = { id, type, owner, status, created_at: row.created_at.toISOString(), ...role };
  if (type === 'portal') {
    return {
      ...common,
      email: row.email ?? '',
      first_name: row.first_name ?? '',
      last_name: row.last_name ?? '',
      invite: inviteOf(row),
      second_factor: row.second_factor,
    };
  }
  return {
    ...common,
    username: row.username ?? '',
    label: row.label,
    replaces: row.replaces,
    replaced_by: [...row.replaced_by],
    leaked: row.leaked,
    enforced_at: row.state_since?.toISOString() ?? null,
  };
}

function inviteOf(row: UserRow): z.infer<typeof invite> | null {
  const { becomes, invite_expires_at: expiresAt, invite_expired: expired, invite_delivery: delivery } = row;
  if (becomes === null || expiresAt === null || expired === null) return null;
  return { expires_at: expiresAt.toISOString(), expired, becomes, delivery };
}

/**
 * The id of a user in a path.
 *
 * @throws {Refused} `user.unknown`: what is not even an id belongs to nobody
 */
export function userId(id: string): string {
  return idInPath(id, () => new Refused('user.unknown', 'There is no such user.'));
}

/**
 * Beyond what a route of all users asks for.
 *
 * @throws {ProblemException} 403 `permission.missing`
 */
export function assertMayManageApiUsers({ owner }: Pick<Caller, 'owner'>): void {
  if (owner) return;
  throw new ProblemException(403, 'permission.missing', 'Only the Customer Super Admin may do this to an API user.');
}
