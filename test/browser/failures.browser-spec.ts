import { randomUUID } from 'node:crypto';
import type { Page, Route } from '@playwright/test';
import { expect, test } from './support/test.js';

/** What can become of a request on its way, and what the page says of it. */
const FAILURES: Record<string, { readonly befall: (route: Route) => Promise<void>; readonly says: RegExp }> = {
  'a 503': {
    befall: (route) =>
      route.fulfill({
        status: 503,
        contentType: 'application/problem+json',
        body: JSON.stringify({ status: 503, code: 'service.unavailable', detail: 'The service is not available.' }),
      }),
    says: /503|The service is not available\./,
  },
  'a lost connection': {
    befall: (route) => route.abort('connectionreset'),
    says: /The server could not be reached\./,
  },
  'no answer in time': {
    befall: () => Promise.resolve(),
    says: /The server did not answer in time\./,
  },
  'an answer that breaks off': {
    befall: (route) => route.fulfill({ status: 200, contentType: 'application/json', body: '{"items":[{"id":"0192' }),
    says: /The answer could not be read\./,
  },
};

/** Lets each request of a method to a path fail, until the returned function is called. */
async function breakOff(
  page: Page,
  method: string,
  path: RegExp,
  befall: (route: Route) => Promise<void>,
): Promise<() => Promise<void>> {
  const matches = ({ pathname }: URL) => path.test(pathname);
  const handle = (route: Route) => (route.request().method() === method ? befall(route) : route.fallback());
  await page.route(matches, handle);
  return () => page.unroute(matches, handle);
}

/** The page gives up after one second where it would after forty. */
const shortenDeadlines = (page: Page): Promise<unknown> =>
  page.addInitScript(() => {
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    AbortSignal.timeout = (ms) => timeout(ms / 40);
  });

for (const [failure, { befall, says }] of Object.entries(FAILURES)) {
  test(`lists: after ${failure} the rows stay, the page says so, and one press loads them`, async ({
    signedInPage: page,
    customer,
  }) => {
    await shortenDeadlines(page);
    await page.clock.install();
    await customer.mint({ label: `kept through ${failure}` });
    const lists = [
      { link: 'Users', path: /^\/api\/v1\/users$/, row: page.getByRole('link', { name: `kept through ${failure}` }) },
      { link: 'Activity', path: /^\/api\/v1\/activity$/, row: page.getByRole('link', { name: /was created/ }).first() },
      { link: 'Roles', path: /^\/api\/v1\/roles$/, row: page.getByRole('link', { name: /RebelCore_AgentUser/ }) },
    ] as const;
    await customer.activity('event_type=api_user.create', 1);
    await page.goto('/sessions');
    for (const { link, path, row } of lists) {
      await test.step(link, async () => {
        await page.getByRole('link', { name: link, exact: true }).click();
        await expect(row).toBeVisible();
        await page.goBack();
        const mend = await breakOff(page, 'GET', path, befall);
        // What is older than this is loaded again.
        await page.clock.fastForward(60_000);
        const asked = page.waitForRequest((request) => path.test(new URL(request.url()).pathname));
        await page.getByRole('link', { name: link, exact: true }).click();
        await asked;
        // Past the deadline of an answer that does not come.
        if (failure === 'no answer in time') await page.clock.fastForward(60_000);
        const told = page.getByRole('alert');
        await expect(told).toContainText(says);
        await expect(row).toBeVisible();
        await mend();
        await told.getByRole('button', { name: 'Try again' }).click();
        await expect(told).toHaveCount(0);
        await expect(row).toBeVisible();
      });
    }
  });
}

