import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { useState } from 'react';
import * as z from 'zod/mini';
import { may, meQuery, type Me, type Permission } from '../api/me.js';
import { Problem } from '../api/problem.js';
import { useMe } from '../api/use-me.js';
import { readSearch } from '../pages/activity/activity-filter.js';
import { usersSearch } from '../pages/users/users.search.js';
import { Loading } from '../ui/states.js';
import { queryClient } from './query-client.js';
import { optional, parseSearch, stringifySearch } from './search.js';
import { Failed, Forbidden, NotFound } from './standing-pages.js';

const root = createRootRoute({ notFoundComponent: NotFound });

/** Who is signed in; nobody goes to the sign-in page and comes back to this very address. */
async function signedIn(href: string): Promise<Me> {
  try {
    return await queryClient.query({ ...meQuery, staleTime: 'static' });
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.status === 401) {
      throw redirect({ to: '/sign-in', search: href === '/' ? {} : { next: href } });
    }
    throw thrown;
  }
}

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: z.object({ next: optional(z.string()) }),
  component: lazyRouteComponent(() => import('../pages/sign-in/sign-in.page.js'), 'SignInPage'),
});

const invite = createRoute({
  getParentRoute: () => root,
  path: '/invite',
  component: lazyRouteComponent(() => import('../pages/invite/invite.page.js'), 'InvitePage'),
});

const handOver = createRoute({
  getParentRoute: () => root,
  path: '/hand-over/$id',
  component: lazyRouteComponent(() => import('../pages/hand-over/hand-over.page.js'), 'HandOverPage'),
});

const enrol = createRoute({
  getParentRoute: () => root,
  path: '/enrol',
  validateSearch: z.object({ next: optional(z.string()) }),
  beforeLoad: async ({ location }) => {
    const me = await signedIn(location.href);
    if (me.session.second_factor !== 'enrolment_required') throw redirect({ to: '/' });
  },
  component: lazyRouteComponent(() => import('../pages/enrol/enrol.page.js'), 'EnrolPage'),
});

/** Every page inside the frame. */
const framed = createRoute({
  getParentRoute: () => root,
  id: 'framed',
  beforeLoad: async ({ location }) => {
    const me = await signedIn(location.href);
    if (me.session.second_factor === 'enrolment_required') {
      throw redirect({ to: '/enrol', search: location.href === '/' ? {} : { next: location.href } });
    }
    return { me };
  },
  component: lazyRouteComponent(() => import('./frame.js'), 'Frame'),
});

const start = createRoute({
  getParentRoute: () => framed,
  path: '/',
  beforeLoad: ({ context: { me } }) => {
    if (may(me, 'can_add_users')) throw redirect({ to: '/users', replace: true });
    if (may(me, 'can_add_roles')) throw redirect({ to: '/roles', replace: true });
    if (may(me, 'can_view_activity')) throw redirect({ to: '/activity', replace: true });
    throw redirect({ to: '/sessions', replace: true });
  },
});

/** Shows the page to whoever has one of the permissions; the server decides for each request again. */
function withPermission(page: React.ComponentType, ...permissions: readonly [Permission, ...Permission[]]) {
  return function Permitted() {
    const me = useMe();
    const isPermitted = permissions.some((permission) => may(me, permission));
    const [before] = useState(isPermitted);
    const Shown = page;
    return isPermitted ? <Shown /> : <Forbidden permission={permissions[0]} before={before} />;
  };
}

const users = createRoute({
  getParentRoute: () => framed,
  path: '/users',
  validateSearch: usersSearch,
  component: withPermission(
    lazyRouteComponent(() => import('../pages/users/users.page.js'), 'UsersPage'),
    'can_add_users',
  ),
});

const activity = createRoute({
  getParentRoute: () => framed,
  path: '/activity',
  validateSearch: readSearch,
  component: withPermission(
    lazyRouteComponent(() => import('../pages/activity/activity.page.js'), 'ActivityPage'),
    'can_view_activity',
  ),
});

const roles = createRoute({
  getParentRoute: () => framed,
  path: '/roles',
  validateSearch: z.object({ role: optional(z.string()) }),
  component: withPermission(
    lazyRouteComponent(() => import('../pages/roles/roles.page.js'), 'RolesPage'),
    'can_add_roles',
    'can_add_users',
  ),
});

const sessions = createRoute({
  getParentRoute: () => framed,
  path: '/sessions',
  component: lazyRouteComponent(() => import('../pages/sessions/sessions.page.js'), 'SessionsPage'),
});

const recoveryCodes = createRoute({
  getParentRoute: () => framed,
  path: '/recovery-codes',
  component: lazyRouteComponent(() => import('../pages/recovery-codes/recovery-codes.page.js'), 'RecoveryCodesPage'),
});

export const router = createRouter({
  routeTree: root.addChildren([
    signIn,
    invite,
    handOver,
    enrol,
    framed.addChildren([start, users, activity, roles, sessions, recoveryCodes]),
  ]),
  defaultPendingComponent: () => <Loading />,
  defaultErrorComponent: Failed,
  parseSearch,
  stringifySearch,
  scrollRestoration: true,
  defaultPreload: 'intent',
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
