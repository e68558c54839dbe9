import { useQueries } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Usage } from './usage-api.js';
import type { Page, User } from './users-api.js';
import { usagesQuery } from './users.queries.js';

/** What is known of the calls of one API user. */
export type KnownUsage = Usage | 'loading' | 'unknown';

/** What is known of the calls of the API users shown; undefined where nobody may know, null where it could not be found out. */
export type Usages = {
  readonly of: (id: string) => Usage | undefined;
  readonly isLoading: boolean;
  readonly failed: boolean;
};

export function useUsages(
  pages: readonly (Page<User> & { readonly usage?: readonly Usage[] })[] | undefined,
  isAllowed: boolean,
): Usages | undefined {
  const asked = useMemo(
    () =>
      (pages ?? []).flatMap(({ items, usage }) => {
        const ids = items.filter(({ type }) => type === 'api').map(({ id }) => id);
        return usage === undefined && ids.length > 0 ? [usagesQuery(ids)] : [];
      }),
    [pages],
  );
  const answers = useQueries({ queries: isAllowed ? asked : [] });
  const known = new Map<string, Usage>();
  for (const { usage = [] } of pages ?? []) for (const one of usage) known.set(one.id, one);
  for (const { data } of answers) for (const one of data?.items ?? []) known.set(one.id, one);
  return isAllowed
    ? {
        of: (id) => known.get(id),
        isLoading: answers.some(({ isPending }) => isPending),
        failed: answers.some(({ isError }) => isError),
      }
    : undefined;
}
