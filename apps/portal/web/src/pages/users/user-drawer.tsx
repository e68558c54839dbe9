import { useQuery } from '@tanstack/react-query';
import { Fragment, useState } from 'react';
import { asProblem } from '../../api/problem.js';
import { Button } from '../../ui/button.js';
import { Dialog } from '../../ui/dialog.js';
import { Loading, LoadError } from '../../ui/states.js';
import { usersWords as words } from '../../words/users.js';
import { ActionDialog } from './action-dialog.js';
import { nameOf } from './names.js';
import { Rotate } from './rotate.js';
import { actionsFor, type Action, type Viewer } from './user-actions.js';
import styles from './user-drawer.module.css';
import { UserFacts } from './user-facts.js';
import { UserUsage } from './user-usage.js';
import { UserEntries } from './user-entries.js';
import { userQuery } from './users.queries.js';
import { HandOvers } from './user-hand-overs.js';
import { UserKeys } from './user-keys.js';
import { UserNetworks } from './user-networks.js';
import { useShowRotation } from './use-show-rotation.js';

/** One user in full, at the right edge; the address of the page says whose. */
export function UserDrawer({
  id,
  rotate,
  viewer,
  onClose,
  onStored,
}: {
  readonly id: string;
  readonly rotate: boolean;
  readonly viewer: Viewer;
  readonly onClose: () => void;
  readonly onStored: (copied: boolean) => void;
}) {
  const { data: user, error, refetch } = useQuery(userQuery(id));
  const [action, setAction] = useState<Action>();
  const showRotation = useShowRotation();
  const actions = user === undefined ? [] : actionsFor(user, viewer);
  const isApi = user?.type === 'api';
  const isRotating = rotate && isApi && viewer.owner;
  return (
    <Dialog
      open
      kind="drawer"
      onClose={onClose}
      title={user === undefined ? words.drawer.whatUser : <bdi>{nameOf(user)}</bdi>}
      actions={
        actions.length > 0 &&
        !isRotating && (
          <div className={styles.actions}>
            {actions.map((one) => (
              <Button
                key={one}
                small
                onClick={() => {
                  if (one === 'rotate') showRotation(true);
                  else setAction(one);
                }}
              >
                {words.actions[one]}
              </Button>
            ))}
          </div>
        )
      }
    >
      {error !== null && user === undefined && (
        <LoadError problem={asProblem(error)} what={words.drawer.whatUser} onRetry={() => void refetch()} />
      )}
      {user === undefined && error === null && <Loading rows={6} dense />}
      {user !== undefined && (
        <>
          {user.owner && <p className={styles.note}>{words.ownerNote}</p>}
          {isRotating && <Rotate user={user} onStored={onStored} />}
          <UserFacts user={user} />
          {isApi && viewer.owner && (
            <>
              <UserUsage id={user.id} />
              {/* Who was switched off for good authenticates by nothing and from nowhere. What is half typed for one is no other's. */}
              {user.leaked !== true && (
                <Fragment key={user.id}>
                  <UserKeys apiUserId={user.id} />
                  <UserNetworks apiUserId={user.id} />
                </Fragment>
              )}
              <HandOvers apiUserId={user.id} />
            </>
          )}
          {viewer.mayViewActivity && <UserEntries userId={user.id} />}
        </>
      )}
      {user !== undefined && action !== undefined && (
        <ActionDialog
          action={action}
          users={[user]}
          onGone={onClose}
          onClose={() => {
            setAction(undefined);
          }}
        />
      )}
    </Dialog>
  );
}
