import type { Page } from '@playwright/test';
import { expect, signInAs, test } from './support/test.js';

/** What is seen, read out without the times that go on: the moment of loading, and how long ago something was. */
const seen = async (page: Page): Promise<string> => {
  const text = await page.locator('body').ariaSnapshot();
  return text.replaceAll(/as of \d\d:\d\d:\d\d/g, 'as of').replaceAll(/\d+ (?:s|min|h|d) ago/g, 'ago');
};

test('each view is the same when it is reloaded, and when its address is opened in another browser', async ({
  signedInPage: page,
  customer,
  browser,
  system,
}) => {
  test.setTimeout(120_000);
  await customer.mint({ label: 'billing · production' });
  await customer.mint({ label: 'crm sync' });
  await customer.activity('event_type=api_user.create', 2);
  // What is known of the use of an API user follows a moment after it was made.
  await expect
    .poll(async () => ((await customer.owner.get('/api/v1/api-users/usage')).body as { items: unknown[] }).items)
    .toHaveLength(2);
  const fresh = await browser.newContext({
    baseURL: system.portal,
    locale: 'en-GB',
    timezoneId: 'Europe/Vienna',
    viewport: page.viewportSize(),
  });
  await signInAs(fresh, customer.owner, system.portal);
  const other = await fresh.newPage();
  const shown = page.getByRole('dialog');
  const views: Record<string, () => Promise<void>> = {
    'users, filtered': async () => {
      await page.goto('/users');
      await page.getByRole('button', { name: 'API users', exact: true }).click();
      await page.getByLabel('Status').selectOption('Active');
      await page.getByLabel('Search').fill('billing');
      await expect(page.getByText(/^All 1 shown/)).toBeVisible();
      await expect(page.getByText('Never', { exact: true })).toBeVisible();
    },
    'a user': async () => {
      await page.getByRole('link', { name: 'billing · production' }).click();
      await expect(shown.getByText(/^API user billing · production was created with role/)).toBeVisible();
    },
    'a rotation': async () => {
      await shown.getByRole('button', { name: 'Rotate…' }).click();
      await expect(shown.getByRole('button', { name: 'Make a new one' })).toBeVisible();
    },
    'the log, filtered': async () => {
      await page.goto('/activity?range=7d');
      await page.getByLabel('Outcome').selectOption('Success');
      await page.getByRole('searchbox').fill('was created with role');
      await expect(page.getByRole('link', { name: /crm sync was created/ })).toBeVisible();
      await expect(page).toHaveURL(/q=was/);
    },
    'an entry': async () => {
      await page.getByRole('link', { name: /crm sync was created/ }).click();
      await expect(shown.getByText('Correlation id')).toBeVisible();
    },
    'a role': async () => {
      await page.goto('/roles');
      await page.getByRole('link', { name: /RebelCore_User ?System/ }).click();
      await expect(page.getByRole('heading', { name: 'RebelCore_User' })).toBeVisible();
    },
  };
  for (const [name, open] of Object.entries(views)) {
    await test.step(name, async () => {
      await open();
      const before = await seen(page);
      await page.reload();
      await expect.poll(() => seen(page), 'reloaded').toBe(before);
      await other.goto(page.url());
      await expect.poll(() => seen(other), 'in another browser').toBe(before);
    });
  }
  await fresh.close();
});
