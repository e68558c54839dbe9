import { expectAccessible } from './support/accessibility.js';
import { takePictures } from './support/pictures.js';
import { expect, test } from './support/test.js';

test('“Three read-only system roles marked System”: to be copied', async ({ signedInPage: page }) => {
  await page.goto('/roles');
  for (const name of ['RebelCore_SuperUser', 'RebelCore_User', 'RebelCore_AgentUser']) {
    await page.getByRole('link', { name: new RegExp(`${name} ?System`) }).click();
    await expect(page.getByRole('heading', { name })).toBeVisible();
    await expect(page.getByText('A system role is the same for every customer')).toBeVisible();
    await expect(page.getByRole('main').getByRole('checkbox')).toHaveCount(0);
  }
  await takePictures(page, 'roles');
  await page.getByRole('button', { name: 'Copy to a new role' }).click();
  const dialog = page.getByRole('dialog', { name: 'Copy of RebelCore_AgentUser' });
  await expect(dialog.getByLabel('Use the Agent')).toBeChecked();
  await expect(dialog.getByLabel('Add Users')).not.toBeChecked();
  await expectAccessible(page);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: 'Copy to a new role' })).toBeFocused();
});

test('a name that is taken is told at its field, and nothing typed is lost', async ({ signedInPage: page }) => {
  await page.goto('/roles');
  await expect(page.getByRole('button', { name: 'New role', exact: true })).toBeVisible();
  await page.keyboard.press('n');
  const dialog = page.getByRole('dialog', { name: 'New role' });
  await dialog.getByLabel('Name').fill('RebelCore_User');
  await dialog.getByLabel('Add Roles').check();
  await dialog.getByRole('button', { name: 'Create role' }).click();
  await expect(dialog.getByLabel('Name')).toHaveAttribute('aria-invalid', 'true');
  await expect(dialog.getByLabel('Name')).toBeFocused();
  await expect(dialog.getByLabel('Add Roles')).toBeChecked();
});

test('“Deleting a role in use needs its users reassigned first.”', async ({ signedInPage: page, customer }) => {
  const made = await customer.owner.post('/api/v1/roles', {
    name: 'Temporary',
    permissions: { can_use_agent: true },
  });
  const { id } = made.body as { id: string };
  await customer.mint({ role_id: id });
  await page.goto(`/roles?role=${id}`);
  await expect(page.getByText('1 user', { exact: true }).last()).toBeVisible();
  await page.getByRole('button', { name: 'Delete…' }).click();
  const dialog = page.getByRole('alertdialog', { name: 'Delete Temporary?' });
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await expect(dialog.getByRole('button', { name: 'Move them and delete' })).toBeDisabled();
  await expectAccessible(page);
  await dialog.getByLabel('Their new role').selectOption('RebelCore_AgentUser');
  await dialog.getByRole('button', { name: 'Move them and delete' }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole('link', { name: /Temporary/ })).toBeHidden();
  await expect(page.getByRole('link', { name: /RebelCore_AgentUser ?System ?1 user/ })).toBeVisible();
});
