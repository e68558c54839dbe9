import { expectAccessible } from './support/accessibility.js';
import { takePictures } from './support/pictures.js';
import { expect, test } from './support/test.js';

test('the sign-in page loads under a policy that runs no script but its own', { tag: '@short' }, async ({ page }) => {
  const response = await page.goto('/sign-in');
  const policy = response?.headers()['content-security-policy'] ?? '';
  expect(policy).toContain("default-src 'none'; script-src 'self'");
  expect(policy).toContain("require-trusted-types-for 'script'");
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expectAccessible(page);
  await takePictures(page, 'sign-in');
});
