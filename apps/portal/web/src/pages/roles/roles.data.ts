import { queryOptions } from '@tanstack/react-query';
import { answer, api } from '../../api/client.js';
import type { components } from '../../api/schema.js';
import { rolesWords } from '../../words/roles.js';

export type Role = components['schemas']['Role'];
export type Flag = keyof typeof rolesWords.flags;
export type Flags = Readonly<Record<Flag, boolean>>;

export const FLAGS = Object.keys(rolesWords.flags) as readonly Flag[];

/** Every flag of the role, those it does not name as no. */
export const flagsOf = (role: Pick<Role, 'permissions'> | undefined): Flags =>
  Object.fromEntries(FLAGS.map((flag) => [flag, role?.permissions[flag] === true])) as Flags;

export const rolesQuery = queryOptions({
  queryKey: ['roles'],
  queryFn: ({ signal }) => answer(api.GET('/api/v1/roles', { signal })),
});
