import { expect, type Locator, type Page } from '@playwright/test';
import type { ApiUser } from '../../support/system.js';

/**
 * Mints on the page Users, where somebody is signed in who may.
 *
 * @returns the credentials, taken from the answer on its way to the page: asking the page for them would leave copies in
 *   it; and the dialog that shows them
 */
export async function mintOnPage(page: Page, label: string): Promise<{ minted: ApiUser; dialog: Locator }> {
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('menuitem', { name: 'API User' }).click();
  const form = page.getByRole('dialog', { name: 'New API user' });
  await form.getByLabel('Role').selectOption('RebelCore_AgentUser');
  await form.getByLabel('Label').fill(label);
  const answered = page.waitForResponse(
    (response) => response.request().method() === 'POST' && response.url().endsWith('/api/v1/api-users'),
  );
  await form.getByRole('button', { name: 'Create' }).click();
  const minted = (await (await answered).json()) as ApiUser;
  const dialog = page.getByRole('dialog', { name: `Credentials for ${label}` });
  await expect(dialog).toBeVisible();
  return { minted, dialog };
}

/** What asks whoever is about to lose a password. */
export const closeWithoutStoring = (page: Page): Locator =>
  page.getByRole('alertdialog', { name: 'Close without storing?' });
