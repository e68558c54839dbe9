/** Yes/no flags of a role. There are no tiers and no wildcards. */
export const PERMISSIONS = [
  'can_add_users',
  'can_add_roles',
  'can_view_activity',
  'can_view_specs',
  'can_use_agent',
] as const;

export type Permission = (typeof PERMISSIONS)[number];

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
