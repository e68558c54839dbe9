import { execFileSync } from 'node:child_process';
import type { Page, Response } from '@playwright/test';
import { expectAccessible } from './support/accessibility.js';
import { isInHeap, remains } from './support/heap.js';
import { takePictures } from './support/pictures.js';
import { expect, test } from './support/test.js';

const MINTS = '**/api/v1/api-users';

test.beforeEach(({ context }) => context.grantPermissions(['clipboard-read', 'clipboard-write']));

test('“The dialog is the only time the password is shown.” After Done it is nowhere', async ({
  signedInPage: page,
}) => {
  const password = await mint(page, 'billing · production');
  const dialog = page.getByRole('dialog', { name: 'Credentials for billing · production' });
  expect(await remains(page), 'hidden').not.toContain(password);
  await expectAccessible(page);
  await takePictures(page, 'credentials');
  await dialog.getByRole('button', { name: 'Show' }).click();
  await expect(dialog.getByText('Hide')).toBeVisible();
  expect(await remains(page), 'shown').toContain(password);
  for (const language of ['Node', 'Python', 'Java', 'curl']) {
    await dialog.getByRole('tab', { name: language }).click();
    await expect(dialog.getByRole('region', { name: `How to authorize with ${language}` })).toContainText(password);
  }
  await dialog.getByRole('button', { name: 'Copy the password' }).click();
  await expect.poll(() => clipboard(page)).toBe(password);
  await store(page);
  await page.getByRole('button', { name: 'Clear clipboard' }).click();
  await expect.poll(() => clipboard(page)).toBe('');
  expect(await remains(page)).not.toContain(password);
  expect(await isInHeap(page, password)).toBe(false);
});

