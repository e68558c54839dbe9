import { expectAccessible } from './support/accessibility.js';
import { closeWithoutStoring, mintOnPage } from './support/minting.js';
import { expect, test } from './support/test.js';

const LABEL = 'billing · production';
const COPY_REFUSED = /The browser did not let us copy\. It is selected now/;
const selected = () => getSelection()?.toString();

test(
  'Esc, a press beside it and an early Done do not close the dialog that shows a password once',
  { tag: '@short' },
  async ({ signedInPage: page }) => {
    await page.goto('/users');
    const { dialog } = await mintOnPage(page, LABEL);
    const asked = closeWithoutStoring(page);
    for (const closing of [() => page.keyboard.press('Escape'), () => page.mouse.click(3, 3)]) {
      await closing();
      await expect(asked).toContainText('Its password will be gone; you would have to make another.');
      await expectAccessible(page);
      await asked.getByRole('button', { name: 'Go back' }).click();
      await expect(asked).toBeHidden();
      await expect(dialog).toBeVisible();
    }
    // Esc on the question is no answer to it that loses anything.
    await page.keyboard.press('Escape');
    await expect(asked).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(asked).toBeHidden();
    await expect(dialog).toBeVisible();

    const done = dialog.getByRole('button', { name: 'Done' });
    await expect(done).toHaveAttribute('aria-disabled', 'true');
    // Like a person, who presses what only says that it is disabled.
    await done.click({ force: true });
    await expect(dialog).toBeVisible();
    await dialog.getByLabel('I have stored it').check();
    await done.click();
    await expect(dialog).toBeHidden();
    await expect(page.getByRole('button', { name: 'Add', exact: true })).toBeFocused();
  },
);

test('Back and a link ask first as long as the password is not stored', async ({ signedInPage: page }) => {
  await page.goto('/roles');
  await page.getByRole('link', { name: 'Users', exact: true }).click();
  const { dialog } = await mintOnPage(page, LABEL);
  const asked = closeWithoutStoring(page);
  const leavings = [
    () => {
      history.back();
    },
    () => {
      document.querySelector<HTMLElement>('a[href="/roles"]')?.click();
    },
  ];
  for (const leaving of leavings) {
    await page.evaluate(leaving);
    await expect(asked).toBeVisible();
    await asked.getByRole('button', { name: 'Go back' }).click();
    await expect(asked).toBeHidden();
    await expect(dialog).toBeVisible();
    expect(new URL(page.url()).pathname).toBe('/users');
  }
  for (const leaving of leavings) {
    await page.evaluate(leaving);
    await expect(asked).toBeVisible();
    await asked.getByRole('button', { name: 'Close anyway' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'Roles' })).toBeVisible();
    await expect(dialog).toBeHidden();
    await page.getByRole('link', { name: 'Users', exact: true }).click();
    if (leaving !== leavings.at(-1)) await mintOnPage(page, LABEL);
  }
});

test('reloading asks first until the password is stored, and not afterwards', async ({ signedInPage: page }) => {
  await page.goto('/users');
  const { dialog } = await mintOnPage(page, LABEL);
  const asked = page.waitForEvent('dialog');
  await page.evaluate(() => {
    setTimeout(() => {
      location.reload();
    });
  });
  const question = await asked;
  expect(question.type()).toBe('beforeunload');
  await question.dismiss();
  await expect(dialog).toBeVisible();

  await dialog.getByLabel('I have stored it').check();
  // Whoever is asked now stays for ever.
  await page.reload();
  await expect(dialog).toBeHidden();
});

for (const [how, withoutClipboard] of [
  [
    'refuses to copy',
    () => {
      navigator.clipboard.writeText = () =>
        Promise.reject(new DOMException('Write permission denied.', 'NotAllowedError'));
    },
  ],
  [
    'has no clipboard',
    () => {
      Object.defineProperty(Navigator.prototype, 'clipboard', { value: undefined });
    },
  ],
] as const) {
  test(`where the browser ${how}, the text is shown and selected instead`, async ({ signedInPage: page }) => {
    await page.addInitScript(withoutClipboard);
    await page.goto('/users');
    const { minted, dialog } = await mintOnPage(page, LABEL);
    await expect(dialog.getByText(COPY_REFUSED)).toBeHidden();
    await dialog.getByRole('button', { name: 'Copy the password' }).click();
    await expect(dialog.getByText(COPY_REFUSED)).toBeVisible();
    expect(await page.evaluate(selected)).toBe(minted.password);

    await dialog.getByRole('button', { name: 'Copy the curl text' }).click();
    await expect.poll(() => page.evaluate(selected)).toContain(`"password": "${minted.password}"`);
    await dialog.getByRole('button', { name: 'Copy the username' }).click();
    await expect.poll(() => page.evaluate(selected)).toBe(minted.username);

    await dialog.getByLabel('I have stored it').check();
    await dialog.getByRole('button', { name: 'Done' }).click();
    // Nothing was copied, so there is nothing to clear.
    await expect(page.getByRole('region', { name: 'Clear clipboard' })).toBeHidden();
  });
}

test('after Done the clipboard can be cleared', async ({ signedInPage: page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto('/users');
  const { minted, dialog } = await mintOnPage(page, LABEL);
  await dialog.getByRole('button', { name: 'Copy the password' }).click();
  await expect(dialog.getByText('Copied')).toBeVisible();
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  expect(await clipboard()).toBe(minted.password);
  await dialog.getByLabel('I have stored it').check();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('region', { name: 'Clear clipboard' }).getByRole('button', { name: 'Clear clipboard' }).click();
  await expect(page.getByRole('region', { name: 'Clear clipboard' })).toBeHidden();
  expect(await clipboard()).toBe('');
});
