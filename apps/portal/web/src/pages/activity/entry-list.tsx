import { Link } from '@tanstack/react-router';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useEffect, useImperativeHandle, useMemo, useRef, useState, type Ref } from 'react';
import { classes } from '../../ui/classes.js';
import { Status, type Mark } from '../../ui/status.js';
import table from '../../ui/table.module.css';
import { dayInFull } from '../../ui/time-format.js';
import { Time } from '../../ui/time.js';
import { activityWords as words, typeName } from '../../words/activity.js';
import styles from './entry-list.module.css';
import { EntrySentence } from '../../sentences/entry-sentence.js';
import type { Entry } from './use-activity.js';
import { useUserName } from '../../sentences/user-name.js';

const MARKS: Record<Entry['outcome'], Mark> = { success: 'in-force', refused: 'refused', failed: 'not-confirmed' };

type Row = { readonly day: string } | { readonly entry: Entry };

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
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: (index) => (rows[index] !== undefined && 'day' in rows[index] ? 36 : 44),
    getItemKey: (index) => {
      const row = rows[index];
      return row === undefined ? index : 'day' in row ? row.day : row.entry.id;
    },
    overscan: 12,
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
  const last = items.at(-1);
  const nearEnd = last !== undefined && last.index >= rows.length - 10;
  useEffect(() => {
    if (nearEnd) onNearEnd();
  }, [nearEnd, onNearEnd, rows.length]);

  useImperativeHandle(handle, () => ({
    step(by) {
      const focused = document.activeElement?.closest('[data-index]')?.getAttribute('data-index');
      let index = focused === null || focused === undefined ? (items[0]?.index ?? 0) - 1 : Number(focused);
      do index += by;
      while (rows[index] !== undefined && 'day' in (rows[index] ?? {}));
      if (rows[index] === undefined) return;
      virtual.scrollToIndex(index, { align: 'auto' });
      focusSoon(frame.current, index);
    },
    isAtTop: () => scrollY < 8 && frame.current?.contains(document.activeElement) !== true,
  }));

  const before = (items[0]?.start ?? 0) - virtual.options.scrollMargin;
  const after = virtual.getTotalSize() - ((last?.end ?? 0) - virtual.options.scrollMargin);
  const firstInSight = rows[virtual.range?.startIndex ?? 0];
  return (
    <div ref={measured}>
      <p className={styles.day} aria-hidden>
        {firstInSight !== undefined &&
          ('day' in firstInSight ? firstInSight.day : dayInFull(firstInSight.entry.occurred_at, zone))}
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
        <tbody>
          <Spacer height={before} />
          {items.map(({ index, key }) => {
            const row = rows[index];
            if (row === undefined) return null;
            return (
              <tr key={key} ref={virtual.measureElement} data-index={index} aria-rowindex={index + 2}>
                {'day' in row ? (
                  <th scope="rowgroup" colSpan={4} className={styles.dayRow}>
                    {row.day}
                  </th>
                ) : (
                  <EntryCells entry={row.entry} zone={zone} />
                )}
              </tr>
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

function EntryCells({ entry, zone }: { entry: Entry; zone: string }) {
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
          <EntrySentence text={entry.description} />
        </Link>
      </td>
      <td className={styles.outcome}>
        <Status mark={MARKS[outcome]}>{words.outcomes[outcome]}</Status>
      </td>
      <td className={styles.subject}>{userId !== null && <SubjectLink id={userId} />}</td>
    </>
  );
}

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

function withDays(entries: readonly Entry[], zone: string): Row[] {
  const rows: Row[] = [];
  let last: string | undefined;
  for (const entry of entries) {
    const day = dayInFull(entry.occurred_at, zone);
    // The first day stands above the list, where the day in sight always stands.
    if (last !== undefined && day !== last) rows.push({ day });
    last = day;
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
