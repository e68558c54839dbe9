import { expectAccessible } from './support/accessibility.js';
import { typePassword } from './support/owner.js';
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
  'the owner signs in with password and code, and comes to the page they asked for',
  { tag: '@short' },
  async ({ page, customer }) => {
    await page.goto('/roles');
    await typePassword(page, customer);
    await page.getByLabel('Code of your authenticator app').fill(await customer.authenticator.nextCode());
    await expect(page.getByRole('heading', { level: 1, name: 'Roles' })).toBeVisible();
  },
);
