/** What the documents say of a flag, once for the portal, the API and its readers. */
interface FlagText {
  /** As the Roles page calls it. */
  readonly name: string;
  /** One sentence for the person who decides about it. */
  readonly sentence: string;
  /** The routes that ask for it, or for one of several; `RequirePermission` at each of them is what enforces it. */
  readonly permits: readonly string[];
}

/** Yes/no flags of a role. There are no tiers and no wildcards. */
const FLAGS = {
  can_add_users: {
    name: 'Add users',
    sentence: 'Sees the Users page, and invites, edits, deactivates and deletes portal users.',
    permits: [
      'GET /api/v1/users',
      'GET /api/v1/users/:id',
      'POST /api/v1/users',
      'PATCH /api/v1/users/:id',
      'DELETE /api/v1/users/:id',
      'POST /api/v1/users/:id/resend-invite',
      'POST /api/v1/users/:id/deactivate',
      'POST /api/v1/users/:id/reactivate',
      'GET /api/v1/roles',
    ],
  },
  can_add_roles: {
    name: 'Add roles',
    sentence: 'Adds, changes and deletes roles, and so decides what everybody with such a role may do.',
    permits: ['GET /api/v1/roles', 'POST /api/v1/roles', 'PATCH /api/v1/roles/:id', 'DELETE /api/v1/roles/:id'],
  },
  can_view_activity: {
    name: 'View activity',
    sentence: 'Reads and exports the trail of who did what, as an auditor does.',
    permits: [
      'GET /api/v1/activity',
      'GET /api/v1/activity/:id',
      'GET /api/v1/activity/export',
      'GET /api/v1/activity/stream',
    ],
  },
  can_view_specs: {
    name: 'View specs',
    sentence: 'Sees the specs of the customer; no address of these services asks for it.',
    permits: [],
  },
  can_use_agent: {
    name: 'Use the agent',
    sentence: 'Calls the agent: without it, /infer refuses an API user’s token.',
    permits: ['POST /api/v1/infer'],
  },
  can_introspect: {
    name: 'Introspect tokens',
    sentence: 'Asks whether a token of this customer is valid and whose it is, as an API does that was sent one.',
    permits: ['POST /oauth2/introspect'],
  },
} as const satisfies Readonly<Record<string, FlagText>>;

export type Permission = keyof typeof FLAGS;

/** The same, by flag. */
export const PERMISSION_TEXTS: Readonly<Record<Permission, FlagText>> = FLAGS;

/** In the order in which they are shown and stored. */
export const PERMISSIONS = Object.keys(FLAGS) as [Permission, ...Permission[]];

export interface Role {
  readonly id: string;
  readonly name: string;
  /** System roles are the same for every customer and read-only. */
  readonly system: boolean;
  readonly permissions: readonly Permission[];
}

/** The three read-only roles that every customer has; their ids never change. */
export const SYSTEM_ROLES: readonly Role[] = [
  {
    id: '0198a1de-0000-7000-8000-000000000001',
    name: 'RebelCore_SuperUser',
    system: true,
    permissions: PERMISSIONS,
  },
  {
    id: '0198a1de-0000-7000-8000-000000000002',
    name: 'RebelCore_User',
    system: true,
    permissions: ['can_view_specs', 'can_use_agent'],
  },
  {
    id: '0198a1de-0000-7000-8000-000000000003',
    name: 'RebelCore_AgentUser',
    system: true,
    permissions: ['can_use_agent'],
  },
];

export const systemRole = (id: string): Role | undefined => SYSTEM_ROLES.find((role) => role.id === id);

/**
 * The flags of a role that an event names: those told with it. A system role has those of this release, whatever an event of
 * an older one told of it.
 */
export const permissionsTold = (role: {
  readonly id: string;
  readonly permissions?: readonly string[] | undefined;
}): readonly string[] => systemRole(role.id)?.permissions ?? role.permissions ?? [];
