import { useWindowVirtualizer } from '@tanstack/react-virtual';
import {
  Fragment,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type Dispatch,
  type SetStateAction,
} from 'react';
import { useKeptRow } from '../../ui/kept-row.js';
import { useKeys } from '../../ui/keys.js';
import { usersWords as words } from '../../words/users.js';
import type { Action, Viewer } from './user-actions.js';
import { UserRow } from './user-row.js';
import type { User } from './users-api.js';
import styles from './users-table.module.css';
import type { Usages } from './use-usages.js';

const ROW = 45;
const OVERSCAN = 8;
/** Rows left below what is seen when the next page is asked for. */
const AHEAD = 15;

/** A real table of which only the rows near the view exist. */
export function UsersTable({
  users,
  usages,
  viewer,
  selected,
  onSelect,
  onAct,
  onEnd,
  isWhole,
}: {
  readonly users: readonly User[];
  readonly usages: Usages | undefined;
  readonly viewer: Viewer;
  readonly selected: ReadonlySet<string>;
  readonly onSelect: Dispatch<SetStateAction<ReadonlySet<string>>>;
  readonly onAct: (action: Action, user: User) => void;
  /** The end of what is there comes near. */
  readonly onEnd: () => void;
  readonly isWhole: boolean;
}) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    const measure = () => {
      setTop((body.current?.getBoundingClientRect().top ?? 0) + scrollY);
    };
    measure();
    addEventListener('resize', measure);
    return () => {
      removeEventListener('resize', measure);
    };
  }, []);
  const { onFocus, rangeExtractor } = useKeptRow(useMemo(() => users.map(({ id }) => id), [users]));
  const rows = useWindowVirtualizer({
    count: users.length,
    rangeExtractor,
    estimateSize: () => ROW,
    overscan: OVERSCAN,
    scrollMargin: top,
    getItemKey: (index) => users[index]?.id ?? index,
  });
  const shown = rows.getVirtualItems();
  const after = rows.getTotalSize() - ((shown.at(-1)?.end ?? top) - top);
  const isNearEnd = !isWhole && (rows.range?.endIndex ?? -1) + OVERSCAN >= users.length - AHEAD;
  useEffect(() => {
    if (isNearEnd) onEnd();
  }, [isNearEnd, onEnd, users.length]);

  const columns = 5 + (viewer.owner ? 1 : 0) + (usages === undefined ? 0 : 1);
  useKeys(ROW_KEYS);
  const selectable = viewer.owner ? users.filter(isSelectable) : [];
  const chosen = selectable.filter(({ id }) => selected.has(id));
  const areAllSelected = chosen.length > 0 && chosen.length === selectable.length;
  const select = useCallback(
    (id: string, on: boolean) => {
      onSelect((before) => {
        const next = new Set(before);
        if (on) next.add(id);
        else next.delete(id);
        return next;
      });
    },
    [onSelect],
  );
  return (
    <table className={styles.table} aria-label={words.list} aria-rowcount={isWhole ? users.length + 1 : -1}>
      <thead>
        <tr aria-rowindex={1}>
          {viewer.owner && (
            <th scope="col" className={styles.check}>
              <label>
                <input
                  type="checkbox"
                  checked={areAllSelected}
                  disabled={selectable.length === 0}
                  ref={(input) => {
                    if (input !== null) input.indeterminate = chosen.length > 0 && !areAllSelected;
                  }}
                  onChange={({ target }) => {
                    onSelect(new Set(target.checked ? selectable.map(({ id }) => id) : []));
                  }}
                />
                <span>{words.selectAll}</span>
              </label>
            </th>
          )}
          <th scope="col">{words.columns.name}</th>
          <th scope="col" className={styles.role}>
            {words.columns.role}
          </th>
          <th scope="col" className={styles.status}>
            {words.columns.status}
          </th>
          {usages !== undefined && (
            <th scope="col" className={styles.used}>
              {words.columns.used}
            </th>
          )}
          <th scope="col" className={styles.created}>
            {words.columns.created}
          </th>
          <th scope="col" className={styles.more}>
            <span className="visually-hidden">{words.columns.more}</span>
          </th>
        </tr>
      </thead>
      <tbody ref={body} onFocus={onFocus}>
        {shown.map(({ index, key, start }, nth) => {
          const user = users[index];
          if (user === undefined) return null;
          const before = start - (shown[nth - 1]?.end ?? top);
          return (
            <Fragment key={key}>
              {before > 0 && <Gap height={before} columns={columns} />}
              <UserRow
                user={user}
                index={index}
                measure={rows.measureElement}
                usage={usages && (usages.of(user.id) ?? (usages.isLoading ? 'loading' : 'unknown'))}
                viewer={viewer}
                isSelected={isSelectable(user) && selected.has(user.id)}
                onSelect={isSelectable(user) && viewer.owner ? select : undefined}
                onAct={onAct}
              />
            </Fragment>
          );
        })}
        {after > 0 && <Gap height={after} columns={columns} />}
      </tbody>
    </table>
  );
}

/** The row beside the one that has focus; rows a little beyond the view exist already. */
function focusRow(step: 1 | -1): void {
  const focused = document.activeElement?.closest<HTMLElement>('tr[data-index]');
  const index = focused === null || focused === undefined ? 0 : Number(focused.dataset.index) + step;
  document.querySelector<HTMLElement>(`tr[data-index="${String(index)}"] a`)?.focus();
}

const ROW_KEYS = [
  {
    key: 'j',
    does: words.keys.next,
    run: () => {
      focusRow(1);
    },
  },
  {
    key: 'k',
    does: words.keys.previous,
    run: () => {
      focusRow(-1);
    },
  },
];

/** Only API users that are switched on can be chosen, to be switched off together. */
export const isSelectable = ({ type, status }: User): boolean => type === 'api' && status === 'active';

/** Stands for the rows that do not exist. */
const Gap = ({ height, columns }: { readonly height: number; readonly columns: number }) => (
  <tr aria-hidden className={styles.gap}>
    <td colSpan={columns} style={{ height }} />
  </tr>
);
