import { randomUUID } from 'node:crypto';
import type { Locator, Page } from '@playwright/test';
import { PERMISSION_TEXTS, type Permission } from '@rebelcore/contracts/roles';
import type { Client } from '@rebelcore/embedded/client';
import type { Endpoints } from '@rebelcore/embedded/endpoints';
import { ROWS, WHO, type Who } from '../permissions/requests.js';
import { acceptedPerson, newPerson, newRole } from '../support/people.js';
import { expectStatus, type TestCustomer } from '../support/system.js';
import { expect, signInAs, test } from './support/test.js';

type Viewer = 'user' | 'adder' | 'auditor' | 'owner' | 'keeper';
/** Who looks. The first four are those of the matrix of routes; the last has a role of the customer's own. */
const VIEWERS: Readonly<Record<Viewer, readonly [who: string, flags: readonly Permission[]]>> = {
  user: ['an ordinary user', []],
  adder: ['somebody who adds users', ['can_add_users']],
  auditor: ['an auditor', ['can_view_activity']],
  owner: ['the Super Admin', []],
  keeper: ['somebody who keeps roles and reads the log', ['can_add_roles', 'can_view_activity']],
};

/** What can be looked at on the pages, in the order in which it is. */
type Place =
  | 'navigation'
  | 'what + adds'
  | 'the list of users'
  | 'menu of the owner'
  | 'menu of an active person'
  | 'menu of an inactive person'
  | 'menu of an invited person'
  | 'menu of an active API user'
  | 'menu of an inactive API user'
  | 'details of an API user'
  | 'a role of one’s own'
  | 'a role of the system'
  | 'the log'
  | 'an entry'
  | 'one’s sessions';

/**
 * Everything that is offered at a place, and the request that it makes. It is there for those whom the server answers, and
 * for nobody else.
 */
// prettier-ignore
const OFFERED: Readonly<Record<Place, readonly (readonly [control: string, route: string, of?: 'an API user'])[]>> = {
  navigation: [
    ['Users',                'GET /api/v1/users'],
    ['Roles',                'GET /api/v1/roles'],
    ['Activity',             'GET /api/v1/activity'],
  ],
  'what + adds': [
    ['User',                 'POST /api/v1/users'],
    ['API User',             'POST /api/v1/api-users'],
  ],
  'the list of users': [
    ['every user',           'GET /api/v1/users'],
    ['filter by use',        'GET /api/v1/api-users/usage'],
    ['last used',            'POST /api/v1/api-users/usage'],
    ['choosing many',        'POST /api/v1/users/{id}/deactivate', 'an API user'],
  ],
  'menu of the owner': [],
  'menu of an active person': [
    ['Edit…',                'PATCH /api/v1/users/{id}'],
    ['Reset second factor…', 'POST /api/v1/users/{id}/reset-second-factor'],
    ['Deactivate…',          'POST /api/v1/users/{id}/deactivate'],
    ['Delete…',              'DELETE /api/v1/users/{id}'],
  ],
  'menu of an inactive person': [
    ['Edit…',                'PATCH /api/v1/users/{id}'],
    ['Reactivate…',          'POST /api/v1/users/{id}/reactivate'],
    ['Delete…',              'DELETE /api/v1/users/{id}'],
  ],
  'menu of an invited person': [
    ['Edit…',                'PATCH /api/v1/users/{id}'],
    ['Resend invite',        'POST /api/v1/users/{id}/resend-invite'],
    ['Delete…',              'DELETE /api/v1/users/{id}'],
  ],
  'menu of an active API user': [
    ['Change role…',         'PATCH /api/v1/users/{id}', 'an API user'],
    ['Rotate…',              'POST /api/v1/api-users'],
    ['Deactivate…',          'POST /api/v1/users/{id}/deactivate', 'an API user'],
  ],
  'menu of an inactive API user': [
    ['Change role…',         'PATCH /api/v1/users/{id}', 'an API user'],
    ['Reactivate…',          'POST /api/v1/users/{id}/reactivate', 'an API user'],
  ],
  'details of an API user': [
    ['Facts',                'GET /api/v1/users/{id}'],
    ['Calls in 30 days',     'GET /api/v1/api-users/{id}/usage'],
    ['Public keys',          'GET /api/v1/api-users/{id}/keys'],
    ['Networks',             'GET /api/v1/api-users/{id}/networks'],
    ['Hand-over links',      'GET /api/v1/api-users/{id}/hand-overs'],
    ['Last entries',         'GET /api/v1/activity'],
    ['Change role…',         'PATCH /api/v1/users/{id}', 'an API user'],
    ['Rotate…',              'POST /api/v1/api-users'],
    ['Deactivate…',          'POST /api/v1/users/{id}/deactivate', 'an API user'],
  ],
  'a role of one’s own': [
    ['what it allows',       'GET /api/v1/roles'],
    ['New role',             'POST /api/v1/roles'],
    ['Copy to a new role',   'POST /api/v1/roles'],
    ['Delete…',              'DELETE /api/v1/roles/{id}'],
    ['Save',                 'PATCH /api/v1/roles/{id}'],
  ],
  'a role of the system': [
    ['what it allows',       'GET /api/v1/roles'],
    ['New role',             'POST /api/v1/roles'],
    ['Copy to a new role',   'POST /api/v1/roles'],
  ],
  'the log': [
    ['every entry',          'GET /api/v1/activity'],
    ['Live',                 'GET /api/v1/activity/stream'],
    ['Export',               'GET /api/v1/activity/export'],
  ],
  'an entry': [
    ['all of it',            'GET /api/v1/activity/{id}'],
    ['whom it is about',     'GET /api/v1/users/{id}'],
  ],
  'one’s sessions': [
    ['each of them',         'GET /api/v1/sessions'],
  ],
};
const PLACES = Object.keys(OFFERED) as Place[];

