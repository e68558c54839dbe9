import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { Fragment, useCallback, useMemo, useState } from 'react';
import { asProblem } from '../../api/problem.js';
import { Named } from '../../sentences/named.js';
import { announce } from '../../ui/announce.js';
import { Button } from '../../ui/button.js';
import { useKeys } from '../../ui/keys.js';
import { Page } from '../../ui/page.js';
import { Empty, Loading, LoadError, Refreshing } from '../../ui/states.js';
import { clock } from '../../ui/time-format.js';
import { usersWords as words } from '../../words/users.js';
import { ActionDialog } from './action-dialog.js';
import { AddButton, type Adding } from './add-button.js';
import { AddDialog } from './add-dialog.js';
import { ClipboardNotice } from './clipboard-notice.js';
import { listQuery } from './users.queries.js';
import type { UsersSearch } from './users.search.js';
import type { Action } from './user-actions.js';
import { UserDrawer } from './user-drawer.js';
import type { User } from './users-api.js';
import { UsersFilter } from './users-filter.js';
import styles from './users.module.css';
import { isSelectable, UsersTable } from './users-table.js';
import { useUsages } from './use-usages.js';
import { useViewer } from './use-viewer.js';

const route = getRouteApi('/framed/users');

/** People and API users of one's own customer: found, added, watched, switched off. */
export function UsersPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const viewer = useViewer();
  const { type, status, q, flag, user, rotate } = search;
  const { data, error, isFetching, isFetchingNextPage, hasNextPage, fetchNextPage, refetch } = useInfiniteQuery({
    ...listQuery(flag !== undefined && viewer.owner ? { flag } : { type, status, q }),
    placeholderData: keepPreviousData,
  });
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [acting, setActing] = useState<{ readonly action: Action; readonly users: readonly User[] }>();
  const [adding, setAdding] = useState<Adding>();
  const [copied, setCopied] = useState(false);

  const users = useMemo(() => data?.pages.flatMap(({ items }) => items) ?? [], [data]);
  const usages = useUsages(data?.pages, viewer.owner);
  const chosen = useMemo(() => users.filter((one) => isSelectable(one) && selected.has(one.id)), [users, selected]);
  const filter = useCallback(
    (changed: Partial<UsersSearch>) =>
      navigate({ search: (before) => ({ ...before, ...changed }), replace: true, resetScroll: false }),
    [navigate],
  );
  const loadMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage && error === null) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, error, fetchNextPage]);
  const act = useCallback(
    (action: Action, one: User) => {
      if (action === 'rotate') void navigate({ search: (before) => ({ ...before, user: one.id, rotate: 1 }) });
      else setActing({ action, users: [one] });
    },
    [navigate],
  );
  const close = useCallback(() => {
    void navigate({ search: ({ user: _, rotate: __, ...others }) => others, resetScroll: false });
  }, [navigate]);

  useKeys(
    useMemo(
      () => [
        {
          key: 'n',
          does: words.keys.add,
          run: () => document.querySelector<HTMLElement>('[data-add]')?.click(),
        },
      ],
      [],
    ),
  );

  const isFiltered = (type ?? status ?? q ?? flag) !== undefined;
  const asOf = data?.pages[0]?.as_of ?? undefined;
  return (
    <Page title={words.title}>
      <div className={styles.list}>
        <UsersFilter search={search} filter={filter} mayFilterByUse={viewer.owner} />
        <Refreshing active={isFetching && data !== undefined} />
        {error !== null && (
          <LoadError problem={asProblem(error)} what={words.what} asOf={asOf} onRetry={() => void refetch()} />
        )}
        {data === undefined && error === null && <Loading rows={10} />}
        {data !== undefined && users.length === 0 && (
          <NoUsers
            search={search}
            isFiltered={isFiltered}
            onClear={() => void filter({ type: undefined, status: undefined, q: undefined, flag: undefined })}
          />
        )}
        {users.length > 0 && (
          <>
            <UsersTable
              users={users}
              usages={usages}
              viewer={viewer}
              selected={selected}
              onSelect={setSelected}
              onAct={act}
              onEnd={loadMore}
              isWhole={!hasNextPage}
            />
            <footer className={styles.foot}>
              <p>{words.foot(users.length, asOf && clock(asOf), !hasNextPage)}</p>
              {hasNextPage && (
                <Button small busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
                  {isFetchingNextPage ? words.loadingMore : words.loadMore}
                </Button>
              )}
            </footer>
          </>
        )}
      </div>
      {chosen.length > 0 && (
        <div className={styles.selection} role="region" aria-label={words.selected(chosen.length)}>
          <p>{words.selected(chosen.length)}</p>
          <Button
            kind="danger"
            small
            onClick={() => {
              setActing({ action: 'deactivate', users: chosen });
            }}
          >
            {words.actions.deactivate}
          </Button>
          <Button
            kind="quiet"
            small
            onClick={() => {
              setSelected(new Set());
            }}
          >
            {words.clearSelection}
          </Button>
        </div>
      )}
      {copied && (
        <ClipboardNotice
          onDismiss={() => {
            setCopied(false);
          }}
        />
      )}
      <AddButton viewer={viewer} onAdd={setAdding} />
      <AddDialog
        adding={adding}
        onClose={() => {
          setAdding(undefined);
        }}
        onStored={(wasCopied) => {
          setCopied(wasCopied);
          announce(words.saved);
        }}
      />
      {acting !== undefined && (
        <ActionDialog
          action={acting.action}
          users={acting.users}
          usages={usages}
          onClose={() => {
            setActing(undefined);
          }}
        />
      )}
      {user !== undefined && (
        <UserDrawer id={user} rotate={rotate === 1} viewer={viewer} onClose={close} onStored={setCopied} />
      )}
    </Page>
  );
}

function NoUsers({
  search: { type, status, q, flag },
  isFiltered,
  onClear,
}: {
  readonly search: UsersSearch;
  readonly isFiltered: boolean;
  readonly onClear: () => void;
}) {
  if (!isFiltered) return <Empty>{words.empty}</Empty>;
  const parts =
    flag !== undefined
      ? [words.silences[flag]]
      : [
          type && words.filterOf.type[type],
          status && words.statuses[status],
          q !== undefined && <Named key="q" sentence={words.filterOf.q} name={q} />,
        ].filter((part) => part !== undefined && part !== false);
  return (
    <Empty action={<Button onClick={onClear}>{words.clearFilter}</Button>}>
      <Named
        sentence={words.noMatch}
        name={parts.map((part, index) => (
          <Fragment key={index}>
            {index > 0 && ' · '}
            {part}
          </Fragment>
        ))}
      />
    </Empty>
  );
}
