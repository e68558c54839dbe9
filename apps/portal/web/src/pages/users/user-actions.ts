import type { User } from './users-api.js';

export type Action =
  'edit' | 'change-role' | 'resend-invite' | 'rotate' | 'deactivate' | 'reactivate' | 'reset-second-factor' | 'delete';

/** Who looks at the page; `owner` is the Customer Super Admin. */
export interface Viewer {
  readonly id: string;
  readonly owner: boolean;
  readonly mayAddUsers: boolean;
  readonly mayViewActivity: boolean;
}

type Shown = Pick<User, 'id' | 'type' | 'owner' | 'status' | 'leaked' | 'invite' | 'second_factor'>;

/** What the server would let this viewer do with this user, in the order of a menu; the dangerous ones last. */
export function actionsFor(user: Shown, viewer: Viewer): readonly Action[] {
  if (user.owner) return [];
  if (user.type === 'api') {
    if (!viewer.owner) return [];
    // What has leaked is replaced and never used again.
    if (user.leaked === true) return ['rotate'];
    return user.status === 'active' ? ['change-role', 'rotate', 'deactivate'] : ['change-role', 'reactivate'];
  }
  if (!viewer.owner && !viewer.mayAddUsers) return [];
  const isOneself = user.id === viewer.id;
  const isInvited = user.invite !== null && user.invite !== undefined;
  const actions: Action[] = ['edit'];
  if (isInvited) actions.push('resend-invite');
  if (viewer.owner && user.second_factor === true) actions.push('reset-second-factor');
  if (isOneself) return actions;
  // Who has not set a password yet is inactive and becomes active by doing so.
  if (user.status === 'active') actions.push('deactivate');
  else if (!isInvited) actions.push('reactivate');
  actions.push('delete');
  return actions;
}

/** Only the Customer Super Admin can mint an API user; whoever is not sees no such option. */
export const kindsToAdd = ({ owner, mayAddUsers }: Viewer): readonly ('user' | 'api-user')[] =>
  owner ? ['user', 'api-user'] : mayAddUsers ? ['user'] : [];
