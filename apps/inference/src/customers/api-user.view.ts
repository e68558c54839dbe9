import type { ApiUser, ApiUserPermissions, CurrentPermissions } from '@rebelcore/api-access/api-user.guard';
import type { IdentityEvent } from '@rebelcore/contracts/identity-events';
import { permissionsTold, systemRole } from '@rebelcore/contracts/roles';
import type { ViewFreshness } from '@rebelcore/messaging/project/freshness';
import type { Pool, PoolClient } from 'pg';

/** What may an API user do now? Its role, and the flags of it, each as identity's events have left them. */
export class ApiUserView implements ApiUserPermissions {
  /** @param view the name that what is parked and lost is stored under */
  constructor(
    private readonly pool: Pool,
    private readonly view: string,
    private readonly freshness: Pick<ViewFreshness, 'hasCaughtUp'>,
  ) {}

  /**
   * While something of the customer is parked, the topic has lost what was not read here, or the database may be a copy from before, a
   * flag may have been switched off without this view having it. Then it also knows nothing of whoever is not in it.
   */
  async permissionsOf({
    apiUserId,
    customerId,
  }: Pick<ApiUser, 'apiUserId' | 'customerId'>): Promise<CurrentPermissions | undefined> {
    const { rows } = await this.pool.query<{
      role_id: string | null;
      permissions: string[] | null;
      is_certain: boolean;
    }>({
      name: 'api-user.permissions',
      text: `select u.role_id, r.permissions,
                    not exists (select from parked_record p
                                 where p.view = $3 and p.topic = 'identity.events.v1' and p.key = $2)
                    and not exists (select from topic_gap g join consumer_offset using (view, topic, partition, incarnation)
                                     where view = $3 and topic = 'identity.events.v1' and g.kind <> 'made-anew') as is_certain
               from (values ($1::uuid)) as who (api_user_id)
               left join api_user_v1 u using (api_user_id) left join role_v1 r using (role_id)`,
      values: [apiUserId, customerId, this.view],
    });
    const { role_id: roleId = null, permissions = null, is_certain = false } = rows[0] ?? {};
    const isCertain = is_certain && this.freshness.hasCaughtUp();
    if (roleId === null) return isCertain ? undefined : { flags: [], isCertain };
    return { flags: systemRole(roleId)?.permissions ?? permissions ?? [], isCertain };
  }
}

/** Writes what these events, oldest first, say of API users and roles. Again and again comes to the same. */
export async function applyApiUsers(tx: PoolClient, events: readonly IdentityEvent[]): Promise<void> {
  let users = new Map<string, { readonly customerId: string; readonly roleId: string }>();
  const roles = new Map<string, readonly string[]>();
  const learn = (role: Parameters<typeof permissionsTold>[0]) => roles.set(role.id, permissionsTold(role));
  for (const { name, data } of events) {
    switch (name) {
      case 'ApiUserCreated':
        users.set(data.apiUserId, { customerId: data.customerId, roleId: data.role.id });
        learn(data.role);
        break;
      case 'ApiUserRoleChanged':
        users.set(data.apiUserId, { customerId: data.customerId, roleId: data.to.id });
        learn(data.to);
        break;
      case 'RoleAdded':
      case 'RoleChanged':
        learn({ id: data.roleId, permissions: data.permissions });
        break;
      case 'RoleDeleted':
        if (data.reassignedTo === undefined) break;
        learn(data.reassignedTo);
        // Whoever has the role at this point moves, and nobody who gets another one later.
        await writeUsers(tx, users);
        users = new Map();
        await moveUsers(tx, data.customerId, data.roleId, data.reassignedTo.id);
        break;
      default:
    }
  }
  await writeUsers(tx, users);
  await writeRoles(tx, roles);
}

async function writeUsers(
  tx: PoolClient,
  users: ReadonlyMap<string, { readonly customerId: string; readonly roleId: string }>,
): Promise<void> {
  if (users.size === 0) return;
  const rows = [...users];
  await tx.query({
    name: 'api-user.write',
    text: `insert into api_user_v1 (api_user_id, customer_id, role_id)
           select * from unnest($1::uuid[], $2::uuid[], $3::uuid[])
           on conflict (api_user_id) do update set role_id = excluded.role_id`,
    values: [
      rows.map(([id]) => id),
      rows.map(([, { customerId }]) => customerId),
      rows.map(([, { roleId }]) => roleId),
    ],
  });
}

async function moveUsers(tx: PoolClient, customerId: string, from: string, to: string): Promise<void> {
  await tx.query({
    name: 'api-user.move',
    text: 'update api_user_v1 set role_id = $3 where customer_id = $1 and role_id = $2',
    values: [customerId, from, to],
  });
}

/** Those of the system are known without being told. */
async function writeRoles(tx: PoolClient, roles: ReadonlyMap<string, readonly string[]>): Promise<void> {
  const own = [...roles].filter(([id]) => systemRole(id) === undefined);
  if (own.length === 0) return;
  await tx.query({
    name: 'role.write',
    text: `insert into role_v1 (role_id, permissions)
           select role_id, string_to_array(permissions, ' ') from unnest($1::uuid[], $2::text[]) as r (role_id, permissions)
           on conflict (role_id) do update set permissions = excluded.permissions`,
    values: [own.map(([id]) => id), own.map(([, permissions]) => permissions.join(' '))],
  });
}
