import { useNavigate, useSearch } from '@tanstack/react-router';
import { Download, RotateCw } from 'lucide-react';
import { useCallback, useMemo, useRef, type ReactNode } from 'react';
import { asProblem } from '../../api/problem.js';
import { Button } from '../../ui/button.js';
import { useKeys, type Key } from '../../ui/keys.js';
import { Menu, MenuItem } from '../../ui/menu.js';
import { Page } from '../../ui/page.js';
import { Empty, Loading, LoadError, Note, Refreshing } from '../../ui/states.js';
import { clock } from '../../ui/time-format.js';
import { activityWords as words } from '../../words/activity.js';
import { isNarrowed, NARROWING, type ActivitySearch } from './activity-filter.js';
import styles from './activity.module.css';
import { EntryDrawer } from './entry-drawer.js';
import { EntryList, type EntryListHandle } from './entry-list.js';
import { FilterBar } from './filter-bar.js';
import { heldCount, newestFirst } from './live-tail.js';
import { useActivity } from './use-activity.js';
import { useLiveTail } from './use-live-tail.js';
import { BROWSER_ZONE } from './zoned-time.js';

/** Seconds that the log may be behind before the page says so. */
const BEHIND_AFTER_MS = 10_000;

type Change = { [Name in keyof ActivitySearch]?: ActivitySearch[Name] | undefined };

/** The activity log of one's own customer. */
export function ActivityPage() {
  const search = useSearch({ from: '/framed/activity' });
  const navigate = useNavigate({ from: '/activity' });
  const zone = search.tz ?? BROWSER_ZONE;
  const list = useRef<EntryListHandle>(null);
  const searchField = useRef<HTMLInputElement>(null);

  const change = useCallback(
    (changed: Change, replace = false) => {
      const merged = (before: ActivitySearch) => withoutUndefined({ ...before, ...changed });
      void navigate({ search: merged, replace, resetScroll: false });
    },
    [navigate],
  );
  const filterChange = useCallback(
    (changed: Change) => {
      change(changed);
    },
    [change],
  );

  const loaded = useActivity(search);
  const { data, hasNextPage, isFetchingNextPage, isFetching, fetchNextPage, error } = loaded;
  const ids = useMemo(() => data && new Set(data.pages.flatMap(({ items }) => items.map(({ id }) => id))), [data]);
  const { tail, isLive, connected, reset } = useLiveTail(search, ids, () => list.current?.isAtTop() !== false);
  const entries = useMemo(
    () => newestFirst([...tail.shown, ...(data?.pages.flatMap(({ items }) => items) ?? [])]),
    [tail.shown, data],
  );
  const first = data?.pages[0];
  const failed = error !== null;

  const loadMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage && !failed) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, failed, fetchNextPage]);

  const reload = () => {
    scrollTo({ top: 0 });
    void loaded.refetch().then(reset);
  };

  const keys = useMemo<readonly Key[]>(
    () => [
      { key: '/', does: words.keys.search, run: () => searchField.current?.focus() },
      { key: 'j', does: words.keys.down, run: () => list.current?.step(1) },
      { key: 'k', does: words.keys.up, run: () => list.current?.step(-1) },
    ],
    [],
  );
  useKeys(keys);

  const close = () => {
    change({ entry: undefined });
  };
  return (
    <Page
      title={words.title}
      lead={words.lead}
      aside={
        <div className={styles.tools}>
          <Button
            small
            aria-pressed={isLive}
            title={words.liveHint}
            onClick={() => {
              change({ live: isLive ? undefined : 1 });
            }}
          >
            <span className={styles.liveMark} data-live={isLive && connected} aria-hidden />
            {isLive && !connected ? words.livePaused : words.live}
          </Button>
          {first !== undefined && <ExportMenu query={first.query} />}
          <Button small kind="quiet" icon aria-label={words.reload} title={words.reload} onClick={reload}>
            <RotateCw size={16} aria-hidden />
          </Button>
        </div>
      }
    >
      <div className={styles.page}>
        <FilterBar search={search} onChange={filterChange} zone={zone} searchField={searchField} />
        <Refreshing active={isFetching && data !== undefined} />
        {first !== undefined && <Currency asOf={first.as_of} loadedAt={first.loadedAt} zone={zone} />}
        {heldCount(tail) > 0 && (
          <p className={styles.held}>
            <Button small onClick={reload}>
              {words.newEntries(heldCount(tail))}
            </Button>
          </p>
        )}
        {data === undefined ? (
          failed ? (
            <LoadError problem={asProblem(error)} what={words.list} onRetry={() => void loaded.refetch()} />
          ) : (
            <Loading rows={10} />
          )
        ) : (
          <>
            {entries.length > 0 && <EntryList entries={entries} zone={zone} handle={list} onNearEnd={loadMore} />}
            {entries.length === 0 && !hasNextPage && <NothingFound search={search} onChange={filterChange} />}
            {failed && (
              <LoadError
                problem={asProblem(error)}
                what={words.list}
                asOf={first?.loadedAt}
                zone={zone}
                onRetry={() => void (hasNextPage ? fetchNextPage() : loaded.refetch())}
              />
            )}
            <footer className={styles.foot}>
              <span>
                {words.shown(entries.length)}
                {first?.as_of !== null && first !== undefined && ` · ${words.asOf(clock(first.as_of, zone))}`}
                {!hasNextPage && entries.length > 0 && ` · ${words.all}`}
              </span>
              {hasNextPage && (
                <Button small busy={isFetchingNextPage} onClick={loadMore}>
                  {entries.length === 0 ? words.searchOn : words.more}
                </Button>
              )}
            </footer>
          </>
        )}
      </div>
      {search.entry !== undefined && (
        <EntryDrawer
          id={search.entry}
          entries={entries}
          zone={zone}
          onWalk={(id) => {
            change({ entry: id }, true);
          }}
          onClose={close}
        />
      )}
    </Page>
  );
}