/** What opens over a page brings the rest only to those who may see it at all. */
const OPENED_BY: Partial<Readonly<Record<Place, string>>> = {
  'details of an API user': 'GET /api/v1/users/{id}',
  'an entry': 'GET /api/v1/activity/{id}',
};

interface Subjects {
  readonly owner: string;
  readonly active: string;
  readonly inactive: string;
  readonly invited: string;
  readonly apiUser: { readonly id: string; readonly label: string };
  readonly inactiveApiUser: { readonly label: string };
  readonly role: string;
  readonly systemRole: string;
  readonly entry: string;
}

let subjects: Promise<Subjects> | undefined;

for (const [viewer, [name, flags]] of Object.entries(VIEWERS) as [Viewer, (typeof VIEWERS)[Viewer]][]) {
  test(`what the pages offer to ${name} is what the server lets them do`, async ({
    page,
    context,
    system,
    customer,
  }) => {
    test.setTimeout(180_000);
    const of = await (subjects ??= bringSubjects(system, customer));
    const client = viewer === 'owner' ? customer.owner : await viewerWith(system, customer, flags);
    await signInAs(context, client, system.portal);
    const refused: string[] = [];
    page.on('response', (response) => {
      if (response.status() === 403) refused.push(`${response.request().method()} ${response.url()}`);
    });
    const offered: Partial<Record<Place, string[]>> = {};
    for (const place of PLACES) offered[place] = await READ[place](page, of);
    expect(offered).toEqual(Object.fromEntries(PLACES.map((place) => [place, expectedAt(place, viewer)])));
    expect(refused, 'what a page asked for and was refused').toEqual([]);
  });
}

test('the matrix and the texts of the flags agree on whom the server answers', () => {
  const routes = [...new Set(Object.values(OFFERED).flatMap((controls) => controls.map(([, route]) => route)))];
  for (const viewer of ['user', 'adder', 'auditor'] as const) {
    const byFlags = routes.filter((route) => isOpenToAll(route) || isPermitted(route, VIEWERS[viewer][1]));
    expect([viewer, byFlags]).toEqual([viewer, routes.filter((route) => isAnswered(viewer, route))]);
  }
});

