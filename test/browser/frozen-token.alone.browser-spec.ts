import { generateKeyPairSync } from 'node:crypto';
import type { Page } from '@playwright/test';
import { takePictures } from './support/pictures.js';
import { expect, test } from './support/test.js';

interface HearingWindow extends Window {
  heard?: string[];
}

test('while the token service does not answer, a deactivation is “Not confirmed”; once it does, “In force since”, without a reload', async ({
  signedInPage: page,
  customer,
}) => {
  await customer.mint({ label: 'to be stopped' });
  await page.goto('/users');
  await page.getByRole('button', { name: 'More about to be stopped' }).click();
  await page.getByRole('menuitem', { name: 'Deactivate…' }).click();
  const dialog = page.getByRole('alertdialog');
  // Behind a dialog the row is seen, though it has no role then.
  const row = page.locator('tr', { hasText: 'to be stopped' });
  await listen(page);
  const pids = tokenServices();
  expect(pids).not.toEqual([]);
  try {
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    await dialog.getByRole('button', { name: 'Deactivate' }).click();
    await expect(dialog.getByText('Saved. Waiting for the token service…')).toBeVisible();
    await expect(dialog.getByText(/◐.*Not confirmed\. New tokens may still be issued\./)).toBeVisible();
    await expect(row).toContainText('◐Inactive');
    await expect(row).toContainText('Not confirmed');
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  }
  await expect(dialog.getByText(/●.*In force since \d\d:\d\d:\d\d\.\d{3} \(after .+\)/)).toBeVisible({
    timeout: 20_000,
  });
  await expect(row).toContainText('○Inactive');
  await expect(row).not.toContainText('Not confirmed');
  // A reload would have begun a new list.
  expect(await heard(page)).toEqual(['Not confirmed yet.', 'In force.']);
});

test('while the token service does not answer, networks and the removal of a key are saved and “not confirmed”', async ({
  signedInPage: page,
  customer,
}) => {
  const { publicKey } = generateKeyPairSync('ed25519');
  const public_keys = [publicKey.export({ type: 'spki', format: 'pem' })];
  const { id } = await customer.mint({ label: 'to be confined', public_keys });
  await page.goto(`/users?user=${id}`);
  const networks = page.getByRole('region', { name: 'Networks' });
  const keys = page.getByRole('region', { name: 'Public keys' });
  await networks.getByRole('button', { name: 'Limit to networks…' }).click();
  await networks.getByLabel('May authenticate from').fill('203.0.113.7');
  await keys.getByRole('button', { name: /^Remove/ }).click();
  const unconfirmed = /◐.*Saved, but not confirmed: the token service may still go by what was there before\./;
  const pids = tokenServices();
  try {
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    await networks.getByRole('button', { name: 'Save' }).click();
    await keys.getByRole('button', { name: /^Remove/ }).click();
    await expect(networks.getByText(unconfirmed)).toBeVisible({ timeout: 20_000 });
    await expect(networks.getByRole('definition')).toHaveText(['203.0.113.7', 'Anywhere']);
    await expect(keys.getByText(unconfirmed)).toBeVisible({ timeout: 20_000 });
    await expect(keys.getByRole('listitem')).toHaveCount(0);
    await takePictures(page, 'not-confirmed');
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  }
});

const tokenServices = (): number[] =>
  (JSON.parse(process.env.TEST_SERVICES ?? '[]') as { name: string; pid: number }[])
    .filter(({ name }) => name === 'token')
    .map(({ pid }) => pid);

/** Keeps what the page says, from now on, to those who hear it. */
const listen = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const said: string[] = [];
    (window as HearingWindow).heard = said;
    const announcer = document.querySelector('[aria-live=polite]');
    if (announcer === null) throw new Error('there is no announcer');
    new MutationObserver(() => said.push(announcer.textContent.replace('\u200b', ''))).observe(announcer, {
      characterData: true,
      childList: true,
      subtree: true,
    });
  });

const heard = (page: Page): Promise<string[] | undefined> => page.evaluate(() => (window as HearingWindow).heard);
