import { randomUUID } from 'node:crypto';
import { Authenticator } from '@rebelcore/embedded/authenticator';
import type { Page, Route } from '@playwright/test';
import { authorize, expectStatus, type TestCustomer } from '../support/system.js';
import { expectAccessibleInEveryLook, expectFocusInSight, thereAndBack, ZOOMED } from './support/accessibility.js';
import { closeWithoutStoring, mintOnPage } from './support/minting.js';
import { enrolledOwner, newOwner, typePassword, typeRecoveryCode } from './support/owner.js';
import { linkMailedTo, newPerson, newRole } from '../support/people.js';
import { expect, signInAs, test } from './support/test.js';

/**
 * WCAG 2.2 AA, page by page and state by state: in both themes, at 320 px, at 400 %, in forced colours. What opens over
 * a page gives focus back to what opened it.
 */
test.describe.configure({ mode: 'parallel', timeout: 300_000 });

test('before anybody is signed in', async ({ page, system, customer }) => {
  const email = `person-${randomUUID()}@example.test`;
  const role_id = await customer.roleId('RebelCore_User');
  const invited = { first_name: 'Hedy', last_name: 'Clerk', email, role_id };
  expectStatus(await customer.owner.post('/api/v1/users', invited), 201);
  await step(page, 'an invitation', () => page.goto(`/invite#${'A'.repeat(43)}`));
  await step(page, 'a password that breaks the rules', async () => {
    await leave(page);
    await page.goto(await linkMailedTo(system, email));
    await page.getByLabel('Password').fill('letters only');
    await page.getByRole('button', { name: 'Set the password' }).click();
    await expect(page.getByLabel('Password')).toHaveAttribute('aria-invalid', 'true');
  });
  await step(page, 'a password that is set', async () => {
    await page.getByLabel('Password').fill('letters and 5 digits');
    await page.getByRole('button', { name: 'Set the password' }).click();
    await expect(page.getByRole('heading', { name: 'Your password is set' })).toBeVisible();
  });
  await step(page, 'a page that does not exist', () => page.goto('/no-such-page'));
  await step(page, 'a link without its key', () => page.goto(`/hand-over/${randomUUID()}`));
});

test('signing in', async ({ page, system }) => {
  const owner = await enrolledOwner(system);
  await step(page, 'nothing typed', () => page.goto('/sign-in'));
  await step(page, 'refused', async () => {
    await typePassword(page, { ...owner, password: 'not-the-password-1' });
    await expect(page.getByRole('alert')).toContainText('That did not match.');
  });
  await step(page, 'throttled', async () => {
    await page.route('**/api/v1/sessions', (route) => refuse(route, 429, { 'retry-after': '40' }), { times: 1 });
    await typePassword(page, owner);
    await expect(page.getByRole('alert')).toContainText('Try again in');
  });
  await step(page, 'a code is asked for', async () => {
    await page.goto('/sign-in?next=/sessions');
    await typePassword(page, owner);
    await expect(page.getByLabel('Code of your authenticator app')).toBeFocused();
  });
  await step(page, 'a recovery code is asked for', async () => {
    await page.getByRole('button', { name: 'Use a recovery code' }).click();
    await expect(page.getByLabel('Recovery code')).toBeFocused();
    await page.getByRole('button', { name: 'Use the authenticator app' }).click();
  });
  await typeRecoveryCode(page, owner.codes[0] ?? '');
  await step(page, 'one’s own sessions', () => expect(page.getByText('this one')).toBeVisible());
  await step(page, 'a session that has ended', async () => {
    expectStatus(await owner.client.delete('/api/v1/sessions/current'), 204);
    expect((await page.request.delete('/api/v1/sessions/current')).status()).toBe(204);
    await page.getByRole('button', { name: /^End the session/ }).click();
    await expect(page.getByRole('alertdialog', { name: 'Your session has ended' })).toBeVisible();
  });
});

