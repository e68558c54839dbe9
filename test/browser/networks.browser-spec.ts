import { authorize, expectStatus } from '../support/system.js';
import { expect, test } from './support/test.js';

test('an API user is minted for a network, refused from here with the reason in the log, and accepted once the list has this address', async ({
  signedInPage: page,
}) => {
  await page.goto('/users');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('menuitem', { name: 'API User' }).click();
  const form = page.getByRole('dialog', { name: 'New API user' });
  await form.getByLabel('Role').selectOption('RebelCore_AgentUser');
  await form.getByLabel('Label').fill('confined');
  const from = form.getByLabel('May authenticate from');
  await test.step('folded away until it is wanted, and opened again for what is wrong in it', async () => {
    await expect(from).toBeHidden();
    await form.getByText('Limit to networks').click();
    await from.fill('203.0.113.7\n10.1.2.3/8');
    await form.getByText('Limit to networks').click();
    await expect(from).toBeHidden();
    await form.getByRole('button', { name: 'Create' }).click();
    await expect(from).toBeFocused();
    await expect(from).toHaveAccessibleDescription(
      /“10\.1\.2\.3\/8” must be 10\.0\.0\.0\/8 for the network, or 10\.1\.2\.3\/32 for the one address\./,
    );
  });
  await from.fill('203.0.113.7, 2001:db8::/32');
  await expect(form.getByText('must be')).toHaveCount(0);
  const answered = page.waitForResponse(
    (response) => response.request().method() === 'POST' && response.url().endsWith('/api/v1/api-users'),
  );
  await form.getByRole('button', { name: 'Create' }).click();
  const apiUser = (await (await answered).json()) as { id: string; username: string; password: string };
  await page.getByLabel('I have stored it').check();
  await page.getByRole('button', { name: 'Done' }).click();
  expectStatus(await authorize(apiUser), 401);

  await test.step('the log says why', async () => {
    await page.goto(`/activity?user=${apiUser.id}`);
    await page.getByText('its credentials are right, but not accepted from this address').click();
    await expect(page.getByRole('dialog').getByText('127.0.0.1').first()).toBeVisible();
  });

  await page.goto(`/users?user=${apiUser.id}`);
  const networks = page.getByRole('region', { name: 'Networks' });
  await expect(networks.getByRole('definition')).toHaveText([/^203\.0\.113\.72001:db8::\/32$/, 'Anywhere']);
  await networks.getByRole('button', { name: 'Change…' }).click();
  const field = networks.getByLabel('May authenticate from');
  await expect(field).toHaveValue('203.0.113.7\n2001:db8::/32');
  await expect(networks.getByText('Tokens that are out keep the networks they were issued with')).toBeVisible();
  await field.fill('203.0.113.7\n127.0.0.0/8\n127.0.0.0/8');
  await networks.getByRole('button', { name: 'Save' }).click();
  await expect(field).toHaveAccessibleDescription(/“127\.0\.0\.0\/8” must differ from the others/);
  await field.fill('127.0.0.0/8');
  await networks.getByRole('button', { name: 'Save' }).click();
  await expect(networks.getByRole('definition')).toHaveText(['127.0.0.0/8', 'Anywhere']);
  await expect(networks.getByText(/●.*In force since \d\d:\d\d:\d\d\.\d{3}/)).toBeVisible();
  expectStatus(await authorize(apiUser), 200);
});

test('who takes over from an API user is confined as it was, unless that is changed', async ({
  signedInPage: page,
  customer,
}) => {
  const old = await customer.mint({ label: 'confined before', token_networks: ['10.0.0.0/8'] });
  await page.goto(`/users?user=${old.id}&rotate=1`);
  await page.getByRole('button', { name: 'Make a new one' }).click();
  const form = page.getByRole('dialog', { name: 'New API user' });
  await expect(form.getByLabel('May use its tokens from')).toHaveValue('10.0.0.0/8');
  const answered = page.waitForResponse(
    (response) => response.request().method() === 'POST' && response.url().endsWith('/api/v1/api-users'),
  );
  await form.getByRole('button', { name: 'Create' }).click();
  const { id } = (await (await answered).json()) as { id: string };
  expect((await customer.owner.get(`/api/v1/api-users/${id}/networks`)).body).toEqual({
    authorize_networks: [],
    token_networks: ['10.0.0.0/8'],
  });
  await page.getByLabel('I have stored it').check();
  await page.getByRole('button', { name: 'Done' }).click();
});
