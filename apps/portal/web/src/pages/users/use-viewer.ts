import { useMemo } from 'react';
import { may } from '../../api/me.js';
import { useMe } from '../../api/use-me.js';
import type { Viewer } from './user-actions.js';

/** Who looks at the page, as far as it decides what is offered. The server decides again. */
export function useViewer(): Viewer {
  const me = useMe();
  return useMemo(
    () => ({
      id: me.user.id,
      owner: me.user.owner,
      mayAddUsers: may(me, 'can_add_users'),
      mayViewActivity: may(me, 'can_view_activity'),
    }),
    [me],
  );
}
