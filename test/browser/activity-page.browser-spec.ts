import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Client } from '@rebelcore/embedded/client';
import type { Page } from '@playwright/test';
import { bearerOf, expectStatus } from '../support/system.js';
import { newPerson, newRole } from '../support/people.js';
import { expect, signInAs, test } from './support/test.js';

// “Chronological trail of who did what inside one customer; in the Super Admin part of the sidebar, visible to the Customer
// Super Admin only.”
test('“In the Super Admin part of the sidebar, visible to the Customer Super Admin only.” Whoever adds users does not see it', async ({
  page,
  context,
  system,
  customer,
}) => {
  await signInAs(context, customer.owner, system.portal);
  await page.goto('/users');
  const sidebar = page.getByRole('navigation', { name: 'Main' });
  await expect(sidebar.getByText('Super Admin')).toBeVisible();
  await sidebar.getByRole('link', { name: 'Activity' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Activity' })).toBeVisible();

  const clerk = await newPerson(system, customer, await newRole(customer, 'Adds users', 'can_add_users'));
  await signInAs(context, clerk.client, system.portal);
  await page.goto('/users');
  await expect(sidebar.getByRole('link', { name: 'Users' })).toBeVisible();
  await expect(sidebar.getByText('Super Admin')).toHaveCount(0);
  await expect(sidebar.getByRole('link', { name: 'Activity' })).toHaveCount(0);
  await page.goto('/activity');
  await expect(page.getByText('Your role does not include View Activity.')).toBeVisible();
});

test('“Entry: user_id, customer_id, event_type, short readable description, small JSON metadata. No prompt content, no bodies, no personal data: the fact and the identifiers needed to cross-reference.”', async ({
  signedInPage: page,
  system,
  customer,
}) => {
  const apiUser = await customer.mint({ label: 'asks something' });
  const prompt = `a prompt that only its sender knows ${randomUUID()}`;
  const called = await new Client(system.portal).post(
    '/api/v1/infer',
    { prompt, spec_ids: [] },
    await bearerOf(apiUser),
  );
  expectStatus(called, 200);
  const { correlation_id: correlation } = called.body as { correlation_id: string };
  await customer.activity(`correlation_id=${encodeURIComponent(correlation)}`, 1);
  await page.goto(`/activity?correlation=${encodeURIComponent(correlation)}`);
  await page.getByRole('link', { name: 'API user asks something called POST /api/v1/infer' }).click();
  const drawer = page.getByRole('dialog', { name: 'Call of an API' });
  const json = JSON.parse(await drawer.locator('pre').innerText()) as Record<string, unknown>;
  expect(json).toMatchObject({
    user_id: apiUser.id,
    customer_id: customer.id,
    event_type: 'api.call',
    description: `API user ${apiUser.id} called POST /api/v1/infer`,
    correlation_id: correlation,
  });
  expect(Object.keys(json.metadata as object).length).toBeGreaterThan(0);
  expect(JSON.stringify(json)).not.toContain(prompt);
  expect(JSON.stringify(json)).not.toContain('@');
});

test('“Chronological trail of who did what inside one customer”: the newest first, each with who did it', async ({
  signedInPage: page,
  customer,
}) => {
  const one = await customer.mint({ label: 'trail' });
  await customer.deactivate(one);
  await customer.reactivate(one);
  await customer.activity(`user_id=${one.id}&event_type=api_user.reactivate`, 1);
  await page.goto(`/activity?user=${one.id}&type=api_user.create,api_user.deactivate,api_user.reactivate`);
  await expect(sentences(page)).toHaveText([
    /^API user trail was reactivated by portal user Ada Owner/,
    /^API user trail was deactivated by portal user Ada Owner/,
    /^API user trail was created with role RebelCore_AgentUser by portal user Ada Owner/,
  ]);
});

test('“role.reassign_and_delete (source, target, number of users moved)” and “user.role_change (only when the role really differs)” can be read there', async ({
  signedInPage: page,
  system,
  customer,
}) => {
  const source = await newRole(customer, 'Source of users', 'can_view_specs');
  const target = await newRole(customer, 'Target of users', 'can_view_specs');
  const { id } = await newPerson(system, customer, await customer.roleId('RebelCore_User'));
  for (const role of [source, source])
    expectStatus(await customer.owner.patch(`/api/v1/users/${id}`, { role_id: role }), 200);
  expectStatus(await customer.owner.delete(`/api/v1/roles/${source}?reassign_to=${target}`), 204);
  await customer.activity('event_type=role.reassign_and_delete', 1);
  await page.goto('/activity?type=role.reassign_and_delete');
  await expect(sentences(page)).toHaveText([/Source of users.+; 1 users? now ha(s|ve) role Target of users$/]);
  await page.goto(`/activity?type=user.role_change&user=${id}`);
  await expect(sentences(page)).toHaveText([
    /was changed from RebelCore_User to Source of users by portal user Ada Owner/,
  ]);
});

// “Ours add `api_user.create`, `api_user.deactivate`, `api_user.reactivate`, `api.authorize`, `api.call`, `session.*`,
// `activity.export`.”
test('“Event types in use” have names there, and choosing one leaves only entries of it', async ({
  signedInPage: page,
  customer,
}) => {
  const apiUser = await customer.mint({ label: 'of one type' });
  await customer.activity(`user_id=${apiUser.id}`, 1);
  await page.goto('/activity');
  await page.getByRole('button', { name: /^Event types/ }).click();
  for (const name of [
    'Person added',
    'Person deleted',
    'Person’s role changed',
    'Role added',
    'Role deleted',
    'Role deleted, its users moved',
    'API user created',
    'API user deactivated',
    'API user reactivated',
    'Call of /authorize',
    'Call of an API',
    'Signed in',
    'Log exported',
  ])
    await expect(page.getByRole('checkbox', { name, exact: true })).toBeVisible();
  await page.getByRole('searchbox', { name: 'Find a type' }).fill('created');
  await page.getByRole('checkbox', { name: 'API user created' }).check();
  await page.keyboard.press('Escape');
  await expect(page).toHaveURL(/type=api_user\.create/);
  await expect(page.getByRole('button', { name: 'Event types: API user created' })).toBeFocused();
  await expect(sentences(page).filter({ hasText: 'of one type' })).toHaveCount(1);
  await expect(sentences(page).filter({ hasNotText: 'was created with role' })).toHaveCount(0);
});

test('“activity.export”: the file holds exactly what the filters show, and that it was made is on the log', async ({
  signedInPage: page,
  customer,
}) => {
  const apiUser = await customer.mint({ label: 'to be exported' });
  await customer.mint({ label: 'not to be exported' });
  await customer.activity(`user_id=${apiUser.id}`, 1);
  await page.goto(`/activity?type=api_user.create&user=${apiUser.id}`);
  await expect(sentences(page)).toHaveCount(1);
  await page.getByRole('button', { name: 'Export', exact: true }).click();
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('menuitem', { name: 'NDJSON' }).click(),
  ]);
  const lines = (await readFile(await file.path(), 'utf8')).trim().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    expect.objectContaining({ event_type: 'api_user.create', user_id: apiUser.id }),
  ]);
  await customer.activity('event_type=activity.export', 1);
  await page.goto('/activity?type=activity.export');
  await expect(sentences(page)).toHaveText(['Portal user Ada Owner exported the activity log']);
});

/** What the rows say, from top to bottom. */
const sentences = (page: Page) => page.getByRole('table', { name: 'The log' }).locator('tbody td:nth-child(2) a');
