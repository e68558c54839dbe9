import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { ChevronsUpDown, Menu as MenuIcon } from 'lucide-react';
import { lazy, Suspense, useMemo, useState } from 'react';
import { may, type Me } from '../api/me.js';
import { asProblem, type Problem } from '../api/problem.js';
import { useMe } from '../api/use-me.js';
import { Button } from '../ui/button.js';
import { Dialog } from '../ui/dialog.js';
import { useKeys, type Key } from '../ui/keys.js';
import { Menu, MenuChoice, MenuItem, MenuSeparator } from '../ui/menu.js';
import { useOnline } from '../ui/online.js';
import { Refusal } from '../ui/states.js';
import { frameWords as words } from '../words/frame.js';
import { stateWords } from '../words/states.js';
import styles from './frame.module.css';
import { SignedOutDialog } from './signed-out-dialog.js';
import { signOut } from './sign-out.js';
import { useTheme } from './theme.js';

const KeysHelp = lazy(() => import('./keys-help.js').then(({ KeysHelp }) => ({ default: KeysHelp })));

/** What surrounds every page of somebody signed in: rail or top bar, offline line, help, and the signed-out dialog. */
export function Frame() {
  const me = useMe();
  const online = useOnline();
  const [help, setHelp] = useState(false);
  const [failed, setFailed] = useState<Problem>();
  const keys = useMemo<readonly Key[]>(
    () => [
      {
        key: '?',
        does: words.help.question,
        run: () => {
          setHelp(true);
        },
      },
    ],
    [],
  );
  useKeys(keys);
  const account = {
    me,
    onKeys: () => {
      setHelp(true);
    },
    onSignOut: () => {
      setFailed(undefined);
      signOut().catch((thrown: unknown) => {
        setFailed(asProblem(thrown));
      });
    },
  };
  return (
    <div className={styles.frame}>
      <a className={styles.skip} href="#content">
        {words.skip}
      </a>
      <aside className={styles.rail}>
        <Customer me={me} />
        <Navigation me={me} />
        <Account {...account} side="top" />
      </aside>
      <TopBar {...account} />
      <main id="content" tabIndex={-1} className={styles.content}>
        {!online && (
          <p className={styles.offline} role="status">
            {stateWords.offline}
          </p>
        )}
        <Refusal problem={failed} />
        <Outlet />
      </main>
      {help && (
        <Suspense>
          <KeysHelp
            onClose={() => {
              setHelp(false);
            }}
          />
        </Suspense>
      )}
      <SignedOutDialog />
    </div>
  );
}

const Customer = ({ me }: { me: Me }) => (
  <p className={styles.customer}>
    <bdi>{me.customer.name}</bdi>
  </p>
);

function Navigation({ me }: { me: Me }) {
  return (
    <nav aria-label={words.main} className={styles.navigation}>
      <ul>
        {may(me, 'can_add_users') && (
          <li>
            <Link to="/users" className={styles.link}>
              {words.users}
            </Link>
          </li>
        )}
        {(may(me, 'can_add_roles') || may(me, 'can_add_users')) && (
          <li>
            <Link to="/roles" className={styles.link}>
              {words.roles}
            </Link>
          </li>
        )}
      </ul>
      {may(me, 'can_view_activity') && (
        <>
          <p className={styles.section}>{words.superAdmin}</p>
          <ul>
            <li>
              <Link to="/activity" className={styles.link}>
                {words.activity}
              </Link>
            </li>
          </ul>
        </>
      )}
    </nav>
  );
}

interface AccountProps {
  me: Me;
  onKeys: () => void;
  onSignOut: () => void;
}

function Account({ me, onKeys, onSignOut, side }: AccountProps & { side: 'top' | 'bottom' }) {
  const online = useOnline();
  const [theme, setTheme] = useTheme();
  const name = `${me.user.first_name} ${me.user.last_name}`;
  return (
    <Menu
      side={side}
      align="start"
      trigger={
        <button type="button" className={styles.account}>
          <span className={styles.person}>
            <span className={styles.name}>
              <bdi>{name}</bdi>
            </span>
            <span className={styles.email}>{me.user.email}</span>
            <span className="visually-hidden">{words.account}</span>
          </span>
          <ChevronsUpDown size={14} aria-hidden />
        </button>
      }
    >
      <MenuItem render={<Link to="/sessions" />}>{words.sessions}</MenuItem>
      <MenuItem hint="?" onClick={onKeys}>
        {words.keys}
      </MenuItem>
      <MenuSeparator />
      <MenuChoice label={words.theme.label} value={theme} options={words.theme.options} onChange={setTheme} />
      <MenuSeparator />
      <MenuItem disabled={!online} onClick={onSignOut}>
        {words.signOut}
      </MenuItem>
    </Menu>
  );
}

/** Below 900 px. */
function TopBar({ me, onKeys, onSignOut }: AccountProps) {
  const path = useRouterState({ select: ({ location }) => location.pathname });
  const [openAt, setOpenAt] = useState<string>();
  const close = () => {
    setOpenAt(undefined);
  };
  return (
    <header className={styles.topBar}>
      <Customer me={me} />
      <Button
        kind="quiet"
        icon
        aria-label={words.menu}
        aria-haspopup="dialog"
        onClick={() => {
          setOpenAt(path);
        }}
      >
        <MenuIcon size={18} aria-hidden />
      </Button>
      {/* A navigation closes it: it was opened at another address. */}
      <Dialog
        open={openAt === path}
        onClose={close}
        kind="drawer"
        title={<bdi>{me.customer.name}</bdi>}
        closeLabel={words.closeMenu}
      >
        <Navigation me={me} />
        <Account
          me={me}
          side="bottom"
          onKeys={() => {
            close();
            onKeys();
          }}
          onSignOut={() => {
            close();
            onSignOut();
          }}
        />
      </Dialog>
    </header>
  );
}
