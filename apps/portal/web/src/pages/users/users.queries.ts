import { infiniteQueryOptions, queryOptions, type InfiniteData, type QueryClient } from '@tanstack/react-query';
import type { Flag, Usage } from './usage-api.js';
import { listSilent, usageOf, usageOfMany } from './usage-api.js';
import {
  entriesOf,
  listUsers,
  networksOf,
  rolesOf,
  userOf,
  type Page,
  type User,
  type UserFilter,
} from './users-api.js';

/** A page of the list; `usage` where it came with it. */
interface ListPage extends Page<User> {
  readonly usage?: readonly Usage[];
}

export type ListFilter = UserFilter & { readonly flag?: Flag | undefined };
type ListData = InfiniteData<ListPage, string | undefined>;

const LIST = ['users', 'list'] as const;

/** Newest first, page after page. A filter by silence asks the audit side first, which knows no names. */
export const listQuery = (filter: ListFilter) =>
  infiniteQueryOptions({
    queryKey: [...LIST, filter],
    queryFn: async ({ pageParam, signal }): Promise<ListPage> => {
      const { flag, ...others } = filter;
      if (flag === undefined) return listUsers(others, pageParam, signal);
      const { items: usage, next_cursor, as_of } = await listSilent(flag, pageParam, signal);
      const items = await Promise.all(usage.map(({ id }) => userOf(id, signal)));
      return { items, usage, next_cursor, as_of };
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
    // Hundreds of pages are not loaded again only because somebody came back to the window.
    refetchOnWindowFocus: ({ state }) => (state.data?.pages.length ?? 0) <= 3,
  });

export const userQuery = (id: string) =>
  queryOptions({ queryKey: ['users', 'one', id], queryFn: ({ signal }) => userOf(id, signal) });

export const networksQuery = (apiUserId: string) =>
  queryOptions({ queryKey: ['networks', apiUserId], queryFn: ({ signal }) => networksOf(apiUserId, signal) });

export const usageQuery = (id: string) =>
  queryOptions({ queryKey: ['usage', 'one', id], queryFn: ({ signal }) => usageOf(id, signal) });

const ASK_AGAIN_MS = 2_000;
const ASKED_ENOUGH = 10;

/** What is known of the calls of a page of API users; asked again, a few times, while one is so new that nothing is. */
export const usagesQuery = (ids: readonly string[]) =>
  queryOptions({
    queryKey: ['usage', 'many', ids],
    queryFn: ({ signal }) => usageOfMany(ids, signal),
    staleTime: 0,
    refetchInterval: ({ state: { data, dataUpdateCount } }) =>
      data !== undefined && data.items.length < ids.length && dataUpdateCount < ASKED_ENOUGH ? ASK_AGAIN_MS : false,
  });

export const entriesQuery = (userId: string) =>
  queryOptions({ queryKey: ['activity', 'last-of', userId], queryFn: ({ signal }) => entriesOf(userId, signal) });

export const rolesQuery = queryOptions({ queryKey: ['roles', 'names'], queryFn: ({ signal }) => rolesOf(signal) });

/** Shows a user as a write left them, wherever they stand, without loading the list again under the reader. */
export function keepUser(client: QueryClient, user: User): void {
  client.setQueryData(userQuery(user.id).queryKey, user);
  client.setQueriesData<ListData>({ queryKey: LIST }, (data) =>
    mapItems(data, (items) => items.map((item) => (item.id === user.id ? user : item))),
  );
  void client.invalidateQueries({ queryKey: entriesQuery(user.id).queryKey });
}

/** A new user stands first in every list that shows such users; a search is left to the server. */
export function addUser(client: QueryClient, user: User): void {
  client.setQueryData(userQuery(user.id).queryKey, user);
  for (const [queryKey, data] of client.getQueriesData<ListData>({ queryKey: LIST })) {
    const { type, status, q, flag } = (queryKey[2] ?? {}) as ListFilter;
    const isShown = (type ?? user.type) === user.type && (status ?? user.status) === user.status;
    const [first, ...others] = data?.pages ?? [];
    if (data === undefined || first === undefined || !isShown || q !== undefined || flag !== undefined) continue;
    const items = [user, ...first.items.filter(({ id }) => id !== user.id)];
    client.setQueryData<ListData>(queryKey, { ...data, pages: [{ ...first, items }, ...others] });
  }
}

export function dropUser(client: QueryClient, gone: string): void {
  client.setQueriesData<ListData>({ queryKey: LIST }, (data) =>
    mapItems(data, (items) => items.filter(({ id }) => id !== gone)),
  );
  client.removeQueries({ queryKey: userQuery(gone).queryKey });
}

function mapItems(data: ListData | undefined, map: (items: readonly User[]) => readonly User[]): ListData | undefined {
  return data && { ...data, pages: data.pages.map((page) => ({ ...page, items: map(page.items) })) };
}
