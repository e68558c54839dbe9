import { Client } from '@rebelcore/embedded/client';
import { until } from '@rebelcore/testing/until';
import { linkMailedTo } from '../support/people.js';
import { authorize, expectStatus } from '../support/system.js';
import { takePictures } from './support/pictures.js';
import { expect, test } from './support/test.js';

test('“Rotation = mint a new one with the same role, switch the application over, and once the old one is no longer called, deactivate it on the Users page.”', async ({
  signedInPage: page,
  customer,
}) => {
  const old = await customer.mint({ label: 'to be rotated', role_id: await customer.roleId('RebelCore_User') });
  expectStatus(await authorize(old), 200);
  await page.goto('/users');
  await page.getByRole('button', { name: 'More about to be rotated' }).click();
  await page.getByRole('menuitem', { name: 'Rotate…' }).click();
  const rotation = page.getByRole('region', { name: 'Rotate' });
  await rotation.getByRole('button', { name: 'Make a new one' }).click();
  const form = page.getByRole('dialog', { name: 'New API user' });
  await expect(form.getByLabel('Role')).toHaveValue('RebelCore_User');
  await expect(form.getByLabel('Role')).not.toBeEditable();
  await form.getByLabel('Label').fill('its successor');
  await form.getByRole('button', { name: 'Create' }).click();
  await page.getByLabel('I have stored it').check();
  await page.getByRole('button', { name: 'Done' }).click();
  await expect(rotation.getByText('Made: its successor')).toBeVisible();
  await expect(rotation.getByText(/^Its last call was .+ ago\. Better wait/)).toBeVisible();
  await rotation.getByRole('button', { name: 'Deactivate anyway' }).click();
  const dialog = page.getByRole('alertdialog', { name: 'Deactivate to be rotated?' });
  await dialog.getByRole('button', { name: 'Deactivate' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Close' }).click();
  await expect(rotation.getByText('The old one is deactivated.')).toBeVisible();
  expectStatus(await authorize(old), 401);
});

test('a password that was found in the open switches its API user off for good: its owner is told by mail, the page offers a new one and nothing else, and the log says why', async ({
  signedInPage: page,
  customer,
  system,
}) => {
  const leaked = await customer.mint({ label: 'lay in a repository' });
  const report = { secret: leaked.password };
  expectStatus(await new Client(system.portal).post('/api/v1/credentials/report-leak', report), 202);
  await until(async () => (await authorize(leaked)).status === 401, 'the leaked password to be refused');
  await page.goto(await linkMailedTo(system, customer.email));
  const drawer = page.getByRole('dialog', { name: 'lay in a repository' });
  await expect(drawer.getByText('Leaked', { exact: true })).toBeVisible();
  await expect(drawer.getByText('Switched off for good')).toBeVisible();
  await expect(drawer.getByRole('region', { name: 'Facts' })).toBeVisible();
  await expect(drawer.getByRole('button', { name: /Reactivate|Deactivate|Change role|Register a key/ })).toHaveCount(0);
  await takePictures(page, 'leaked');
  await drawer.getByRole('button', { name: 'Close' }).click();
  const row = page.getByRole('row').filter({ hasText: 'lay in a repository' });
  await expect(row.getByText('Switched off for good')).toBeVisible();
  await row.getByRole('button', { name: 'More about lay in a repository' }).click();
  await expect(page.getByRole('menuitem')).toHaveText(['Rotate…']);
  await takePictures(page, 'leaked-row');
  await page.goto(`/activity?user=${leaked.id}`);
  await expect(page.getByText('its password was found in the open')).toBeVisible();
});