function Currency({ asOf, loadedAt, zone }: { asOf: string | null; loadedAt: number; zone: string }) {
  if (asOf === null) return <Note tone="amber">{words.notKnown}</Note>;
  if (loadedAt - Date.parse(asOf) < BEHIND_AFTER_MS) return null;
  return <Note tone="amber">{words.behind(clock(asOf, zone))}</Note>;
}

function NothingFound({ search, onChange }: { search: ActivitySearch; onChange: (change: Change) => void }): ReactNode {
  if (isNarrowed(search)) {
    const clear = () => {
      onChange(Object.fromEntries(NARROWING.map((name) => [name, undefined])));
    };
    return <Empty action={<Button onClick={clear}>{words.filters.clear}</Button>}>{words.noMatch}</Empty>;
  }
  if (search.range === 'all') return <Empty>{words.empty}</Empty>;
  const showAll = () => {
    onChange({ range: 'all', from: undefined, to: undefined });
  };
  return <Empty action={<Button onClick={showAll}>{words.showAll}</Button>}>{words.emptyRange}</Empty>;
}

/** The browser loads the file itself, with the session's cookie; it may be larger than a page could hold. */
function ExportMenu({ query }: { query: Readonly<Record<string, string>> }) {
  const href = (format: string) => `/api/v1/activity/export?${new URLSearchParams({ ...query, format }).toString()}`;
  return (
    <Menu
      trigger={
        <Button small title={words.exportHint}>
          <Download size={14} aria-hidden />
          {words.export}
        </Button>
      }
    >
      {(['csv', 'ndjson'] as const).map((format) => (
        <MenuItem key={format} render={<a href={href(format)} download />}>
          {words.exports[format]}
        </MenuItem>
      ))}
    </Menu>
  );
}

const withoutUndefined = (search: Change): ActivitySearch =>
  Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
