import { Plus } from 'lucide-react';
import { Menu, MenuItem } from '../../ui/menu.js';
import { usersWords as words } from '../../words/users.js';
import { kindsToAdd, type Viewer } from './user-actions.js';
import styles from './users.module.css';

export type Adding = 'user' | 'api-user';

/** The green +, bottom right. Who may add only one kind of user gets its form at once. */
export function AddButton({ viewer, onAdd }: { readonly viewer: Viewer; readonly onAdd: (kind: Adding) => void }) {
  const kinds = kindsToAdd(viewer);
  const [only] = kinds;
  if (only === undefined) return null;
  if (kinds.length === 1) {
    return (
      <button
        type="button"
        className={styles.add}
        aria-label={words.add}
        data-add
        onClick={() => {
          onAdd(only);
        }}
      >
        <Plus size={24} aria-hidden />
      </button>
    );
  }
  return (
    <Menu
      side="top"
      align="end"
      trigger={
        <button type="button" className={styles.add} aria-label={words.add} data-add>
          <Plus size={24} aria-hidden />
        </button>
      }
    >
      {kinds.map((kind) => (
        <MenuItem
          key={kind}
          hint={words.addHints[kind]}
          onClick={() => {
            onAdd(kind);
          }}
        >
          {words.addKinds[kind]}
        </MenuItem>
      ))}
    </Menu>
  );
}
