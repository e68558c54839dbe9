import { expectAccessible } from './support/accessibility.js';
import { takePictures } from './support/pictures.js';
import { expect, test } from './support/test.js';

test('the sign-in page loads under a policy that runs no script but its own', { tag: '@short' }, async ({ page }) => {
  const response = await page.goto('/sign-in');
  const policy = response?.headers()['content-security-policy']?.split(/;\s*/) ?? [];
  expect(policy).toEqual(
    expect.arrayContaining(["default-src 'none'", "script-src 'self'", "style-src 'self'", "trusted-types 'none'"]),
  );
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expectAccessible(page);
  await takePictures(page, 'sign-in');
});

test(
  'the owner signs in with password and six digits and comes to the page they asked for',
  { tag: '@short' },
  async ({ page, customer }) => {
    await page.goto('/users');
    await page.getByLabel('E-mail').fill(customer.email);
    await page.getByLabel('Password', { exact: true }).fill(customer.password);
    await page.getByRole('button', { name: /^(Continue|Sign in)$/ }).click();
    await page.getByLabel(/digits|code/i).fill((await customer.authenticator?.nextCode()) ?? '');
    await expect(page.getByRole('heading', { level: 1, name: 'Users' })).toBeVisible();
  },
);