function expectedAt(place: Place, viewer: Viewer): string[] {
  const may = (route: string, of?: 'an API user') =>
    viewer === 'keeper' ? isOpenToAll(route) || isPermitted(route, VIEWERS[viewer][1]) : isAnswered(viewer, route, of);
  const opener = OPENED_BY[place];
  if (opener !== undefined && !may(opener)) return [];
  return OFFERED[place].filter(([, route, of]) => may(route, of)).map(([control]) => control);
}

/** As the matrix has it; of a route that stands there twice, the first is about a person and the second about an API user. */
function isAnswered(who: Who, route: string, of?: 'an API user'): boolean {
  const rows = ROWS.filter(([each]) => each === route);
  const row = of === undefined ? rows[0] : rows.at(-1);
  if (row === undefined) throw new Error(`the matrix does not know ${route}`);
  const [, answers] = row;
  return (answers[WHO.indexOf(who)] ?? 0) < 300;
}

/** Whoever has signed in may do this, without any flag. */
const isOpenToAll = (route: string): boolean => isAnswered('user', route);

const isPermitted = (route: string, flags: readonly Permission[]): boolean =>
  flags.some((flag) => PERMISSION_TEXTS[flag].permits.includes(route.replaceAll(/\{(\w+)\}/g, ':$1')));

async function viewerWith(system: Endpoints, customer: TestCustomer, flags: readonly Permission[]): Promise<Client> {
  const role = await newRole(customer, `Viewer ${randomUUID()}`, ...flags);
  return (await newPerson(system, customer, role)).client;
}

async function bringSubjects(system: Endpoints, customer: TestCustomer): Promise<Subjects> {
  const role = await newRole(customer, 'Of people to look at', 'can_view_specs');
  const active = await newPerson(system, customer, role);
  const inactive = await acceptedPerson(system, customer, role);
  expectStatus(await customer.deactivate(inactive), 200);
  const invited = `invited-${randomUUID()}@example.test`;
  const person = { first_name: 'Grace', last_name: 'Invited', email: invited, role_id: role };
  expectStatus(await customer.owner.post('/api/v1/users', person), 201);
  const apiUser = { ...(await customer.mint({ label: 'to look at · active' })), label: 'to look at · active' };
  const ciphertext = Buffer.alloc(48, 7).toString('base64url');
  expectStatus(await customer.owner.post(`/api/v1/api-users/${apiUser.id}/hand-overs`, { ciphertext }), 201);
  const inactiveApiUser = {
    ...(await customer.mint({ label: 'to look at · inactive' })),
    label: 'to look at · inactive',
  };
  expectStatus(await customer.deactivate(inactiveApiUser), 200);
  const [entry] = await customer.activity(`event_type=api_user.create&user_id=${apiUser.id}`, 1);
  return {
    owner: customer.email,
    active: active.email,
    inactive: inactive.email,
    invited,
    apiUser,
    inactiveApiUser,
    role,
    systemRole: await customer.roleId('RebelCore_User'),
    entry: entry?.id ?? '',
  };
}

