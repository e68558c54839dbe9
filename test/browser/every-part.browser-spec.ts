import { randomUUID } from 'node:crypto';
import type { Page } from '@playwright/test';
import { mintOnPage } from './support/minting.js';
import { expect, test } from './support/test.js';

/**
 * Opens everything that can be opened. What it tests is in the fixture `complaints`: no part breaks the content security
 * policy, writes an error to the console or lets one escape.
 */
for (const theme of ['Light', 'Dark'] as const) {
  test(`no page, dialog or menu breaks the content security policy: ${theme}`, async ({ signedInPage: page }) => {
    test.setTimeout(180_000);
    await page.goto('/users');
    await test.step('account, theme and keys', () => account(page, theme));
    await test.step('people', () => people(page));
    await test.step('API users', () => apiUsers(page));
    await test.step('roles', () => roles(page));
    await test.step('activity', () => activity(page));
    await test.step('sessions, and pages of nobody', () => others(page));
  });
}

async function account(page: Page, theme: string): Promise<void> {
  const button = page.getByRole('button', { name: /sessions, keys/ });
  await button.click();
  await page.getByRole('menuitemradio', { name: theme }).click();
  await expect(page.locator('html')).toHaveAttribute('data-theme', theme.toLowerCase());
  await page.keyboard.press('Escape');
  await button.click();
  await page.getByRole('menuitem', { name: /^Keyboard/ }).click();
  await closed(page, 'Keys of this page');
}

async function people(page: Page): Promise<void> {
  const last = `Person ${randomUUID().slice(0, 8)}`;
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('menuitem', { name: /^User/ }).click();
  const form = page.getByRole('dialog', { name: 'New user' });
  await form.getByRole('button', { name: 'Send invite' }).click();
  await expect(form.locator('[aria-invalid=true]').first()).toBeFocused();
  await form.getByLabel('First name').fill('Some');
  await form.getByLabel('Last name').fill(last);
  await form.getByLabel('E-mail').fill(`${randomUUID()}@example.test`);
  await form.getByLabel('Role').selectOption('RebelCore_User');
  await form.getByRole('button', { name: 'Send invite' }).click();
  await expect(form).toBeHidden();

  const name = `Some ${last}`;
  await act(page, name, 'Edit');
  await closed(page, `Edit ${name}`);
  await act(page, name, 'Resend invite');
  await closed(page, `Send ${name} a new invite?`, 'Cancel');
  await page.getByRole('link', { name: new RegExp(last) }).click();
  await closed(page, name);
  await act(page, name, 'Delete');
  await closed(page, `Delete ${name}?`, 'Delete');
}

async function apiUsers(page: Page): Promise<void> {
  const label = `app ${randomUUID().slice(0, 8)}`;
  const { dialog } = await mintOnPage(page, label);
  await dialog.getByRole('button', { name: 'Show' }).click();
  for (const language of ['Node', 'Python', 'Java', 'curl']) await dialog.getByRole('tab', { name: language }).click();
  const saved = page.waitForEvent('download');
  await dialog.getByRole('button', { name: 'Download .env' }).click();
  await saved;
  await dialog.getByRole('button', { name: 'Hand-over link…' }).click();
  await expect(dialog.getByText('Waiting to be opened')).toBeVisible();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Go back' }).click();
  await dialog.getByRole('checkbox', { name: /I have stored it/ }).check();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await expect(dialog).toBeHidden();

  await act(page, label, 'Change role');
  await closed(page, `Role of ${label}`, 'Cancel');
  await act(page, label, 'Rotate');
  const drawer = page.getByRole('dialog', { name: label });
  await expect(drawer.getByRole('heading', { name: 'Rotate' })).toBeVisible();
  await drawer.getByRole('button', { name: 'Make a new one' }).click();
  await closed(page, 'New API user', 'Cancel');
  await drawer.getByRole('button', { name: 'Leave rotation' }).click();
  await expect(drawer.getByRole('button', { name: 'Rotate…' })).toBeVisible();
  await closed(page, label);

  await act(page, label, 'Deactivate');
  const deactivation = page.getByRole('alertdialog');
  await deactivation.getByRole('button', { name: 'Deactivate', exact: true }).click();
  await expect(deactivation.getByText(/In force since/)).toBeVisible();
  await deactivation.getByRole('button', { name: 'Close' }).click();
  await act(page, label, 'Reactivate');
  const reactivation = page.getByRole('alertdialog');
  await reactivation.getByRole('button', { name: 'Reactivate', exact: true }).click();
  await expect(reactivation.getByText(/In force since/)).toBeVisible();
  await reactivation.getByRole('button', { name: 'Close' }).click();
  await page.goto('/users?q=nobody-has-this-name');
  await expect(page.getByText('No user matches “nobody-has-this-name”.')).toBeVisible();
}

async function roles(page: Page): Promise<void> {
  await page.goto('/roles');
  const name = `Role ${randomUUID().slice(0, 8)}`;
  await page.getByRole('button', { name: 'New role', exact: true }).click();
  const form = page.getByRole('dialog', { name: 'New role' });
  await form.getByLabel('Name').fill(name);
  await form.getByRole('button', { name: 'Create role' }).click();
  await expect(page.getByRole('heading', { name })).toBeVisible();
  await page.getByRole('button', { name: 'Copy to a new role' }).click();
  await closed(page, `Copy of ${name}`, 'Cancel');
  await page.getByRole('button', { name: 'Delete…' }).click();
  await closed(page, `Delete ${name}?`, 'Delete');
}

async function activity(page: Page): Promise<void> {
  await page.goto('/activity?live=1');
  const log = page.getByRole('table', { name: 'The log' });
  await log
    .getByRole('link', { name: /was created with role/ })
    .first()
    .click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
  await page
    .getByRole('button', { name: /All types/ })
    .first()
    .click();
  await page.keyboard.press('Escape');
  await page.getByLabel('When').selectOption('From … to …');
  await expect(page.getByLabel('From', { exact: true })).toBeVisible();
  await page.goto('/activity?range=7d&outcome=refused&q=nothing-like-this');
  await expect(page.getByRole('button', { name: 'Clear all filters' }).first()).toBeVisible();
}

async function others(page: Page): Promise<void> {
  await page.goto('/sessions');
  await expect(page.getByText('this one')).toBeVisible();
  for (const [path, heading] of [
    ['/recovery-codes', 'New recovery codes'],
    ['/no-such-page', 'There is no such page'],
    ['/hand-over/none', 'This link is not complete'],
    [`/hand-over/${randomUUID()}#${'A'.repeat(43)}`, 'Credentials were handed over to you'],
    ['/invite', /./],
    ['/invite#nonsense', /./],
    ['/sign-in', 'Sign in'],
  ] as const) {
    await page.goto(path);
    await expect(page.getByRole('heading', { level: 1, name: heading })).toBeVisible();
  }
}

/** Chooses an entry of the menu at a row. */
async function act(page: Page, name: string, action: string): Promise<void> {
  const more = page.getByRole('button', { name: `More about ${name}` });
  await more.click();
  await page.getByRole('menuitem', { name: action }).click();
}

/** Waits for a dialog and closes it, by Esc or a button. */
async function closed(page: Page, name: string, by?: string): Promise<void> {
  const dialog = page.getByRole('dialog', { name }).or(page.getByRole('alertdialog', { name }));
  await expect(dialog).toBeVisible();
  if (by === undefined) await page.keyboard.press('Escape');
  else await dialog.getByRole('button', { name: by, exact: true }).click();
  await expect(dialog).toBeHidden();
}
