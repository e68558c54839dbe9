import { expectAccessible } from './support/accessibility.js';
import { enrolledOwner, typePassword, typeRecoveryCode } from './support/owner.js';
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
