import { Search } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { classes } from '../../ui/classes.js';
import { useKeys } from '../../ui/keys.js';
import { usersWords as words } from '../../words/users.js';
import { FLAGS } from './usage-api.js';
import type { UsersSearch } from './users.search.js';
import styles from './users-filter.module.css';

const TYPES = ['all', 'portal', 'api'] as const;
const STATUSES = ['all', 'active', 'inactive'] as const;
const TYPING_PAUSE_MS = 250;

/** What the list shows; all of it stands in the address. */
export function UsersFilter({
  search: { type, status, q, flag },
  filter,
  mayFilterByUse,
}: {
  readonly search: UsersSearch;
  readonly filter: (changed: Partial<UsersSearch>) => unknown;
  readonly mayFilterByUse: boolean;
}) {
  const kind = flag === undefined ? (type ?? 'all') : 'api';
  return (
    <div className={styles.bar} role="search" aria-label={words.title}>
      <div className={styles.kinds} role="group" aria-label={words.typesLabel}>
        {TYPES.map((value) => (
          <button
            key={value}
            type="button"
            className={styles.kind}
            aria-pressed={kind === value}
            onClick={() => {
              filter({ type: value === 'all' ? undefined : value, flag: undefined });
            }}
          >
            {words.types[value]}
          </button>
        ))}
      </div>
      <Choice
        label={words.status}
        value={flag === undefined ? (status ?? 'all') : 'all'}
        options={STATUSES.map((value) => [value, words.statuses[value]])}
        onChoose={(value) => {
          filter({
            status: STATUSES.find((one) => one === value && one !== 'all') as UsersSearch['status'],
            flag: undefined,
          });
        }}
      />
      {mayFilterByUse && (
        <Choice
          label={words.silence}
          value={flag ?? 'all'}
          options={(['all', ...FLAGS] as const).map((value) => [value, words.silences[value]])}
          onChoose={(value) => {
            const chosen = FLAGS.find((one) => one === value);
            // The audit side knows no names, kinds and statuses to filter by.
            filter({ flag: chosen, ...(chosen && { type: undefined, status: undefined, q: undefined }) });
          }}
        />
      )}
      <SearchBox q={q} onSearch={(text) => filter({ q: text, flag: undefined })} />
    </div>
  );
}

function Choice({
  label,
  value,
  options,
  onChoose,
}: {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, text: string])[];
  readonly onChoose: (value: string) => void;
}) {
  return (
    <select
      className={classes(styles.control, styles.choice)}
      aria-label={label}
      value={value}
      data-set={value !== 'all'}
      onChange={({ target }) => {
        onChoose(target.value);
      }}
    >
      {options.map(([option, text]) => (
        <option key={option} value={option}>
          {text}
        </option>
      ))}
    </select>
  );
}

/** Searches when typing pauses; what is typed stays its own until the address changes by other means. */
function SearchBox({
  q,
  onSearch,
}: {
  readonly q: string | undefined;
  readonly onSearch: (q: string | undefined) => unknown;
}) {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(q ?? '');
  const [shown, setShown] = useState(q);
  if (q !== shown) {
    setShown(q);
    if ((q ?? '') !== text.trim()) setText(q ?? '');
  }
  useEffect(() => {
    const wanted = text.trim() === '' ? undefined : text.trim();
    if (wanted === q) return undefined;
    const timer = setTimeout(() => onSearch(wanted), TYPING_PAUSE_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [text, q, onSearch]);
  useKeys(
    useMemo(
      () => [
        {
          key: '/',
          does: words.keys.search,
          run: () => {
            input.current?.focus();
          },
        },
      ],
      [],
    ),
  );
  return (
    <span className={styles.search}>
      <Search size={14} aria-hidden />
      <input
        ref={input}
        type="search"
        className={styles.control}
        aria-label={words.search}
        placeholder={words.searchHint}
        maxLength={100}
        value={text}
        onChange={({ target }) => {
          setText(target.value);
        }}
      />
    </span>
  );
}