test('the shown curl authorizes until “Deactivation blocks all future /authorize calls immediately”', async ({
  signedInPage: page,
}) => {
  await mint(page, 'crm sync');
  await page.getByRole('button', { name: 'Copy the curl text' }).click();
  await expect.poll(() => clipboard(page)).toContain('/api/v1/authorize');
  const curl = await clipboard(page);
  await store(page);
  expect(run(curl)).toContain('"token_type":"Bearer"');
  await page.getByRole('button', { name: 'More about crm sync' }).click();
  await page.getByRole('menuitem', { name: 'Deactivate…' }).click();
  const dialog = page.getByRole('alertdialog');
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Deactivate' }).click();
  await expect(dialog.getByText(/In force since \d\d:\d\d:\d\d\.\d{3} \(after/)).toBeVisible();
  await takePictures(page, 'deactivated');
  expect(run(curl)).toContain('invalid credentials');
});

test('nothing but “I have stored it” closes it without being asked', async ({ signedInPage: page }) => {
  await page.goto('/roles');
  await page.getByRole('link', { name: 'Users' }).click();
  const password = await mint(page, 'guarded', false);
  const shown = page.getByRole('dialog', { name: 'Credentials for guarded' });
  const asked = page.getByRole('alertdialog', { name: 'Close without storing?' });
  const goBack = async (): Promise<void> => {
    await expect(asked).toBeVisible();
    await asked.getByRole('button', { name: 'Go back' }).click();
    await expect(asked).toBeHidden();
    await expect(shown).toBeVisible();
  };
  await page.keyboard.press('Escape');
  await goBack();
  await page.mouse.click(10, 600);
  await goBack();
  await page.evaluate(() => {
    history.back();
  });
  await goBack();
  await page.evaluate(() => document.querySelector<HTMLElement>('a[href="/roles"]')?.click());
  await goBack();
  const leaving = page.waitForEvent('dialog').then((dialog) => dialog.dismiss());
  void page.reload().catch(() => undefined);
  await leaving;
  await expect(shown).toBeVisible();
  await page.evaluate(() => {
    history.back();
  });
  await asked.getByRole('button', { name: 'Close anyway' }).click();
  await expect(page).toHaveURL(/\/roles/);
  expect(await remains(page)).not.toContain(password);
  expect(await isInHeap(page, password)).toBe(false);
});

for (const kind of ['denied', 'absent']) {
  test(`where the clipboard is ${kind}, what cannot be copied is shown and selected`, async ({
    signedInPage: page,
  }) => {
    await page.addInitScript((how) => {
      if (how === 'absent') Object.defineProperty(Navigator.prototype, 'clipboard', { value: undefined });
      else navigator.clipboard.writeText = () => Promise.reject(new DOMException('refused', 'NotAllowedError'));
    }, kind);
    const password = await mint(page, kind);
    await page.getByRole('button', { name: 'Copy the password' }).click();
    await expect(page.getByText('It is selected now')).toBeVisible();
    expect(await page.evaluate(() => String(getSelection()))).toBe(password);
    await store(page);
  });
}

test('a mint whose answer got lost is found again, voided and made anew', async ({ signedInPage: page }) => {
  await page.route(
    MINTS,
    async (route) => {
      await route.fetch();
      await route.abort('connectionreset');
    },
    { times: 1 },
  );
  await ask(page, 'lost');
  await page
    .getByRole('alertdialog', { name: 'The answer got lost' })
    .getByRole('button', { name: 'Ask again' })
    .click();
  const orphan = page.getByRole('alertdialog', { name: 'Its password did not reach this browser' });
  await expectAccessible(page);
  await orphan.getByRole('button', { name: 'Void it and make another' }).click();
  await expect(page.getByText('The password is shown only now')).toBeVisible();
  await store(page);
  await expect(page.getByRole('row', { name: /lost.*Inactive/ })).toHaveCount(1);
  await expect(page.getByRole('row', { name: /lost.*Active/ })).toHaveCount(1);
});

test('a hand-over link opens once, shows the same password, and says so afterwards', async ({
  signedInPage: page,
  browser,
  system,
}) => {
  const password = await mint(page, 'handed over');
  await page.getByRole('button', { name: 'Hand-over link…' }).click();
  const panel = page.getByRole('region', { name: 'Hand-over link' });
  await expect(panel.getByText('Waiting to be opened')).toBeVisible();
  await expectAccessible(page);
  const link = (await panel.getByText(/\/hand-over\/.+#/).textContent()) ?? '';
  const stranger = await browser.newContext({ baseURL: system.portal });
  const other = await stranger.newPage();
  await other.goto(link);
  await expectAccessible(other);
  await takePictures(other, 'hand-over');
  await other.getByRole('button', { name: 'Open once and show' }).click();
  await other.getByRole('button', { name: 'Show' }).click();
  expect(await remains(other)).toContain(password);
  await other.getByLabel('I have stored it').check();
  await other.getByRole('button', { name: 'Done' }).click();
  await expect(other.getByRole('heading', { name: 'Done' })).toBeVisible();
  expect(await isInHeap(other, password)).toBe(false);
  await expect(panel.getByText('Opened', { exact: true })).toBeVisible();
  await other.goto('/');
  await other.goto(link);
  await other.getByRole('button', { name: 'Open once and show' }).click();
  await expect(other.getByRole('heading', { name: 'This link shows nothing any more' })).toBeVisible();
  await expect(panel.getByText('1 failed attempt to open it')).toBeVisible();
  await stranger.close();
  await store(page);
});

/** Fills in and sends the form of a new API user. */
async function ask(page: Page, label: string, visit = true): Promise<void> {
  if (visit) await page.goto('/users');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('menuitem', { name: /^API User/ }).click();
  await page.getByLabel('Role', { exact: true }).selectOption('RebelCore_AgentUser');
  await page.getByLabel('Label', { exact: true }).fill(label);
  await page.getByRole('button', { name: 'Create', exact: true }).click();
}

/** @returns the password as the server answered it, which the page shows only when asked */
async function mint(page: Page, label: string, visit = true): Promise<string> {
  const answered = page.waitForResponse(isMint);
  await ask(page, label, visit);
  const { password } = (await (await answered).json()) as { password: string };
  await expect(page.getByText('The password is shown only now')).toBeVisible();
  return password;
}

const isMint = (response: Response): boolean =>
  response.request().method() === 'POST' && new URL(response.url()).pathname === '/api/v1/api-users';

async function store(page: Page): Promise<void> {
  await page.getByRole('checkbox', { name: /^I have stored it/ }).check();
  await page.getByRole('button', { name: 'Done' }).click();
  await expect(page.getByText('The password is shown only now')).toBeHidden();
}

const clipboard = (page: Page): Promise<string> => page.evaluate(() => navigator.clipboard.readText());

/** Runs what the page shows, as somebody would who pastes it. */
const run = (command: string): string => execFileSync('bash', ['-c', command], { encoding: 'utf8' });
