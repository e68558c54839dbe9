import { randomUUID } from 'node:crypto';
import type { Page } from '@playwright/test';
import { authorize, expectStatus, TestCustomer } from '../support/system.js';
import { typePassword } from './support/owner.js';
import { linkMailedTo, newPerson, newRole } from '../support/people.js';
import { expect, signInAs, test } from './support/test.js';

test('“Lists the portal users and API users of one’s own customer only; the Customer Super Admin carries an OWNER badge and cannot be edited or deleted there.”', async ({
  signedInPage: page,
  customer,
}) => {
  const stranger = await TestCustomer.provision();
  await stranger.mint({ label: 'of somebody else' });
  await customer.mint({ label: 'of our own' });
  await page.goto('/users');
  await expect(page.getByRole('link', { name: 'of our own' })).toBeVisible();
  await expect(page.getByText('of somebody else')).toHaveCount(0);
  await expect(page.getByText(stranger.email)).toHaveCount(0);
  const owner = page.getByRole('row').filter({ hasText: customer.email });
  await expect(owner.getByText('OWNER', { exact: true })).toBeVisible();
  await expect(owner.getByText('The owner cannot be edited here.')).toBeAttached();
  await expect(owner.getByRole('button')).toHaveCount(0);
  await owner.getByRole('link').click();
  const drawer = page.getByRole('dialog', { name: 'Ada Owner' });
  await expect(drawer.getByText('The owner cannot be edited here.')).toBeVisible();
  await expect(drawer.getByRole('button', { name: /Edit|Delete|Deactivate/ })).toHaveCount(0);
});

test('“Visible to holders of the Add Users permission and to the Super Admin.” Others are told which permission is missing', async ({
  page,
  context,
  system,
  customer,
}) => {
  const reader = await newPerson(system, customer, await customer.roleId('RebelCore_User'));
  await signInAs(context, reader.client, system.portal);
  await page.goto('/users');
  await expect(page.getByText('Your role does not include Add Users.')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Users', exact: true })).toHaveCount(0);
  const clerk = await newPerson(system, customer, await newRole(customer, 'Front desk', 'can_add_users'));
  await signInAs(context, clerk.client, system.portal);
  await page.goto('/users');
  await expect(page.getByRole('row').filter({ hasText: customer.email })).toBeVisible();
});

test('“Only the Customer Super Admin can mint one. Whoever is not sees no such option (and the server refuses).”', async ({
  page,
  context,
  system,
  customer,
}) => {
  await customer.mint({ label: 'not theirs to touch' });
  const clerk = await newPerson(system, customer, await newRole(customer, 'Reception', 'can_add_users'));
  await signInAs(context, clerk.client, system.portal);
  await page.goto('/users');
  await expect(page.getByRole('link', { name: 'not theirs to touch' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'More about not theirs to touch' })).toHaveCount(0);
  await page.getByRole('button', { name: 'Add' }).click();
  await expect(page.getByRole('dialog', { name: 'New user' })).toBeVisible();
  await expect(page.getByRole('menuitem')).toHaveCount(0);
  const refused = await clerk.client.post(
    '/api/v1/api-users',
    { role_id: await customer.roleId() },
    { 'idempotency-key': randomUUID() },
  );
  expectStatus(refused, 403);
});

// “Portal: Users page → green + button, bottom right → popover → *API User* → one-time dialog with **username** (synthetic
// address `<uuid>@api.rebelcore.local`, not a mailbox) and **password** (48 random characters).” “The dialog says where they
// belong (a secret manager, the smallest set of services) and where not (source control, browser or mobile code, mail, chat).”
// “Recommended granularity, to be helped by the UI: one per environment, per application or service, per tenant.”
test('“Users page → green + button, bottom right → popover → API User → one-time dialog with username (<uuid>@api.rebelcore.local) and password (48 random characters)”; “The dialog says where they belong and where not”', async ({
  signedInPage: page,
}) => {
  await page.goto('/users');
  const add = page.getByRole('button', { name: 'Add' });
  const { x, y, width, height } = (await add.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
  expect([1280 - x - width, 800 - y - height].every((gap) => gap >= 0 && gap < 48)).toBe(true);
  await add.click();
  await expect(page.getByRole('menuitem')).toHaveText([/^User/, /^API User/]);
  await page.getByRole('menuitem', { name: 'API User' }).click();

  const form = page.getByRole('dialog', { name: 'New API user' });
  await test.step('“Recommended granularity, to be helped by the UI”', async () => {
    await expect(form.getByText('One per application, environment and tenant')).toBeVisible();
  });
  await form.getByRole('button', { name: 'Create' }).click();
  await expect(form.getByText('Choose a role.')).toBeVisible();
  await form.getByLabel('Role').selectOption('RebelCore_AgentUser');
  await form.getByLabel('Label').fill('published');
  await form.getByRole('button', { name: 'Create' }).click();

  const dialog = page.getByRole('dialog', { name: 'Credentials for published' });
  await dialog.getByRole('button', { name: 'Show' }).click();
  const [username = '', password = ''] = await dialog.locator('dd code').allInnerTexts();
  expect(username).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}@api\.rebelcore\.local$/);
  expect(password).toMatch(/^\S{48}$/);
  await expect(
    dialog.getByText('It belongs in a secret manager, and with the smallest set of services.'),
  ).toBeVisible();
  await expect(dialog.getByText('Not in source control, browser or mobile code, mail or chat.')).toBeVisible();
  await dialog.getByLabel('I have stored it').check();
  await dialog.getByRole('button', { name: 'Done' }).click();
  expectStatus(await authorize({ username, password }), 200);

  await test.step('“No reset.”', async () => {
    await page.getByRole('button', { name: 'More about published' }).click();
    await expect(page.getByRole('menuitem')).toHaveText(['Change role…', 'Rotate…', 'Deactivate…']);
  });
});

