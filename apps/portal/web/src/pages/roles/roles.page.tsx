import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { may } from '../../api/me.js';
import { asProblem } from '../../api/problem.js';
import { useMe } from '../../api/use-me.js';
import { Button } from '../../ui/button.js';
import { useKeys, type Key } from '../../ui/keys.js';
import { Page } from '../../ui/page.js';
import { Empty, Loading, LoadError, Refreshing } from '../../ui/states.js';
import { rolesWords as words } from '../../words/roles.js';
import { DeleteRoleDialog } from './delete-role-dialog.js';
import { NewRoleDialog } from './new-role-dialog.js';
import { RoleDetail } from './role-detail.js';
import { rolesQuery, type Role } from './roles.data.js';
import styles from './roles.module.css';

const route = getRouteApi('/framed/roles');
type Open = { kind: 'new'; from?: Role } | { kind: 'delete'; role: Role };

/** The roles left, the flags of the chosen one right; which one is in the address. */
export function RolesPage() {
  const me = useMe();
  const { role: chosenId } = route.useSearch();
  const navigate = route.useNavigate();
  const roles = useQuery(rolesQuery);
  const [open, setOpen] = useState<Open>();
  const mayChange = may(me, 'can_add_roles');
  const items = roles.data?.items ?? [];
  const chosen = chosenId === undefined ? items[0] : items.find(({ id }) => id === chosenId);

  // On a narrow screen the role stands below the list.
  useEffect(() => {
    const isNarrow = matchMedia('(width < 900px)').matches;
    if (chosenId !== undefined && isNarrow) document.getElementById('role-name')?.scrollIntoView();
  }, [chosenId, chosen?.id]);

  const keys = useMemo<readonly Key[]>(() => {
    const add = () => {
      setOpen({ kind: 'new' });
    };
    return mayChange ? [{ key: 'n', does: words.add, run: add }] : [];
  }, [mayChange]);
  useKeys(keys);

  const close = () => {
    setOpen(undefined);
  };
  const choose = (role: string | undefined) => {
    close();
    void navigate({ search: { role }, replace: role === undefined });
  };
  const add = (
    <Button
      kind="create"
      onClick={() => {
        setOpen({ kind: 'new' });
      }}
    >
      <Plus size={16} aria-hidden />
      {words.add}
    </Button>
  );

  return (
    <Page title={words.title} lead={words.lead} aside={mayChange && add}>
      {roles.isError && (
        <LoadError
          what={words.list}
          problem={asProblem(roles.error)}
          asOf={roles.data && roles.dataUpdatedAt}
          onRetry={() => void roles.refetch()}
        />
      )}
      {roles.isPending && <Loading rows={4} />}
      {roles.data !== undefined && (
        <div className={styles.split}>
          <div>
            <Refreshing active={roles.isFetching} />
            <RoleList items={items} chosen={chosen?.id} />
          </div>
          {chosen === undefined ? (
            <Empty>{chosenId === undefined ? words.choose : words.unknown}</Empty>
          ) : (
            <RoleDetail
              key={chosen.id}
              role={chosen}
              mayChange={mayChange}
              onCopy={() => {
                setOpen({ kind: 'new', from: chosen });
              }}
              onDelete={() => {
                setOpen({ kind: 'delete', role: chosen });
              }}
            />
          )}
        </div>
      )}
      {open?.kind === 'new' && (
        <NewRoleDialog
          from={open.from}
          onClose={close}
          onMade={({ id }) => {
            choose(id);
          }}
        />
      )}
      {open?.kind === 'delete' && (
        <DeleteRoleDialog
          role={open.role}
          others={items.filter(({ id }) => id !== open.role.id)}
          onClose={close}
          onDeleted={() => {
            choose(undefined);
          }}
        />
      )}
    </Page>
  );
}

function RoleList({ items, chosen }: { items: readonly Role[]; chosen: string | undefined }) {
  return (
    <ul className={styles.list} aria-label={words.list}>
      {items.map((role) => (
        <li key={role.id}>
          <Link
            to="/roles"
            search={{ role: role.id }}
            resetScroll={false}
            className={styles.item}
            aria-current={role.id === chosen ? 'true' : undefined}
            data-chosen={role.id === chosen}
          >
            <span>
              <bdi>{role.name}</bdi>
              {role.system && <span className={styles.badge}>{words.system}</span>}
            </span>
            <span className={styles.count}>{words.users(role.users)}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}
