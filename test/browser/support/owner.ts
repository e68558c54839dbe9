import { randomBytes, randomUUID } from 'node:crypto';
import { Client } from '@rebelcore/embedded/client';
import type { Endpoints } from '@rebelcore/embedded/endpoints';
import type { Page } from '@playwright/test';
import { expectStatus } from '../../support/system.js';

export interface Owner {
  readonly email: string;
  readonly password: string;
}

/** The owner of a new customer: a password, and no second factor yet. */
export async function newOwner({ portal, operator_token }: Endpoints): Promise<Owner> {
  const email = `owner-${randomUUID()}@example.test`;
  const password = `Aa1${randomBytes(12).toString('hex')}`;
  const created = await new Client(portal).post(
    '/api/v1/customers',
    { name: 'Browser customer', owner: { email, first_name: 'Grace', last_name: 'Owner', password } },
    { authorization: `Bearer ${operator_token}` },
  );
  expectStatus(created, 201);
  return { email, password };
}

/** E-mail and password on the page that is shown, which may have fixed the e-mail. */
export async function typePassword(page: Page, { email, password }: Owner): Promise<void> {
  const address = page.getByLabel('E-mail');
  if (await address.isEditable()) await address.fill(email);
  await page.getByLabel('Password').fill(password);
  await page.keyboard.press('Enter');
}

/** A recovery code where six digits are asked for; unlike those it need not be waited for. */
export async function typeRecoveryCode(page: Page, code: string): Promise<void> {
  await page.getByRole('button', { name: 'Use a recovery code' }).click();
  await page.getByLabel('Recovery code').fill(code);
  await page.keyboard.press('Enter');
}
