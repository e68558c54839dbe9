import { queryOptions } from '@tanstack/react-query';
import { answer, api, BACKGROUND } from './client.js';
import type { components } from './schema.js';
import { signedInAs } from './session-gate.js';

/** Who is signed in. */
export type Me = components['schemas']['Me'];
export type Permission = Me['permissions'][number];

/** Asked again in the background when the window comes to the front, so that an ended session shows. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: async ({ signal }) => {
    const me = await answer(api.GET('/api/v1/me', { headers: BACKGROUND, signal }));
    signedInAs(me.user);
    return me;
  },
  staleTime: 15_000,
  retry: false,
  refetchOnWindowFocus: 'always',
});

/** The owner stands outside roles: every check passes. */
export const may = (me: Me, permission: Permission): boolean => me.user.owner || me.permissions.includes(permission);
