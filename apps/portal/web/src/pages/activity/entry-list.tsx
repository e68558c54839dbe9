import { Link } from '@tanstack/react-router';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import {
  Fragment,
  memo,
  useCallback,
  useEffect,
  useImperativeHandle,
  useMemo,
  useRef,
  useState,
  type Ref,
} from 'react';
import { classes } from '../../ui/classes.js';
import { useKeptRow } from '../../ui/kept-row.js';
import { Status, type Mark } from '../../ui/status.js';
import table from '../../ui/table.module.css';
import { dayInFull, offsetName } from '../../ui/time-format.js';
import { Time } from '../../ui/time.js';
import { activityWords as words, typeName } from '../../words/activity.js';
import styles from './entry-list.module.css';
import { EntrySentence } from '../../sentences/entry-sentence.js';
import type { Entry } from './use-activity.js';
import { useUserName } from '../../sentences/user-name.js';

const MARKS: Record<Entry['outcome'], Mark> = { success: 'in-force', refused: 'refused', failed: 'not-confirmed' };

const OVERSCAN = 12;

/** An entry, or a line above the entries of a day, or where the clocks of the zone change. */
type Row = { readonly line: string; readonly key: string } | { readonly entry: Entry };

/** What the page may ask of the list. */
export interface EntryListHandle {
  /** Moves focus to the next row or the one before it. */
  step: (by: 1 | -1) => void;
  /** Is the reader at the top, with nothing of the list focused? */
  isAtTop: () => boolean;
}

/** The log as a table of which only what is in sight exists, with a line for each day. */
export function EntryList({
  entries,
  zone,
  handle,
  onNearEnd,
}: {
  entries: readonly Entry[];
  zone: string;
  handle: Ref<EntryListHandle>;
  /** The last rows are in sight. */
  onNearEnd: () => void;
}) {
  const frame = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const rows = useMemo(() => withDays(entries, zone), [entries, zone]);
  const keys = useMemo(() => rows.map((row) => ('line' in row ? row.key : row.entry.id)), [rows]);
  const { onFocus, rangeExtractor } = useKeptRow(keys);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    rangeExtractor,
    estimateSize: (index) => (rows[index] !== undefined && 'line' in rows[index] ? 36 : 44),
    getItemKey: (index) => keys[index] ?? index,
    overscan: OVERSCAN,
    scrollMargin: top,
    // Below it the sticky line of the day hides what is scrolled to.
    scrollPaddingStart: 48,
    scrollPaddingEnd: 96,
  });
  // Where the list begins in the page changes with what stands above it.
  const measured = useCallback((element: HTMLDivElement) => {
    frame.current = element;
    const measure = () => {
      setTop(element.getBoundingClientRect().top + scrollY);
    };
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => {
      observer.disconnect();
      frame.current = null;
    };
  }, []);
  const items = virtual.getVirtualItems();
  const { startIndex = 0, endIndex = -1 } = virtual.range ?? {};
  const nearEnd = endIndex >= 0 && endIndex + OVERSCAN >= rows.length - 10;
  useEffect(() => {
    if (nearEnd) onNearEnd();
  }, [nearEnd, onNearEnd, rows.length]);

  useImperativeHandle(handle, () => ({
    step(by) {
      const focused = document.activeElement?.closest('[data-index]')?.getAttribute('data-index');
      let index = focused === null || focused === undefined ? startIndex - 1 : Number(focused);
      do index += by;
      while (rows[index] !== undefined && 'line' in (rows[index] ?? {}));
      if (rows[index] === undefined) return;
      virtual.scrollToIndex(index, { align: 'auto' });
      focusSoon(frame.current, index);
    },
    isAtTop: () => scrollY < 8 && frame.current?.contains(document.activeElement) !== true,
  }));

  const { scrollMargin } = virtual.options;
  const after = virtual.getTotalSize() - ((items.at(-1)?.end ?? scrollMargin) - scrollMargin);
  const firstInSight = entryFrom(rows, startIndex);
  return (
    <div ref={measured}>
      <p className={styles.day} aria-hidden>
        {firstInSight !== undefined && dayInFull(firstInSight.occurred_at, zone)}
      </p>
      <table className={classes(table.table, styles.table)} aria-rowcount={rows.length} aria-label={words.list}>
        <thead>
          <tr>
            <th scope="col">{words.columns.time}</th>
            <th scope="col">{words.columns.what}</th>
            <th scope="col">{words.columns.outcome}</th>
            <th scope="col">{words.columns.subject}</th>
          </tr>
        </thead>
        <tbody onFocus={onFocus}>
          {items.map(({ index, key, start }, nth) => {
            const row = rows[index];
            if (row === undefined) return null;
            return (
              <Fragment key={key}>
                <Spacer height={start - (items[nth - 1]?.end ?? scrollMargin)} />
                <tr ref={virtual.measureElement} data-index={index} aria-rowindex={index + 2}>
                  {'line' in row ? (
                    <th scope="rowgroup" colSpan={4} className={styles.dayRow}>
                      {row.line}
                    </th>
                  ) : (
                    <EntryCells entry={row.entry} zone={zone} />
                  )}
                </tr>
              </Fragment>
            );
          })}
          <Spacer height={after} />
        </tbody>
      </table>
    </div>
  );
}

