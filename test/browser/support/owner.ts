import { randomBytes, randomUUID } from 'node:crypto';
import { Authenticator } from '@rebelcore/embedded/authenticator';
import { Client } from '@rebelcore/embedded/client';
import type { Endpoints } from '@rebelcore/embedded/endpoints';
import type { Page } from '@playwright/test';
import { expectStatus } from '../../support/system.js';

export interface Owner {
  readonly email: string;
  readonly password: string;
}

export interface EnrolledOwner extends Owner {
  readonly codes: readonly string[];
  /** Signed in. */
  readonly client: Client;
  /** The id of a role of their customer's own. */
  readonly role: string;
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

/** An owner with ten recovery codes and a role of their own. */
export async function enrolledOwner(system: Endpoints): Promise<EnrolledOwner> {
  const owner = await newOwner(system);
  const client = new Client(system.portal);
  expectStatus(await client.post('/api/v1/sessions', owner), 201);
  const { secret } = (await client.post('/api/v1/me/second-factor')).body as { secret: string };
  const totp = await new Authenticator(secret).nextCode();
  const confirmed = await client.post('/api/v1/me/second-factor/confirm', { totp });
  expectStatus(confirmed, 200);
  const made = await client.post('/api/v1/roles', { name: 'Billing', permissions: { can_use_agent: true } });
  expectStatus(made, 201);
  const { recovery_codes: codes } = confirmed.body as { recovery_codes: string[] };
  return { ...owner, codes, client, role: (made.body as { id: string }).id };
}

/** E-mail and password on the page that is shown, which may have fixed the e-mail. */
export async function typePassword(page: Page, { email, password }: Owner): Promise<void> {
  const address = page.getByLabel('E-mail');
  if (await address.isEditable()) await address.fill(email);
  await page.getByRole('textbox', { name: 'Password' }).fill(password);
  await page.keyboard.press('Enter');
}

/** A recovery code where six digits are asked for; unlike those it need not be waited for. */
export async function typeRecoveryCode(page: Page, code: string): Promise<void> {
  await page.getByRole('button', { name: 'Use a recovery code' }).click();
  await page.getByLabel('Recovery code').fill(code);
  await page.keyboard.press('Enter');
}
