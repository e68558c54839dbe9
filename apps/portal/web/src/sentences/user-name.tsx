import { useQuery } from '@tanstack/react-query';
import { answer, api, BACKGROUND } from '../api/client.js';
import { may } from '../api/me.js';
import { useMe } from '../api/use-me.js';

/** `0198a1de…0001`, for an id that nobody can put a name to. */
const shortId = (id: string): string => `${id.slice(0, 8)}…${id.slice(-4)}`;

/** What a user is called: a person's name, an API user's label. Whoever may not see users sees the id. */
export function useUserName(id: string | null): string {
  const me = useMe();
  const { data } = useQuery({
    queryKey: ['user-name', id],
    queryFn: async ({ signal }) => {
      const params = { path: { id: id ?? '' } };
      const user = await answer(api.GET('/api/v1/users/{id}', { params, headers: BACKGROUND, signal }));
      return user.type === 'portal' ? `${user.first_name ?? ''} ${user.last_name ?? ''}`.trim() : (user.label ?? null);
    },
    enabled: id !== null && may(me, 'can_add_users'),
    staleTime: 600_000,
    // A user that is gone has no name any more, which is an answer.
    retry: false,
  });
  if (id === null) return '';
  return data === undefined || data === null || data === '' ? shortId(id) : data;
}

export const UserName = ({ id }: { id: string }) => <bdi title={id}>{useUserName(id)}</bdi>;
