import type { Locator, Page } from '@playwright/test';
import { TestCustomer } from '../support/system.js';
import { closeWithoutStoring, mintOnPage } from './support/minting.js';
import { typePassword } from './support/owner.js';
import { expect, signInAs, test } from './support/test.js';
import { holding, opaqueStores, textsBesideHeap, textsInHeap, Wire } from './support/traces.js';

const SHOWN_ONCE = '“The dialog is the only time the password is shown.”';
const LABEL = 'billing · production';

test.use({
  permissions: ['clipboard-read', 'clipboard-write'],
  // A snapshot cuts texts after 1 024 characters otherwise; the longest program that is shown has about as many.
  launchOptions: async ({ launchOptions }, use) =>
    use({ ...launchOptions, args: [...(launchOptions.args ?? []), '--js-flags=--heap-snapshot-string-limit=1000000'] }),
});

/** From the list of roles to that of users, so that Back leads somewhere; then everything the dialog can do. */
async function mintAndUse(page: Page): Promise<{ id: string; password: string; dialog: Locator; wire: Wire }> {
  await page.goto('/roles');
  await page.getByRole('link', { name: 'Users', exact: true }).click();
  const { minted, dialog } = await mintOnPage(page, LABEL);
  const wire = new Wire(page);
  expect(holding(minted.password, await textsBesideHeap(page)), 'what is masked').toEqual([]);
  await dialog.getByRole('button', { name: 'Show' }).click();
  for (const language of ['Node', 'Python', 'Java', 'curl']) {
    await dialog.getByRole('tab', { name: language }).click();
    await dialog.getByRole('button', { name: `Copy the ${language} text` }).click();
  }
  await dialog.getByRole('button', { name: 'Copy the password' }).click();
  await dialog.getByRole('button', { name: 'Copy as JSON' }).click();
  const saved = page.waitForEvent('download');
  await dialog.getByRole('button', { name: 'Download .env' }).click();
  await (await saved).path();
  return { id: minted.id, password: minted.password, dialog, wire };
}

/** Nowhere: not in this page, and not in any answer since, those of the pages that tell of the API user included. */
async function expectGone(page: Page, { id, password, wire }: { id: string; password: string; wire: Wire }) {
  await expect(page.getByRole('dialog')).toBeHidden();
  expect(holding(password, await textsInHeap(page)), 'the heap').toEqual([]);
  expect(holding(password, await textsBesideHeap(page)), 'the page').toEqual([]);
  expect(await opaqueStores(page)).toEqual({ databases: 0, workers: 0 });

  await page.goto(`/users?user=${id}`);
  await expect(page.getByRole('dialog', { name: LABEL })).toBeVisible();
  await page.goto('/activity');
  await expect(page.getByRole('link', { name: `API user ${LABEL} was created` }).first()).toBeVisible();
  const exchanges = await wire.all();
  expect(exchanges.map(({ what }) => what)).toContain(`GET /api/v1/users/${id}`);
  expect(
    exchanges.flatMap(({ what, url, received }) => holding(password, [url, received]).map(() => what)),
    'on the wire',
  ).toEqual([]);
}

test(`${SHOWN_ONCE} After Done nothing of it is left in the browser`, async ({ signedInPage: page }) => {
  test.setTimeout(120_000);
  const credentials = await mintAndUse(page);
  const { password, dialog } = credentials;
  // What is looked for is found as long as it is there.
  expect(holding(password, await textsInHeap(page))).not.toEqual([]);
  expect(holding(password, await textsBesideHeap(page))).not.toEqual([]);
  await dialog.getByRole('button', { name: 'Hand-over link…' }).click();
  await expect(dialog.getByText('Waiting to be opened')).toBeVisible();
  await dialog.getByRole('checkbox', { name: /I have stored it/ }).check();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await expectGone(page, credentials);
});

// “The dialog is the only time the password is shown.”
test('after “Close anyway” nothing of the password is left in the browser', async ({ signedInPage: page }) => {
  test.setTimeout(120_000);
  const credentials = await mintAndUse(page);
  await page.keyboard.press('Escape');
  await closeWithoutStoring(page).getByRole('button', { name: 'Close anyway' }).click();
  await expectGone(page, credentials);
});

test('after Back nothing of the password is left in the browser', async ({ signedInPage: page }) => {
  test.setTimeout(120_000);
  const credentials = await mintAndUse(page);
  await page.evaluate(() => {
    history.back();
  });
  await closeWithoutStoring(page).getByRole('button', { name: 'Close anyway' }).click();
  await expect(page).toHaveURL(/\/roles/);
  await expectGone(page, credentials);
});

test('the password outlives the end of the session until Done, and nothing of it is left then', async ({
  page,
  context,
  system,
}) => {
  test.setTimeout(120_000);
  const customer = await TestCustomer.provision();
  await signInAs(context, customer.owner, system.portal);
  const credentials = await mintAndUse(page);
  const { password, dialog } = credentials;
  expect((await page.request.delete('/api/v1/sessions/current')).status()).toBe(204);
  await dialog.getByRole('button', { name: 'Hand-over link…' }).click();
  const signedOut = page.getByRole('alertdialog', { name: 'Your session has ended' });
  await expect(signedOut).toBeVisible();
  await typePassword(page, customer);
  await signedOut.getByLabel('Code of your authenticator app').fill(await customer.authenticator.nextCode());
  await expect(signedOut).toBeHidden();
  await expect(dialog.getByText('Waiting to be opened')).toBeVisible();
  await dialog.getByRole('button', { name: 'Copy the password' }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(password);

  await dialog.getByRole('checkbox', { name: /I have stored it/ }).check();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await expectGone(page, credentials);
});
