import { useQueryClient } from '@tanstack/react-query';
import { Named } from '../../sentences/named.js';
import { announce } from '../../ui/announce.js';
import { usersWords } from '../../words/users.js';
import { ConfirmDialog } from './confirm-dialog.js';
import { nameOf } from './names.js';
import { PersonDialog } from './person-form.js';
import { RoleDialog } from './role-dialog.js';
import { StatusDialog } from './status-dialog.js';
import type { Action } from './user-actions.js';
import { remove, resendInvite, resetSecondFactor, type User } from './users-api.js';
import { dropUser, keepUser } from './users.queries.js';
import type { Usages } from './use-usages.js';

const words = usersWords.confirm;

/** What an entry of the ⋯ menu opens. Rotation is no dialog: it stands in the drawer. */
export function ActionDialog({
  action,
  users,
  usages,
  onClose,
  onGone,
}: {
  readonly action: Action;
  /** One, except when many are switched off at once. */
  readonly users: readonly User[];
  readonly usages?: Usages | undefined;
  readonly onClose: () => void;
  /** The user does not exist any more. */
  readonly onGone?: () => void;
}) {
  const client = useQueryClient();
  const [user] = users;
  if (user === undefined) return null;
  const name = nameOf(user);
  switch (action) {
    case 'edit':
      return <PersonDialog user={user} onClose={onClose} />;
    case 'change-role':
      return <RoleDialog user={user} onClose={onClose} />;
    case 'rotate':
      return null;
    case 'deactivate':
    case 'reactivate':
      return (
        <StatusDialog
          users={users}
          to={action === 'deactivate' ? 'inactive' : 'active'}
          usages={usages}
          onClose={onClose}
        />
      );
    case 'resend-invite':
      return (
        <ConfirmDialog
          title={<Named sentence={words.resendTitle} name={name} />}
          text={words.resend}
          button={words.resendButton}
          onClose={onClose}
          run={async () => {
            keepUser(client, await resendInvite(user.id));
            announce(words.done.resend(name));
          }}
        />
      );
    case 'reset-second-factor':
      return (
        <ConfirmDialog
          title={<Named sentence={words.resetTitle} name={name} />}
          text={words.reset}
          button={words.resetButton}
          danger
          onClose={onClose}
          run={async () => {
            await resetSecondFactor(user.id);
            keepUser(client, { ...user, second_factor: false });
            announce(words.done.reset(name));
          }}
        />
      );
    case 'delete':
      return (
        <ConfirmDialog
          title={<Named sentence={words.deleteTitle} name={name} />}
          text={words.delete}
          button={words.deleteButton}
          danger
          onClose={onClose}
          run={async () => {
            await remove(user.id);
            onGone?.();
            dropUser(client, user.id);
            announce(words.done.delete(name));
          }}
        />
      );
  }
}