test('“Statuses as for portal users (active, inactive)”: each is found by its status, and an inactive one is active again', async ({
  signedInPage: page,
  customer,
}) => {
  const off = await customer.mint({ label: 'switched off' });
  await customer.mint({ label: 'left on' });
  await customer.deactivate(off);
  await page.goto('/users?type=api&status=inactive');
  await expect(page.getByRole('row', { name: /switched off.*Inactive/ })).toBeVisible();
  await expect(page.getByText('left on')).toHaveCount(0);
  await page.getByRole('button', { name: 'More about switched off' }).click();
  await page.getByRole('menuitem', { name: 'Reactivate…' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Reactivate' }).click();
  await expect(page.getByRole('alertdialog', { name: 'switched off is active again' })).toBeVisible();
  expectStatus(await authorize(off), 200);
});

test('“A portal user is created with first name, last name, e-mail, role, status. No temporary password: an invite link by e-mail, valid 24 h, single use, leads to Set your password (at least 12 characters, letters and digits).”', async ({
  signedInPage: page,
  browser,
  system,
}) => {
  const email = `joan-${randomUUID()}@example.test`;
  await page.goto('/users');
  await page.getByRole('button', { name: 'Add' }).click();
  await page.getByRole('menuitem', { name: /^User/ }).click();
  const form = page.getByRole('dialog', { name: 'New user' });
  await expect(form.getByText('It is valid for 24 hours')).toBeVisible();
  await form.getByLabel('First name').fill('Joan');
  await form.getByLabel('Last name').fill('Clarke');
  await form.getByLabel('E-mail').fill(email);
  await form.getByLabel('Role').selectOption('RebelCore_User');
  await form.getByLabel('Status after the password is set').selectOption('Active');
  await form.getByRole('button', { name: 'Send invite' }).click();
  await expect(form).toBeHidden();
  const row = page.getByRole('row').filter({ hasText: email });

  const away = await browser.newContext({ baseURL: system.portal });
  const theirs = await away.newPage();
  await test.step('“Until then the account is inactive and sign-in is refused”', async () => {
    await expect(row).toContainText('Inactive');
    await expect(row).toContainText('Invited');
    await theirs.goto('/sign-in');
    await typePassword(theirs, { email, password: 'Anything-at-all-1' });
    await expect(theirs.getByRole('alert')).toContainText('That did not match.');
  });

  const first = await linkMailedTo(system, email);
  await test.step('“Resend invite makes a fresh link.” “A used link says ‘This invite link is no longer valid’.”', async () => {
    await row.getByRole('button', { name: 'More about Joan Clarke' }).click();
    await page.getByRole('menuitem', { name: 'Resend invite' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Resend invite' }).click();
    const second = await linkMailedTo(system, email, 2);
    expect(second).not.toBe(first);
    await setPassword(theirs, first);
    await expect(theirs.getByRole('heading', { name: 'This invite link is no longer valid.' })).toBeVisible();
    await setPassword(theirs, second, 'letters only');
    await expect(theirs.getByLabel('Password')).toHaveAttribute('aria-invalid', 'true');
    await theirs.getByLabel('Password').fill(PASSWORD);
    await theirs.getByRole('button', { name: 'Set the password' }).click();
    await expect(theirs.getByRole('heading', { name: 'Your password is set' })).toBeVisible();
    await setPassword(theirs, second);
    await expect(theirs.getByRole('heading', { name: 'This invite link is no longer valid.' })).toBeVisible();
  });

  await test.step('“setting the password makes it active”', async () => {
    await page.reload();
    await expect(row).not.toContainText('Inactive');
    await expect(row).not.toContainText('Invited');
    await theirs.goto('/sign-in');
    await typePassword(theirs, { email, password: PASSWORD });
    await expect(theirs.getByRole('heading', { name: 'Set up your second factor' })).toBeVisible();
  });
  await away.close();
});

const PASSWORD = 'letters and 5 digits';

async function setPassword(page: Page, link: string, password = PASSWORD): Promise<void> {
  // The fragment alone would not load the page anew.
  await page.goto('about:blank');
  await page.goto(link);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Set the password' }).click();
}

test('what opened the details has focus again, also when its row went far out of sight meanwhile', async ({
  signedInPage: page,
  customer,
}) => {
  for (let each = 0; each < 24; each += 1) await customer.mint({ label: `far down · ${String(each)}` });
  await page.goto('/users?type=api&q=far+down');
  await expect(page.getByText(/^All 24 shown/)).toBeVisible();
  await page.getByText(/^All 24 shown/).scrollIntoViewIfNeeded();
  const opener = page.getByRole('link', { name: 'far down · 0', exact: true });
  await opener.click();
  const drawer = page.getByRole('dialog', { name: 'far down · 0' });
  await expect(drawer.getByText('No call in 30 days.')).toBeVisible();
  // As when a phone is turned: rows become twice as high, and fewer of them are seen.
  await page.setViewportSize({ width: 320, height: 256 });
  const row = page.getByRole('link', { name: 'far down · 0', exact: true, includeHidden: true });
  await expect(row).not.toBeInViewport();
  await page.keyboard.press('Escape');
  await expect(drawer).toBeHidden();
  await expect(opener).toBeFocused();
});