test('setting up a second factor', async ({ page, system }) => {
  const owner = await newOwner(system);
  await page.goto('/sign-in');
  await typePassword(page, owner);
  await step(page, 'the key', () => expect(page.getByRole('img', { name: 'QR code' })).toBeVisible());
  await step(page, 'a code that is wrong', async () => {
    await page.getByLabel('Code', { exact: true }).fill('000 000');
    await expect(page.getByText(/Code .*app shows now/)).toBeVisible();
  });
  const key = (await page.locator('code').first().innerText()).replaceAll(/\s/g, '');
  await page.getByLabel('Code', { exact: true }).fill(await new Authenticator(key).nextCode());
  await step(page, 'recovery codes that are hidden', () =>
    expect(page.getByRole('heading', { name: 'Keep your recovery codes' })).toBeVisible(),
  );
  await step(page, 'recovery codes that are shown, and none of them typed', async () => {
    await page.getByRole('button', { name: /^Show/ }).click();
    await page.getByRole('button', { name: 'Done' }).click();
    await expect(page.getByText('That is none of the ten.')).toBeVisible();
  });
});

test('the frame of every page', async ({ signedInPage: page, context, system, customer }) => {
  await page.goto('/sessions');
  await expect(page.getByText('this one')).toBeVisible();
  const account = page.getByRole('button', { name: /sessions, keys/ });
  const menu = page.getByRole('menu');
  await thereAndBack(account, menu, () => step(page, 'the menu of the person'));
  const keys = page.getByRole('dialog', { name: 'Keys of this page' });
  await account.click();
  await page.getByRole('menuitem', { name: /^Keyboard/ }).click();
  await expect(keys).toBeVisible();
  await step(page, 'the help about keys');
  await page.keyboard.press('Escape');
  await expect(keys).toBeHidden();
  await expect(account).toBeFocused();

  await test.step('the menu of a narrow page', async () => {
    await page.setViewportSize(ZOOMED);
    const button = page.getByRole('button', { name: 'Menu', exact: true });
    await thereAndBack(
      button,
      page.getByRole('dialog'),
      () => step(page, 'the menu'),
      async () => {
        await page.setViewportSize(ZOOMED);
        await page.keyboard.press('Escape');
      },
    );
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  await step(page, 'offline', async () => {
    await context.setOffline(true);
    await expect(page.getByText('You are offline.')).toBeVisible();
  });
  await context.setOffline(false);
  const reader = await newPerson(system, customer, await customer.roleId('RebelCore_User'));
  await signInAs(context, reader.client, system.portal);
  await step(page, 'a page that is not for one’s role', async () => {
    await page.goto('/users');
    await expect(page.getByText('Your role does not include Add Users.')).toBeVisible();
  });
});

test('Users: the list and its states', async ({ signedInPage: page, customer }) => {
  await populate(customer);
  const loads = '**/api/v1/users?*';
  await page.route(loads, (route) => held(route, page), { times: 1 });
  await step(page, 'loading', async () => {
    await page.goto('/users');
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await expect(page.getByRole('status', { name: 'Loading' })).toBeVisible();
  });
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await step(page, 'not loaded', async () => {
    await page.route(loads, (route) => refuse(route, 503));
    await page.goto('/users');
    await expect(page.getByRole('alert')).toContainText('could not be loaded (503)');
  });
  await page.unrouteAll();
  await step(page, 'loaded', async () => {
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect(page.getByRole('link', { name: 'billing · production' })).toBeVisible();
    await expect(page.getByText('Never', { exact: true }).first()).toBeVisible();
  });
  await step(page, 'filtered', async () => {
    await page.goto('/users?type=api&status=inactive');
    await expect(page.getByText(/^All 1 shown/)).toBeVisible();
  });
  await step(page, 'by use', async () => {
    await page.goto('/users?flag=never_used');
    await expect(page.getByText(/shown · as of/)).toBeVisible();
  });
  await step(page, 'none that match', async () => {
    await page.goto('/users?type=portal&q=nobody-has-this-name');
    await expect(page.getByText(/^No user matches/)).toBeVisible();
  });
  await page.goto('/users');
  const add = page.getByRole('button', { name: 'Add', exact: true });
  await thereAndBack(add, page.getByRole('menu'), () => step(page, 'what can be added'));
  const more = page.getByRole('button', { name: 'More about billing · production' });
  await thereAndBack(more, page.getByRole('menu'), () => step(page, 'the menu of a row'));
});

test('Users: forms and questions', async ({ signedInPage: page, customer, system }) => {
  await populate(customer);
  const { email } = await newPerson(system, customer, await customer.roleId('RebelCore_User'));
  await page.goto('/users');
  const from = async (opener: string, entry: string | RegExp, see: (page: Page) => Promise<unknown>, by = 'Cancel') => {
    const button = page.getByRole('button', { name: opener, exact: true }).first();
    await button.click();
    await page.getByRole('menuitem', { name: entry }).click();
    const dialog = page.getByRole('dialog').or(page.getByRole('alertdialog'));
    await expect(dialog).toBeVisible();
    await step(page, `${opener}: ${String(entry)}`, () => see(page));
    await dialog.getByRole('button', { name: by, exact: true }).click();
    await expect(dialog).toBeHidden();
    await expect(button).toBeFocused();
  };
  await from('Add', /^User/, async () => {
    await page.getByRole('button', { name: 'Send invite' }).click();
    await expect(page.locator('[aria-invalid=true]').first()).toBeFocused();
  });
  await from('Add', 'API User', () => page.getByRole('button', { name: 'Create' }).click());
  const apiUser = 'More about billing · production';
  await from(apiUser, 'Change role', () => expect(page.getByLabel('Role', { exact: true })).toBeVisible());
  await from(apiUser, 'Deactivate', () => expect(page.getByText(/issued token/)).toBeVisible());
  await from(
    apiUser,
    'Deactivate',
    async () => {
      await page.getByRole('alertdialog').getByRole('button', { name: 'Deactivate' }).click();
      await expect(page.getByText(/In force since/)).toBeVisible();
    },
    'Close',
  );
  await from(apiUser, 'Reactivate', () => expect(page.getByRole('alertdialog')).toBeVisible());
  await page.goto(`/users?q=${email}`);
  const person = 'More about Hedy Clerk';
  for (const entry of ['Edit', 'Reset second factor', 'Delete', 'Deactivate']) {
    await from(person, entry, () => expect(page.getByRole('button', { name: 'Cancel' })).toBeVisible());
  }
  await page.goto('/users?type=api&status=active');
  await step(page, 'some chosen', async () => {
    await page.getByRole('checkbox', { name: 'Select all API users shown' }).check();
    await expect(page.getByRole('region', { name: /selected$/ })).toBeVisible();
  });
  const many = page.getByRole('region', { name: /selected$/ }).getByRole('button', { name: 'Deactivate…' });
  await thereAndBack(many, page.getByRole('alertdialog'), () => step(page, 'many to be deactivated'));
  await many.click();
  await step(page, 'many that were deactivated', async () => {
    await page.getByRole('alertdialog').getByRole('button', { name: 'Deactivate' }).click();
    await expect(page.getByText(/In force since/).nth(1)).toBeVisible();
  });
  await test.step('what opened it is gone, and focus is not', async () => {
    await page.getByRole('button', { name: 'Close' }).click();
    await expect(page.getByRole('region', { name: /selected$/ })).toBeHidden();
    await expect(page.getByRole('heading', { level: 1 })).toBeFocused();
  });
});

test('Users: details and rotation', async ({ signedInPage: page, customer }) => {
  const { used } = await populate(customer);
  await customer.activity(`user_id=${used.id}&event_type=api.authorize`, 1);
  await page.goto('/users');
  const drawer = page.getByRole('dialog');
  for (const name of ['Ada Owner', 'billing · production']) {
    await thereAndBack(page.getByRole('link', { name }).first(), drawer, () =>
      step(page, `details of ${name}`, () =>
        expect(drawer.getByText(/was (created|provisioned|signed in)|signed in/).first()).toBeVisible(),
      ),
    );
  }
  await page.getByRole('link', { name: 'billing · production' }).first().click();
  await step(page, 'its calls as a table', async () => {
    await drawer.getByText('As a table').click();
    await expect(drawer.getByRole('columnheader', { name: 'Day' })).toBeVisible();
  });
  await step(page, 'its networks, changed', async () => {
    await drawer.getByRole('button', { name: 'Limit to networks…' }).click();
    await expect(drawer.getByLabel('May authenticate from')).toBeVisible();
  });
  await step(page, 'rotation', async () => {
    await drawer.getByRole('button', { name: 'Rotate…' }).click();
    await expect(drawer.getByRole('button', { name: 'Make a new one' })).toBeVisible();
  });
});

test('credentials that are shown once', async ({ signedInPage: page, context, browser, system }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto('/users');
  const { dialog } = await mintOnPage(page, 'billing · production');
  await step(page, 'hidden', () => expect(dialog.getByText('Accepted by /authorize.')).toBeVisible());
  await step(page, 'shown', () => dialog.getByRole('button', { name: 'Show' }).click());
  await step(page, 'copied', async () => {
    await dialog.getByRole('button', { name: 'Copy the password' }).click();
    await expect(dialog.getByText('Copied')).toBeVisible();
  });
  await step(page, 'a link to hand them over', async () => {
    await dialog.getByRole('button', { name: 'Hand-over link…' }).click();
    await expect(dialog.getByText('Waiting to be opened')).toBeVisible();
  });
  await step(page, 'to be closed without storing', async () => {
    await page.keyboard.press('Escape');
    await expect(closeWithoutStoring(page)).toBeVisible();
  });
  await closeWithoutStoring(page).getByRole('button', { name: 'Go back' }).click();
  const link = await dialog.getByRole('region', { name: 'Hand-over link' }).locator('code').first().innerText();
  const other = await (await browser.newContext({ baseURL: system.portal, locale: 'en-GB' })).newPage();
  await step(other, 'a link that can be opened', () => other.goto(link));
  await step(other, 'a link that was opened', async () => {
    await other.getByRole('button', { name: 'Open once and show' }).click();
    await expect(other.getByText('They are shown only now')).toBeVisible();
    await other.getByRole('button', { name: 'Show' }).click();
  });
  await step(other, 'a link that is used up', async () => {
    await other.getByLabel('I have stored it').check();
    await other.getByRole('button', { name: 'Done' }).click();
    await expect(other.getByText('The credentials are gone from this page.')).toBeVisible();
    await leave(other);
    await other.goto(link);
    await other.getByRole('button', { name: 'Open once and show' }).click();
    await expect(other.getByRole('heading', { name: 'This link was opened already' })).toBeVisible();
  });
  await other.context().close();
  await step(page, 'stored, and still on the clipboard', async () => {
    await dialog.getByRole('checkbox', { name: /I have stored it/ }).check();
    await dialog.getByRole('button', { name: 'Done' }).click();
    await expect(page.getByRole('region', { name: 'Clear clipboard' })).toBeVisible();
  });
  await page.route(
    '**/api/v1/api-users',
    async (route) => {
      await route.fetch();
      await route.abort('connectionreset');
    },
    { times: 1 },
  );
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('menuitem', { name: /^API User/ }).click();
  await page.getByLabel('Role', { exact: true }).selectOption('RebelCore_AgentUser');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await step(page, 'an answer that got lost', () =>
    expect(page.getByRole('alertdialog', { name: 'The answer got lost' })).toBeVisible(),
  );
  await page.getByRole('button', { name: 'Ask again' }).click();
  await step(page, 'a password that nobody has', () =>
    expect(page.getByRole('button', { name: 'Void it and make another' })).toBeVisible(),
  );
});

test('Roles', async ({ signedInPage: page, customer }) => {
  const role = await newRole(customer, `Billing ${randomUUID()}`, 'can_use_agent');
  await customer.mint({ role_id: role });
  await page.goto('/roles');
  await step(page, 'one of the system', () => expect(page.getByText('A system role is the same')).toBeVisible());
  await step(page, 'one’s own, changed and not saved', async () => {
    await page.goto(`/roles?role=${role}`);
    await page.getByLabel('View Specs').check();
    await expect(page.getByText('Not saved yet.')).toBeVisible();
  });
  for (const name of ['New role', 'Copy to a new role', 'Delete…']) {
    const opener = page.getByRole('button', { name, exact: true });
    await thereAndBack(opener, page.getByRole('dialog').or(page.getByRole('alertdialog')), () => step(page, name));
  }
  await page.route('**/api/v1/roles*', (route) => refuse(route, 503));
  await step(page, 'not loaded', async () => {
    await page.reload();
    await expect(page.getByRole('alert')).toContainText('could not be loaded (503)');
  });
});

test('Activity: the log and what opens over it', async ({ signedInPage: page, customer }) => {
  await populate(customer);
  await customer.activity('outcome=refused', 1);
  await step(page, 'loaded', async () => {
    await page.goto('/activity');
    await expect(page.getByRole('link', { name: /was created with role/ }).first()).toBeVisible();
  });
  await thereAndBack(page.getByRole('button', { name: 'Export' }), page.getByRole('menu'), () =>
    step(page, 'what can be exported'),
  );
  await thereAndBack(page.getByRole('button', { name: /^Event types/ }), page.getByRole('dialog'), () =>
    step(page, 'the types to choose from'),
  );
  await thereAndBack(page.getByRole('link', { name: /was created with role/ }).first(), page.getByRole('dialog'), () =>
    step(page, 'an entry', () => expect(page.getByText('Correlation id')).toBeVisible()),
  );
  await step(page, 'a span that is typed, and wrong', async () => {
    await page.getByLabel('When').selectOption('From … to …');
    await page.getByLabel('From', { exact: true }).fill('yesterday');
    await page.getByRole('button', { name: 'Apply' }).click();
    await expect(page.getByLabel('From', { exact: true })).toHaveAttribute('aria-invalid', 'true');
  });
});

test('Activity: the states of the log', async ({ signedInPage: page, customer }) => {
  await customer.mint({ label: 'to be read about' });
  await customer.activity('event_type=api_user.create', 1);
  await step(page, 'narrowed to nothing', async () => {
    await page.goto('/activity?range=7d&outcome=refused&q=nothing-like-this&type=role.add,role.change');
    await expect(page.getByText('No entry matches these filters.')).toBeVisible();
  });
  await step(page, 'nothing in this time', async () => {
    await page.goto('/activity?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z');
    await expect(page.getByText('Nothing was recorded in this time.')).toBeVisible();
  });
  await step(page, 'live, with entries that wait', async () => {
    await page.goto('/activity?live=1');
    await page
      .getByRole('link', { name: /was created with role/ })
      .first()
      .focus();
    await customer.mint({ label: 'while somebody reads' });
    await expect(page.getByRole('button', { name: /new entr/ })).toBeVisible();
  });
  const loads = '**/api/v1/activity?*';
  await page.route(loads, (route) => held(route, page), { times: 1 });
  await step(page, 'loading', async () => {
    await page.goto('/activity');
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await expect(page.getByRole('status', { name: 'Loading' })).toBeVisible();
  });
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await step(page, 'not loaded', async () => {
    await page.route(loads, (route) => refuse(route, 503));
    await page.goto('/activity');
    await expect(page.getByRole('alert')).toContainText('could not be loaded (503)');
  });
});

test('nothing that has focus is hidden, however little there is to see', async ({ signedInPage: page, customer }) => {
  await populate(customer, 12);
  await page.setViewportSize(ZOOMED);
  for (const path of ['/users', '/roles', '/activity', '/sessions']) {
    await page.goto(path);
    await expect(page.getByRole('status', { name: 'Loading' })).toHaveCount(0);
    await expect(page.getByRole('table').or(page.getByRole('list', { name: 'The roles' }))).toBeVisible();
    await expectFocusInSight(page);
  }
  await page.goto('/users');
  await page.getByRole('checkbox', { name: 'Select all API users shown' }).focus();
  await page.keyboard.press('Space');
  await expect(page.getByRole('region', { name: /selected$/ })).toBeVisible();
  await expectFocusInSight(page);
});

/** Brings about a state, and looks at it in every way. */
const step = (page: Page, name: string, bring: () => Promise<unknown> = () => Promise.resolve()): Promise<void> =>
  test.step(name, async () => {
    await bring();
    await expectAccessibleInEveryLook(page);
  });

/** A fragment alone would not load a page anew. */
const leave = (page: Page) => page.goto('about:blank');

const refuse = (route: Route, status: number, headers: Record<string, string> = {}): Promise<void> =>
  route.fulfill({
    status,
    contentType: 'application/problem+json',
    headers: { 'x-correlation-id': randomUUID(), ...headers },
    json: { type: 'about:blank', status, title: 'Refused', detail: 'Not now.', code: 'service.unavailable' },
  });

/** Leaves a request without an answer as long as the page is there. */
const held = (_route: Route, page: Page): Promise<void> =>
  page.waitForEvent('close', { timeout: 0 }).then(() => undefined);

/** API users of every kind: called, refused, never called, inactive, without a label. */
async function populate(customer: TestCustomer, more = 0) {
  const used = await customer.mint({ label: 'billing · production' });
  expectStatus(await authorize(used), 200);
  expectStatus(await authorize({ ...used, password: 'x'.repeat(48) }), 401);
  await customer.mint({ label: 'crm sync' });
  await customer.mint();
  const off = await customer.mint({ label: 'switched off' });
  await customer.deactivate(off);
  for (let each = 0; each < more; each += 1) await customer.mint({ label: `one of many · ${String(each)}` });
  return { used };
}
