import { execFileSync } from 'node:child_process';
import type { Page } from '@playwright/test';
import { expectAccessible } from './support/accessibility.js';
import { mintOnPage } from './support/minting.js';
import { expect, test } from './support/test.js';

const MINTS = '**/api/v1/api-users';

test.beforeEach(({ context }) => context.grantPermissions(['clipboard-read', 'clipboard-write']));

test('the shown curl authorizes until “Deactivation blocks all future /authorize calls immediately”', async ({
  signedInPage: page,
}) => {
  await page.goto('/users');
  await mintOnPage(page, 'crm sync');
  await page.getByRole('button', { name: 'Copy the curl text' }).click();
  await expect.poll(() => clipboard(page)).toContain('/api/v1/authorize');
  const curl = await clipboard(page);
  await store(page);
  expect(run(curl)).toContain('"token_type":"Bearer"');
  await page.getByRole('button', { name: 'More about crm sync' }).click();
  await page.getByRole('menuitem', { name: 'Deactivate' }).click();
  const dialog = page.getByRole('alertdialog');
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Deactivate' }).click();
  await expect(dialog.getByText(/In force since \d\d:\d\d:\d\d\.\d{3} \(after/)).toBeVisible();
  expect(run(curl)).toContain('invalid credentials');
});

test('a mint whose answer got lost is found again, voided and made anew: one is inactive, one is active', async ({
  signedInPage: page,
  customer,
}) => {
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
  const { items } = (await customer.owner.get('/api/v1/users?type=api&q=lost')).body as { items: { status: string }[] };
  expect(items.map(({ status }) => status).toSorted()).toEqual(['active', 'inactive']);
});

/** Fills in and sends the form of a new API user. */
async function ask(page: Page, label: string): Promise<void> {
  await page.goto('/users');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('menuitem', { name: /^API User/ }).click();
  await page.getByLabel('Role', { exact: true }).selectOption('RebelCore_AgentUser');
  await page.getByLabel('Label', { exact: true }).fill(label);
  await page.getByRole('button', { name: 'Create', exact: true }).click();
}

async function store(page: Page): Promise<void> {
  await page.getByRole('checkbox', { name: /^I have stored it/ }).check();
  await page.getByRole('button', { name: 'Done' }).click();
  await expect(page.getByText('The password is shown only now')).toBeHidden();
}

const clipboard = (page: Page): Promise<string> => page.evaluate(() => navigator.clipboard.readText());

/** Runs what the page shows, as somebody would who pastes it. */
const run = (command: string): string => execFileSync('bash', ['-c', command], { encoding: 'utf8' });