/** Goes somewhere, and reads all that is offered there. */
const READ: Readonly<Record<Place, (page: Page, of: Subjects) => Promise<string[]>>> = {
  navigation: async (page) => {
    await open(page, '/sessions');
    return page.getByRole('navigation', { name: 'Main' }).getByRole('link').allInnerTexts();
  },
  'what + adds': async (page) => {
    await open(page, '/users');
    const add = page.getByRole('button', { name: 'Add', exact: true });
    if ((await add.count()) === 0) return [];
    await add.click();
    await expect(page.getByRole('menu').or(page.getByRole('dialog'))).toBeVisible();
    // Who may add one kind only gets its form.
    if (await page.getByRole('dialog', { name: 'New user' }).isVisible()) return ['User'];
    return itemsOf(page);
  },
  'the list of users': async (page) => {
    await open(page, '/users');
    return present({
      'every user': page.getByRole('table', { name: 'Users of this customer' }),
      'filter by use': page.getByLabel('Use', { exact: true }),
      'last used': page.getByRole('columnheader', { name: 'Last used' }),
      'choosing many': page.getByRole('checkbox', { name: 'Select all API users shown' }),
    });
  },
  'menu of the owner': (page, { owner }) => menuOf(page, owner),
  'menu of an active person': (page, { active }) => menuOf(page, active),
  'menu of an inactive person': (page, { inactive }) => menuOf(page, inactive),
  'menu of an invited person': (page, { invited }) => menuOf(page, invited),
  'menu of an active API user': (page, { apiUser }) => menuOf(page, apiUser.label),
  'menu of an inactive API user': (page, { inactiveApiUser }) => menuOf(page, inactiveApiUser.label),
  'details of an API user': async (page, { apiUser }) => {
    if (!(await open(page, `/users?user=${apiUser.id}`))) return [];
    const drawer = page.getByRole('dialog', { name: apiUser.label });
    // A part for which there is nothing to show is not there, and says nothing while it loads.
    await page.waitForLoadState('networkidle');
    await expect(drawer.getByRole('status', { name: 'Loading' })).toHaveCount(0);
    const regions = await drawer.getByRole('region').evaluateAll((all) => all.map((one) => one.ariaLabel ?? ''));
    const buttons = await drawer.locator('footer').getByRole('button').allInnerTexts();
    const known = OFFERED['details of an API user'].map(([control]) => control);
    return [...regions.filter((region) => known.includes(region)), ...buttons];
  },
  'a role of one’s own': (page, { role }) => roleControls(page, role),
  'a role of the system': (page, { systemRole }) => roleControls(page, systemRole),
  'the log': async (page) => {
    await open(page, '/activity');
    return present({
      'every entry': page.getByRole('table', { name: 'The log' }),
      Live: page.getByRole('button', { name: 'Live' }),
      Export: page.getByRole('button', { name: 'Export', exact: true }),
    });
  },
  'an entry': async (page, { entry }) => {
    if (!(await open(page, `/activity?entry=${entry}`))) return [];
    const drawer = page.getByRole('dialog', { name: 'API user created' });
    await expect(drawer.getByText('Entry id')).toBeVisible();
    return present({ 'all of it': drawer, 'whom it is about': drawer.locator('a[href^="/users"]') });
  },
  'one’s sessions': async (page) => {
    await open(page, '/sessions');
    return present({ 'each of them': page.getByRole('table') });
  },
};

/** Goes to a page; false when it says that it is not for one’s role. */
async function open(page: Page, address: string): Promise<boolean> {
  await page.goto(address);
  const forbidden = page.getByRole('heading', { name: 'Not for your role' });
  const main = page.getByRole('main', { includeHidden: true });
  const content = main.getByRole('table', { includeHidden: true }).or(main.locator('#role-name'));
  await expect(forbidden.or(content).first()).toBeVisible();
  await expect(main.getByRole('status', { name: 'Loading', includeHidden: true })).toHaveCount(0);
  return !(await forbidden.isVisible());
}

async function menuOf(page: Page, search: string): Promise<string[]> {
  if (!(await open(page, `/users?q=${encodeURIComponent(search)}`))) return [];
  await expect(page.getByText(/^All 1 shown/)).toBeVisible();
  const more = page.getByRole('button', { name: /^More about/ });
  if ((await more.count()) === 0) return [];
  await more.click();
  return itemsOf(page);
}

async function itemsOf(page: Page): Promise<string[]> {
  await expect(page.getByRole('menu')).toBeVisible();
  return page.getByRole('menuitem').locator('span:first-child').allInnerTexts();
}

async function roleControls(page: Page, role: string): Promise<string[]> {
  if (!(await open(page, `/roles?role=${role}`))) return [];
  const buttons = await page.getByRole('main').getByRole('button').allInnerTexts();
  return [...(await present({ 'what it allows': page.getByText('Use the Agent') })), ...buttons];
}

/** Of what may be at a place, the names of what is. */
async function present(all: Readonly<Record<string, Locator>>): Promise<string[]> {
  const names: string[] = [];
  for (const [name, one] of Object.entries(all)) if (await one.first().isVisible()) names.push(name);
  return names;
}
