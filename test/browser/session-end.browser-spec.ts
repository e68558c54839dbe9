import { randomUUID } from 'node:crypto';
import type { Page } from '@playwright/test';
import { expectStatus } from '../support/system.js';
import { expectAccessible } from './support/accessibility.js';
import { inDatabase } from './support/databases.js';
import { mintOnPage } from './support/minting.js';
import { enrolledOwner, type EnrolledOwner, typePassword, typeRecoveryCode } from './support/owner.js';
import { takePictures } from './support/pictures.js';
import { expect, test } from './support/test.js';

test('signing in again over the page keeps address and form, and sends the request again', async ({ page, system }) => {
  const owner = await enrolledOwner(system);
  await page.goto(`/roles?role=${owner.role}`);
  await typePassword(page, owner);
  await typeRecoveryCode(page, owner.codes[0] ?? '');
  await page.getByLabel('Name').fill('Billing and refunds');
  await page.getByLabel('View Specs').check();

  expect((await page.request.delete('/api/v1/sessions/current')).status()).toBe(204);
  await page.getByRole('button', { name: 'Save' }).click();
  const dialog = page.getByRole('alertdialog', { name: 'Your session has ended' });
  await expect(dialog.getByLabel('Password')).toBeFocused();
  await expect(dialog.getByLabel('E-mail')).toHaveValue(owner.email);
  await expectAccessible(page);
  await takePictures(page, 'session-ended');
  await page.keyboard.press('Escape');
  await expect(dialog).toBeVisible();

  await typePassword(page, owner);
  await typeRecoveryCode(page, owner.codes[1] ?? '');
  await expect(page.getByText(/^Saved\./).first()).toBeVisible();
  await expect(dialog).toBeHidden();
  await expect(page.getByLabel('Name')).toHaveValue('Billing and refunds');
  await expect(page.getByRole('button', { name: 'Save' })).toBeFocused();
  expect(new URL(page.url()).search).toBe(`?role=${owner.role}`);
  const { items } = (await owner.client.get('/api/v1/roles')).body as {
    items: { id: string; name: string; permissions: Record<string, boolean> }[];
  };
  expect(items.find(({ id }) => id === owner.role)).toMatchObject({
    name: 'Billing and refunds',
    permissions: { can_view_specs: true, can_use_agent: true },
  });
});

test('signing in again in another tab is enough; another person there reloads everything', async ({
  page,
  context,
  system,
}) => {
  const owner = await enrolledOwner(system);
  const other = await enrolledOwner(system);
  await page.goto(`/roles?role=${owner.role}`);
  await typePassword(page, owner);
  await typeRecoveryCode(page, owner.codes[0] ?? '');
  await page.getByLabel('View Specs').check();
  await page.request.delete('/api/v1/sessions/current');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('alertdialog')).toBeVisible();

  const tab = await context.newPage();
  await tab.goto('/sign-in');
  await typePassword(tab, owner);
  await typeRecoveryCode(tab, owner.codes[1] ?? '');
  await expect(page.getByText(/^Saved\./).first()).toBeVisible();
  await expect(page.getByRole('alertdialog')).toBeHidden();

  await page.getByLabel('Name').fill('Typed as one, not to be sent as another');
  await tab.goto('/sign-in');
  await typePassword(tab, other);
  await typeRecoveryCode(tab, other.codes[0] ?? '');
  await expect(page.getByText(other.email)).toBeVisible();
  await expect(page.getByText(owner.email)).toBeHidden();
});

test('one sees and ends one’s own sessions', async ({ page, system }) => {
  const owner = await enrolledOwner(system);
  await page.goto('/sessions');
  await typePassword(page, owner);
  await typeRecoveryCode(page, owner.codes[0] ?? '');
  await expect(page.getByText('this one')).toBeVisible();
  await expect(page.getByRole('row')).toHaveCount(3);
  await expectAccessible(page);
  await takePictures(page, 'sessions');
  await page.getByRole('button', { name: /^End the session on/ }).click();
  await expect(page.getByRole('row')).toHaveCount(2);
  expect((await owner.client.get('/api/v1/me')).status).toBe(401);
});

test('an idle hour passes while the live tail is on; what the page asks for by itself does not renew it', async ({
  page,
  system,
}) => {
  const owner = await enrolledOwner(system);
  const address = '/activity?type=api_user.create&live=1';
  await page.goto(address);
  await signIn(page, owner, 0);
  await expect(page.locator('[data-live=true]')).toBeVisible();
  const { items } = (await (await page.request.get('/api/v1/sessions')).json()) as {
    items: { id: string; current: boolean }[];
  };
  const id = items.find(({ current }) => current)?.id ?? '';

  const almost = await seenAgo(id, '59 minutes');
  await mint(owner, 'came by itself');
  await expect(page.getByRole('link', { name: /was created with role/ })).toHaveCount(1);
  const asked = page.waitForResponse((response) => response.url().endsWith('/api/v1/me'));
  await comeBack(page);
  expect((await asked).status()).toBe(200);
  expect(await lastSeen(id)).toEqual(almost);
  await page.getByRole('button', { name: 'Load again' }).click();
  await expect.poll(() => lastSeen(id)).not.toEqual(almost);

  await seenAgo(id, '61 minutes');
  await comeBack(page);
  await expect(page.getByRole('alertdialog', { name: 'Your session has ended' })).toBeVisible();
  await signIn(page, owner, 1);
  await expect(page.getByRole('alertdialog')).toBeHidden();
  expect(page.url()).toBe(`${system.portal}${address}`);
  await mint(owner, 'came after signing in again');
  await expect(page.getByRole('link', { name: /was created with role/ })).toHaveCount(2);
});

