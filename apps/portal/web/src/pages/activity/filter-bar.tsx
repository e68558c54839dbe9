import { X } from 'lucide-react';
import { useCallback, useEffect, useState, type RefObject } from 'react';
import { Button } from '../../ui/button.js';
import { activityWords } from '../../words/activity.js';
import { DEFAULT_RANGE, isNarrowed, NARROWING, type ActivitySearch } from './activity-filter.js';
import styles from './filter-bar.module.css';
import { SpanForm } from './span-form.js';
import { TypePicker } from './type-picker.js';
import { useUserName } from '../../sentences/user-name.js';
import { BROWSER_ZONE, isTimeZone } from './zoned-time.js';

const words = activityWords.filters;
const SEARCH_AFTER_MS = 350;

interface FilterBarProps {
  search: ActivitySearch;
  /** Members that are undefined are taken out of the address. */
  onChange: (change: { [Name in keyof ActivitySearch]?: ActivitySearch[Name] | undefined }) => void;
  zone: string;
  searchField: RefObject<HTMLInputElement | null>;
}

/** Everything that narrows the log; all of it stands in the address. */
export function FilterBar({ search, onChange, zone, searchField }: FilterBarProps) {
  const types = search.type?.split(',') ?? [];
  const hasSpan = search.from !== undefined || search.to !== undefined;
  const searchChange = useCallback(
    (q: string | undefined) => {
      onChange({ q });
    },
    [onChange],
  );
  const [isTyping, setIsTyping] = useState(hasSpan);
  return (
    <section aria-label={words.label} className={styles.bar}>
      <div className={styles.row}>
        <SearchField text={search.q ?? ''} onChange={searchChange} field={searchField} />
        <TypePicker
          chosen={types}
          onChange={(chosen) => {
            onChange({ type: chosen.length === 0 ? undefined : chosen.join(',') });
          }}
        />
        <select
          className={styles.select}
          aria-label={words.outcome}
          value={search.outcome ?? ''}
          onChange={({ target }) => {
            onChange({ outcome: target.value === '' ? undefined : (target.value as 'success') });
          }}
        >
          <option value="">{words.anyOutcome}</option>
          {Object.entries(activityWords.outcomes).map(([outcome, name]) => (
            <option key={outcome} value={outcome}>
              {name}
            </option>
          ))}
        </select>
        <select
          className={styles.select}
          aria-label={words.range}
          value={isTyping || hasSpan ? 'custom' : (search.range ?? DEFAULT_RANGE)}
          onChange={({ target: { value } }) => {
            setIsTyping(value === 'custom');
            if (value !== 'custom') onChange({ range: value as 'all', from: undefined, to: undefined });
          }}
        >
          {Object.entries(words.ranges).map(([range, name]) => (
            <option key={range} value={range}>
              {name}
            </option>
          ))}
        </select>
        <ZoneField
          zone={zone}
          onChange={(tz) => {
            onChange({ tz: tz === BROWSER_ZONE ? undefined : tz });
          }}
        />
      </div>
      {(isTyping || hasSpan) && (
        <SpanForm
          key={zone}
          zone={zone}
          span={search}
          onApply={({ from, to }) => {
            onChange({ range: undefined, from, to });
          }}
        />
      )}
      {isNarrowed(search) && <Chips search={search} onChange={onChange} />}
    </section>
  );
}

function SearchField({
  text,
  onChange,
  field,
}: {
  text: string;
  onChange: (q: string | undefined) => void;
  field: RefObject<HTMLInputElement | null>;
}) {
  const [typed, setTyped] = useState(text);
  const [seen, setSeen] = useState(text);
  // The address was changed elsewhere, as by Back.
  if (seen !== text) {
    setSeen(text);
    setTyped(text);
  }
  useEffect(() => {
    if (typed === text) return undefined;
    const timer = setTimeout(() => {
      onChange(typed.trim() === '' ? undefined : typed.trim());
    }, SEARCH_AFTER_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [typed, text, onChange]);
  return (
    <input
      ref={field}
      type="search"
      className={styles.search}
      aria-label={words.search}
      placeholder={words.searchHint}
      maxLength={200}
      value={typed}
      onChange={({ target }) => {
        setTyped(target.value);
      }}
    />
  );
}

function ZoneField({ zone, onChange }: { zone: string; onChange: (zone: string) => void }) {
  const zones = [...new Set([BROWSER_ZONE, 'UTC', ...Intl.supportedValuesOf('timeZone'), zone])];
  return (
    <select
      className={styles.select}
      aria-label={words.zone}
      value={zone}
      onChange={({ target }) => {
        if (isTimeZone(target.value)) onChange(target.value);
      }}
    >
      {zones.map((name) => (
        <option key={name} value={name}>
          {name === BROWSER_ZONE ? words.yourZone(name) : name}
        </option>
      ))}
    </select>
  );
}

/** The filters that have no control of their own, each to be taken away. */
function Chips({ search, onChange }: Pick<FilterBarProps, 'search' | 'onChange'>) {
  const about = useUserName(search.user ?? null);
  const by = useUserName(search.actor ?? null);
  const chips = [
    ['user', words.about, search.user === undefined ? undefined : about],
    ['actor', words.by, search.actor === undefined ? undefined : by],
    ['correlation', words.correlation, search.correlation],
  ] as const;
  return (
    <div className={styles.chips}>
      {chips.map(
        ([name, label, value]) =>
          value !== undefined && (
            <span key={name} className={styles.chip}>
              <span>
                {label} <bdi>{value}</bdi>
              </span>
              <Button
                kind="quiet"
                icon
                small
                aria-label={words.remove(`${label} ${value}`)}
                onClick={() => {
                  onChange({ [name]: undefined });
                }}
              >
                <X size={14} aria-hidden />
              </Button>
            </span>
          ),
      )}
      <Button
        kind="quiet"
        small
        onClick={() => {
          onChange(Object.fromEntries(NARROWING.map((name) => [name, undefined])));
        }}
      >
        {words.clear}
      </Button>
    </div>
  );
}
