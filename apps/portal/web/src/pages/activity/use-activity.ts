import { useInfiniteQuery } from '@tanstack/react-query';
import { answer, api } from '../../api/client.js';
import type { components } from '../../api/schema.js';
import { toQuery, type ActivitySearch } from './activity-filter.js';

export type Entry = components['schemas']['ActivityEntry'];

/** The next page of a list goes on with the very filter of its first one: the cursor is bound to it. */
interface PageStart {
  readonly cursor: string;
  readonly query: Readonly<Record<string, string>>;
}

const PAGE_SIZE = 50;

/**
 * The entries of a filter, newest first, page by page. They are loaded again only when somebody asks for it: by the
 * button, or by coming to the page anew.
 */
export function useActivity({ entry: _, live: __, tz: ___, ...filter }: ActivitySearch) {
  return useInfiniteQuery({
    queryKey: ['activity', filter],
    initialPageParam: undefined as PageStart | undefined,
    queryFn: async ({ pageParam, signal }) => {
      const query = pageParam?.query ?? toQuery(filter, Date.now());
      const params = { query: { ...query, limit: PAGE_SIZE, ...(pageParam && { cursor: pageParam.cursor }) } };
      const page = await answer(api.GET('/api/v1/activity', { params, signal }));
      return { ...page, query, loadedAt: Date.now() };
    },
    getNextPageParam: ({ next_cursor: cursor, query }): PageStart | undefined =>
      cursor === null ? undefined : { cursor, query },
    staleTime: Infinity,
    refetchOnMount: 'always',
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
}