test('signing in again keeps filter, scroll position and a form that was being sent', async ({ page, system }) => {
  const owner = await enrolledOwner(system);
  for (let each = 0; each < 12; each += 1) await mint(owner, `kept · ${String(each)}`);
  await page.setViewportSize({ width: 1280, height: 420 });
  const address = '/users?type=api&q=kept';
  await page.goto(address);
  await signIn(page, owner, 0);
  await expect(page.getByText(/^All 12 shown/)).toBeVisible();
  await page.evaluate(() => {
    scrollTo({ top: 200 });
  });
  const view = async () => ({
    at: await page.evaluate(() => scrollY),
    rows: await page.locator('tbody bdi').allInnerTexts(),
  });
  const seen = await view();
  expect(seen.at).toBe(200);
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('menuitem', { name: 'API User' }).click();
  const form = page.getByRole('dialog', { name: 'New API user' });
  await form.getByLabel('Role').selectOption('Billing');
  await form.getByLabel('Label').fill('typed before');
  await endSession(page);
  await form.getByRole('button', { name: 'Create' }).click();
  await expect(page.getByRole('alertdialog', { name: 'Your session has ended' })).toBeVisible();
  await signIn(page, owner, 1);
  const credentials = page.getByRole('dialog', { name: 'Credentials for typed before' });
  await credentials.getByLabel('I have stored it').check();
  await credentials.getByRole('button', { name: 'Done' }).click();
  await expect(credentials).toBeHidden();
  expect(page.url()).toBe(`${system.portal}${address}`);
  await expect.poll(view).toEqual(seen);
});

test('a session that is over in one tab is over in the others, and so is signing in and out', async ({
  page,
  context,
  system,
}) => {
  const owner = await enrolledOwner(system);
  await page.goto('/roles');
  await signIn(page, owner, 0);
  await expect(page.getByRole('heading', { name: 'Roles' })).toBeVisible();
  const tab = await context.newPage();
  await tab.goto('/users');
  await expect(tab.getByRole('table')).toBeVisible();

  await endSession(page);
  await page.getByRole('link', { name: 'Users', exact: true }).click();
  for (const each of [page, tab]) {
    await expect(each.getByRole('alertdialog', { name: 'Your session has ended' })).toBeVisible();
  }
  await signIn(tab, owner, 1);
  for (const each of [page, tab]) {
    await expect(each.getByRole('alertdialog')).toBeHidden();
    await expect(each.getByRole('table')).toBeVisible();
  }

  await page.getByRole('button', { name: /sessions, keys/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  for (const each of [page, tab]) {
    await expect(each.getByRole('heading', { name: 'Sign in' })).toBeVisible();
    await expect(each.getByText(owner.email)).toHaveCount(0);
  }
});

test('when another person signs in, nothing of the first is shown or kept, and nothing holds the page back', async ({
  page,
  context,
  system,
}) => {
  const owner = await enrolledOwner(system);
  const other = await enrolledOwner(system);
  await page.goto('/users?q=atlantis');
  await signIn(page, owner, 0);
  const { minted } = await mintOnPage(page, 'atlantis · production');
  const questions: string[] = [];
  page.on('dialog', (dialog) => {
    questions.push(dialog.type());
    void dialog.dismiss();
  });
  await endSession(page);
  const tab = await context.newPage();
  await tab.goto('/sign-in');
  await signIn(tab, other, 0);
  await expect(page.getByText(other.email)).toBeVisible();
  await expect(page.getByRole('table')).toBeVisible();
  const left = await page.evaluate(() =>
    [
      location.href,
      JSON.stringify(history.state),
      JSON.stringify(Object.entries(localStorage)),
      JSON.stringify(Object.entries(sessionStorage)),
      document.documentElement.outerHTML,
    ].join('\n'),
  );
  for (const text of ['atlantis', owner.email, minted.id, minted.password]) expect(left).not.toContain(text);
  expect(questions).toEqual([]);
});

/** By the form that is shown, with one of ten recovery codes. */
async function signIn(page: Page, owner: EnrolledOwner, code: number): Promise<void> {
  await typePassword(page, owner);
  await typeRecoveryCode(page, owner.codes[code] ?? '');
}

async function endSession(page: Page): Promise<void> {
  expect((await page.request.delete('/api/v1/sessions/current')).status()).toBe(204);
}

async function mint({ client, role }: EnrolledOwner, label: string): Promise<void> {
  const body = { role_id: role, label };
  expectStatus(await client.post('/api/v1/api-users', body, { 'idempotency-key': randomUUID() }), 201);
}

/** As if whoever has the session had last done something so long ago; resolves with that moment. */
const seenAgo = (id: string, ago: string): Promise<Date | undefined> =>
  inDatabase('identity', async (db) => {
    await db.query('update session set last_seen_at = now() - $2::interval where id = $1', [id, ago]);
    return lastSeen(id);
  });

const lastSeen = (id: string): Promise<Date | undefined> =>
  inDatabase('identity', async (db) => {
    const { rows } = await db.query<{ last_seen_at: Date }>('select last_seen_at from session where id = $1', [id]);
    return rows[0]?.last_seen_at;
  });

/** As the browser says it when its window comes to the front again. */
const comeBack = (page: Page): Promise<boolean> => page.evaluate(() => dispatchEvent(new Event('visibilitychange')));
