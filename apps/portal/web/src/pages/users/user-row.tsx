import { Link } from '@tanstack/react-router';
import { Ellipsis } from 'lucide-react';
import { memo } from 'react';
import { Button } from '../../ui/button.js';
import { CopyButton } from '../../ui/copy.js';
import { Menu, MenuItem } from '../../ui/menu.js';
import { Time } from '../../ui/time.js';
import { usersWords as words } from '../../words/users.js';
import { middleCut } from './middle-cut.js';
import { nameOf } from './names.js';
import { actionsFor, type Action, type Viewer } from './user-actions.js';
import { UserStatus } from './user-status.js';
import type { User } from './users-api.js';
import styles from './users-table.module.css';
import type { KnownUsage } from './use-usages.js';

/**
 * One user in the list. Its name opens the details; so does a press anywhere on the row that hits nothing else. Made again only
 * where something of it is another: a press on one row must not wait for all.
 */
export const UserRow = memo(function UserRow({
  user,
  index,
  measure,
  usage,
  viewer,
  isSelected,
  onSelect,
  onAct,
}: {
  readonly user: User;
  readonly index: number;
  readonly measure: (row: HTMLTableRowElement | null) => void;
  /** Undefined where there is no column for it. */
  readonly usage: KnownUsage | undefined;
  readonly viewer: Viewer;
  readonly isSelected: boolean;
  /** Absent for who cannot be one of many. */
  readonly onSelect: ((id: string, on: boolean) => void) | undefined;
  readonly onAct: (action: Action, user: User) => void;
}) {
  const name = nameOf(user);
  return (
    <tr
      ref={measure}
      data-index={index}
      data-selected={isSelected}
      data-unnamed={user.type === 'api' && user.label === null}
      aria-rowindex={index + 2}
      className={styles.row}
      onClick={({ target, currentTarget }) => {
        // What a menu of the row is pressed for arrives here, too, though it does not stand in the row.
        if (!(target instanceof Element) || !currentTarget.contains(target)) return;
        const isText = getSelection()?.isCollapsed === false;
        if (target.closest('a, button, input') === null && !isText) currentTarget.querySelector('a')?.click();
      }}
    >
      {viewer.owner && (
        <td className={styles.check}>
          {onSelect !== undefined && (
            <input
              type="checkbox"
              aria-label={words.select(name)}
              checked={isSelected}
              onChange={({ target }) => {
                onSelect(user.id, target.checked);
              }}
            />
          )}
        </td>
      )}
      <td className={styles.first}>
        <div className={styles.name}>
          <Link
            from="/users"
            to="/users"
            search={(before) => ({ ...before, user: user.id })}
            resetScroll={false}
            preload={false}
            className={styles.link}
          >
            <bdi>{name}</bdi>
          </Link>
          {user.owner && <span className={styles.owner}>{words.owner}</span>}
        </div>
        <div className={styles.second}>
          {user.username === undefined ? (
            <span className={styles.cut}>{user.email}</span>
          ) : (
            <>
              <code title={user.username}>{middleCut(user.username)}</code>
              <span className={styles.copy}>
                <CopyButton
                  kind="quiet"
                  icon
                  small
                  text={() => user.username ?? ''}
                  label={`${words.copyUsername}: ${name}`}
                />
              </span>
            </>
          )}
        </div>
      </td>
      <td className={styles.role}>{user.owner ? words.ownerRole : <bdi>{user.role?.name}</bdi>}</td>
      <td className={styles.status}>
        <UserStatus user={user} />
      </td>
      {usage !== undefined && (
        <td className={styles.used}>
          <LastUsed user={user} usage={usage} />
        </td>
      )}
      <td className={styles.created}>
        <Time at={user.created_at} />
      </td>
      <td className={styles.more}>
        <MoreMenu user={user} name={name} viewer={viewer} onAct={onAct} />
      </td>
    </tr>
  );
});

function LastUsed({ user, usage }: { readonly user: User; readonly usage: KnownUsage }) {
  if (user.type === 'portal') return <span className={styles.faint}>–</span>;
  if (usage === 'unknown' || usage === 'loading') {
    return <span className={styles.faint}>{usage === 'loading' ? '' : words.unknown}</span>;
  }
  if (usage.last_used_at === null) return <span className={styles.faint}>{words.never}</span>;
  return (
    <>
      <div>
        <Time at={usage.last_used_at} as="relative" />
      </div>
      <div className={styles.second}>
        <Time at={usage.last_used_at} />
      </div>
    </>
  );
}

function MoreMenu({
  user,
  name,
  viewer,
  onAct,
}: {
  readonly user: User;
  readonly name: string;
  readonly viewer: Viewer;
  readonly onAct: (action: Action, user: User) => void;
}) {
  const actions = actionsFor(user, viewer);
  if (user.owner) return <span className="visually-hidden">{words.ownerNote}</span>;
  if (actions.length === 0) return null;
  return (
    <Menu
      trigger={
        <Button kind="quiet" icon small aria-label={words.more(name)}>
          <Ellipsis size={16} aria-hidden />
        </Button>
      }
    >
      {actions.map((action) => (
        <MenuItem
          key={action}
          danger={action === 'deactivate' || action === 'delete'}
          onClick={() => {
            onAct(action, user);
          }}
        >
          {words.actions[action]}
        </MenuItem>
      ))}
    </Menu>
  );
}