const Spacer = ({ height }: { height: number }) =>
  height > 0 && (
    <tr aria-hidden className={styles.spacer}>
      <td colSpan={4} style={{ height }} />
    </tr>
  );

/** Made again only for another entry or zone, since a list is made again with each row that comes into sight. */
const EntryCells = memo(function EntryCells({ entry, zone }: { entry: Entry; zone: string }) {
  const { outcome, user_id: userId } = entry;
  return (
    <>
      <td className={styles.time}>
        <Time at={entry.occurred_at} as="clock" zone={zone} />
      </td>
      <td className={classes(table.first, styles.what)}>
        <Link
          from="/activity"
          search={(search) => ({ ...search, entry: entry.id })}
          resetScroll={false}
          className={styles.sentence}
          title={typeName(entry.event_type)}
        >
          <EntrySentence entry={entry} />
        </Link>
      </td>
      <td className={styles.outcome}>
        <Status mark={MARKS[outcome]}>{words.outcomes[outcome]}</Status>
      </td>
      <td className={styles.subject}>{userId !== null && <SubjectLink id={userId} />}</td>
    </>
  );
});

function SubjectLink({ id }: { id: string }) {
  const name = useUserName(id);
  return (
    <Link
      from="/activity"
      search={(search) => ({ ...search, user: id })}
      aria-label={words.subject(name)}
      className={styles.subjectLink}
    >
      <bdi>{name}</bdi>
    </Link>
  );
}

/** Of a line that stands above entries, the first of these. */
function entryFrom(rows: readonly Row[], index: number): Entry | undefined {
  const row = rows[index];
  return row === undefined || 'entry' in row ? row?.entry : entryFrom(rows, index + 1);
}

/** Clocks change on the quarter of an hour, so that entries of one have the same offset. */
const QUARTER_MS = 900_000;

function withDays(entries: readonly Entry[], zone: string): Row[] {
  const rows: Row[] = [];
  let last: { readonly day: string; readonly quarter: number; readonly offset: string } | undefined;
  for (const entry of entries) {
    const day = dayInFull(entry.occurred_at, zone);
    const quarter = Math.floor(Date.parse(entry.occurred_at) / QUARTER_MS);
    const offset = quarter === last?.quarter ? last.offset : offsetName(entry.occurred_at, zone);
    if (last !== undefined && offset !== last.offset) {
      rows.push({ line: words.clocksChange(offset, last.offset), key: `clocks after ${entry.id}` });
    }
    // The first day stands above the list, where the day in sight always stands.
    if (last !== undefined && day !== last.day) rows.push({ line: day, key: day });
    last = { day, quarter, offset };
    rows.push({ entry });
  }
  return rows;
}

/** The row may have to be drawn first. */
function focusSoon(frame: HTMLElement | null, index: number, tries = 10): void {
  requestAnimationFrame(() => {
    const link = frame?.querySelector<HTMLElement>(`[data-index="${String(index)}"] a`);
    if (link) link.focus({ preventScroll: true });
    else if (tries > 0) focusSoon(frame, index, tries - 1);
  });
}
