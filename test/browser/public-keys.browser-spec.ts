import { generateKeyPairSync } from 'node:crypto';
import { expectAccessible } from './support/accessibility.js';
import { takePictures } from './support/pictures.js';
import { expect, test } from './support/test.js';

test('an API user gets a public key, is told what is no such key, and loses it again', async ({
  signedInPage: page,
  customer,
}) => {
  const label = 'ledger · production';
  await customer.mint({ label });
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  await page.goto('/users');
  await page.getByRole('link', { name: label }).click();
  const section = page.getByRole('region', { name: 'Public keys' });
  await section.getByRole('button', { name: 'Register a key…' }).click();
  const field = section.getByLabel('Public key');
  await expect(field).toBeFocused();

  await test.step('a private key is refused at its field, and what was typed stays', async () => {
    await field.fill(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    await section.getByRole('button', { name: 'Register', exact: true }).click();
    await expect(section.getByText(/make another pair, since the private key of this one was sent/)).toBeInViewport({
      ratio: 1,
    });
    await expect(field).toBeFocused();
    await expect(field).toHaveValue(/PRIVATE KEY/);
    await expectAccessible(page);
    await takePictures(page, 'public-key-refused');
  });

  await test.step('a public key is taken', async () => {
    await field.fill(publicKey.export({ type: 'spki', format: 'pem' }).toString());
    await section.getByRole('button', { name: 'Register', exact: true }).click();
    await expect(section.getByRole('listitem')).toHaveCount(1);
    await expect(section.getByText(/Ed25519/)).toBeVisible();
    await expect(section.getByText(/●.*In force since \d\d:\d\d:\d\d\.\d{3}/)).toBeVisible();
    await expectAccessible(page);
    await takePictures(page, 'public-key');
  });

  await test.step('it is removed after a second press', async () => {
    await section.getByRole('button', { name: /^Remove/ }).click();
    await section.getByRole('button', { name: 'Keep it' }).click();
    await expect(section.getByRole('listitem')).toHaveCount(1);
    await section.getByRole('button', { name: /^Remove/ }).click();
    await section.getByRole('button', { name: /^Remove/ }).click();
    await expect(section.getByRole('listitem')).toHaveCount(0);
  });
});