for (const [failure, { befall, says }] of Object.entries(FAILURES)) {
  test(`forms: after ${failure} what was typed is still there, and sending it again goes through`, async ({
    signedInPage: page,
  }) => {
    await shortenDeadlines(page);
    await page.goto('/users');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('menuitem', { name: /^User/ }).click();
    const form = page.getByRole('dialog', { name: 'New user' });
    const typed = { 'First name': 'Joan', 'Last name': 'Clarke', 'E-mail': `joan-${randomUUID()}@example.test` };
    for (const [field, value] of Object.entries(typed)) await form.getByLabel(field).fill(value);
    await form.getByLabel('Role').selectOption('RebelCore_User');
    const mend = await breakOff(page, 'POST', /^\/api\/v1\/users$/, befall);
    await form.getByRole('button', { name: 'Send invite' }).click();
    await expect(form.getByRole('alert')).toContainText(says);
    for (const [field, value] of Object.entries(typed)) await expect(form.getByLabel(field)).toHaveValue(value);
    await expect(form.getByLabel('Role')).toHaveValue(/.+/);
    await mend();
    await form.getByRole('button', { name: 'Send invite' }).click();
    await expect(form).toBeHidden();
    await expect(page.getByText(typed['E-mail'], { exact: true })).toBeVisible();
  });

  test(`after ${failure} a mint is asked for again with what was typed, and a deactivation is done at the second press`, async ({
    signedInPage: page,
  }) => {
    await shortenDeadlines(page);
    const label = `minted after ${failure}`;
    await page.goto('/users');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('menuitem', { name: /^API User/ }).click();
    await page.getByLabel('Role', { exact: true }).selectOption('RebelCore_AgentUser');
    await page.getByLabel('Label', { exact: true }).fill(label);
    const mendMint = await breakOff(page, 'POST', /^\/api\/v1\/api-users$/, befall);
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    const lost = page.getByRole('alertdialog', { name: 'The answer got lost' });
    await expect(lost).toContainText(says);
    await mendMint();
    await lost.getByRole('button', { name: 'Ask again' }).click();
    await expect(page.getByRole('dialog', { name: `Credentials for ${label}` })).toBeVisible();
    await page.getByLabel('I have stored it').check();
    await page.getByRole('button', { name: 'Done' }).click();

    await page.getByRole('button', { name: `More about ${label}` }).click();
    await page.getByRole('menuitem', { name: 'Deactivate…' }).click();
    const dialog = page.getByRole('alertdialog');
    const mend = await breakOff(page, 'POST', /\/deactivate$/, befall);
    await dialog.getByRole('button', { name: 'Deactivate', exact: true }).click();
    await expect(dialog.getByRole('alert')).toContainText(says);
    await expect(dialog.getByText(/In force since/)).toHaveCount(0);
    await mend();
    await dialog.getByRole('button', { name: 'Deactivate', exact: true }).click();
    await expect(dialog.getByText(/In force since/)).toBeVisible();
  });
}

test('offline is said once, sends nothing that was typed, and is over without a reload', async ({
  signedInPage: page,
  context,
  customer,
}) => {
  const role = await customer.owner.post('/api/v1/roles', { name: 'Typed offline', permissions: {} });
  await page.goto(`/roles?role=${(role.body as { id: string }).id}`);
  await page.getByLabel('Name').fill('Typed in a tunnel');
  const save = page.getByRole('button', { name: 'Save' });
  const told = page.getByText('You are offline. What you see stays; changes wait until you are back.');
  const sent: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'PATCH') sent.push(request.url());
  });
  await context.setOffline(true);
  await expect(told).toHaveCount(1);
  await expect(save).toHaveAttribute('aria-disabled', 'true');
  await save.click({ force: true });
  await page.getByLabel('Name').press('Enter');
  await expect(page.getByLabel('Name')).toHaveValue('Typed in a tunnel');
  expect(sent).toEqual([]);
  await context.setOffline(false);
  await expect(told).toHaveCount(0);
  // What was not sent is not sent by itself.
  expect(sent).toEqual([]);
  await save.click();
  await expect(page.getByText(/^Saved\./).first()).toBeVisible();
  expect(sent).toHaveLength(1);
});
