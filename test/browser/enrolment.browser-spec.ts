import { Authenticator } from '@rebelcore/embedded/authenticator';
import { expectAccessible } from './support/accessibility.js';
import { newOwner, typePassword, typeRecoveryCode } from './support/owner.js';
import { takePictures } from './support/pictures.js';
import { expect, test } from './support/test.js';

test('“Mandatory in the portal: authenticator app (TOTP), enrolled at the first sign-in.”', async ({
  page,
  system,
  complaints,
}) => {
  test.setTimeout(120_000);
  expect(complaints.unexpected).toEqual([]);
  const owner = await newOwner(system);

  await test.step('the first sign-in leads to the enrolment and to nothing else', async () => {
    await page.goto('/roles?role=some');
    await typePassword(page, owner);
    await expect(page.getByRole('heading', { name: 'Set up your second factor' })).toBeVisible();
    await page.goto('/users');
    await expect(page.getByRole('heading', { name: 'Set up your second factor' })).toBeVisible();
    await expect(page.getByRole('img', { name: 'QR code' })).toBeVisible();
    await expectAccessible(page);
    await takePictures(page, 'enrolment');
  });

  await test.step('a wrong code is refused at its field', async () => {
    await page.getByLabel('Code', { exact: true }).fill('000 000');
    await expect(page.getByText(/Code .*app shows now/)).toBeVisible();
    await expect(page.getByLabel('Code', { exact: true })).toBeFocused();
  });

  const key = (await page.locator('code').first().innerText()).replace(/\s/g, '');
  await page.getByLabel('Code', { exact: true }).fill(await new Authenticator(key).nextCode());
  await expect(page.getByRole('heading', { name: 'Keep your recovery codes' })).toBeVisible();
  await page.getByRole('button', { name: /^Show/ }).click();
  const codes = await page.locator('code').allInnerTexts();
  expect(codes).toHaveLength(10);
  await expectAccessible(page);

  await test.step('whoever goes on has typed one of them back', async () => {
    await page.getByRole('button', { name: 'Done' }).click();
    await expect(page.getByText('That is none of the ten.')).toBeVisible();
    await page.getByLabel(/Type one of them/).fill(codes[3]?.toUpperCase() ?? '');
    await page.getByRole('button', { name: 'Done' }).click();
    await expect(page.getByRole('heading', { name: 'Users', exact: true })).toBeVisible();
  });

  await test.step('a recovery code opens once', async () => {
    await page.getByRole('button', { name: /sessions, keys/ }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await typePassword(page, owner);
    await typeRecoveryCode(page, codes[0] ?? '');
    await expect(page.getByRole('button', { name: /sessions, keys/ })).toBeVisible();
    await page.goto('/sign-in');
    await typePassword(page, owner);
    await typeRecoveryCode(page, codes[0] ?? '');
    await expect(page.getByRole('alert')).toContainText('That did not match.');
  });
});

test('ten new recovery codes for a code of the app', async ({ signedInPage: page, customer, context }) => {
  test.setTimeout(120_000);
  await page.goto('/sessions');
  await page.getByRole('link', { name: 'New recovery codes' }).click();
  await expect(page.getByRole('heading', { name: 'New recovery codes' })).toBeFocused();
  await page.getByLabel('Code', { exact: true }).fill('000 000');
  await expect(page.getByText(/Code .*app shows now/)).toBeVisible();
  await expect(page.getByLabel('Code', { exact: true })).toBeFocused();
  await expectAccessible(page);

  await page.getByLabel('Code', { exact: true }).fill(await customer.authenticator.nextCode());
  await expect(page.getByRole('heading', { name: 'Keep your recovery codes' })).toBeFocused();
  await page.getByRole('button', { name: /^Show/ }).click();
  const codes = await page.locator('code').allInnerTexts();
  expect(codes).toHaveLength(10);
  await expectAccessible(page);
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Users' }).click();
  await page
    .getByRole('alertdialog', { name: 'Leave without storing them?' })
    .getByRole('button', { name: 'Stay' })
    .click();
  await page.getByLabel(/Type one of them/).fill(codes[9] ?? '');
  await page.getByRole('button', { name: 'Done' }).click();
  await expect(page.getByText('this one')).toBeVisible();

  await test.step('one of them opens, and the log says that they were made', async () => {
    await customer.activity('event_type=second_factor.renew_codes', 1);
    await context.clearCookies();
    await page.goto('/sign-in?next=/activity%3Ftype%3Dsecond_factor.renew_codes');
    await typePassword(page, customer);
    await typeRecoveryCode(page, codes[0] ?? '');
    await expect(page.getByText(/Ada Owner made new recovery codes/)).toBeVisible();
  });
});

test('one refusal tells nothing of what was wrong', async ({ page, system }) => {
  const owner = await newOwner(system);
  const told: string[] = [];
  for (const wrong of [
    { ...owner, password: 'not-the-password-1' },
    { email: 'nobody@example.test', password: owner.password },
  ]) {
    await page.goto('/sign-in');
    await typePassword(page, wrong);
    told.push(await page.getByRole('alert').innerText());
    await expect(page.getByLabel('E-mail')).toHaveValue(wrong.email);
  }
  expect(new Set(told).size).toBe(1);
});

for (const next of ['//evil.example/', '/\\evil.example', 'https://evil.example/', '/\t/evil.example']) {
  test(`signing in leads to no other origin: ${JSON.stringify(next)}`, async ({ page, system }) => {
    const owner = await newOwner(system);
    await page.goto(`/sign-in?next=${encodeURIComponent(next)}`);
    await typePassword(page, owner);
    await expect(page.getByRole('heading', { name: 'Set up your second factor' })).toBeVisible();
    expect(new URL(page.url()).origin).toBe(system.portal);
  });
}
