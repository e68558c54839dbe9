import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Locator, Page } from '@playwright/test';
import { expectStatus } from '../support/system.js';
import { expect, test } from './support/test.js';

const LABELS = {
  'from right to left': 'חיוב · ייצור',
  'that would turn its surroundings around': 'billing \u05d0 (prod)',
  'of markup': '<img src=x onerror=alert(1)><b>bold</b>',
  'as long as one may be, without a blank': 'w'.repeat(100),
  'of a formula': '=HYPERLINK("http://evil.example","press")',
};

for (const [kind, label] of Object.entries(LABELS)) {
  test(`a label ${kind} stands as it is, apart from the text around it, and breaks no page 320 px wide`, async ({
    signedInPage: page,
    customer,
  }) => {
    const { id } = await customer.mint({ label });
    await customer.activity(`user_id=${id}&event_type=api_user.create`, 1);
    await page.setViewportSize({ width: 320, height: 640 });
    for (const address of [`/users?type=api`, `/users?user=${id}`, `/activity?user=${id}`]) {
      await page.goto(address);
      await expect(isolated(page, label).first()).toBeVisible();
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect([address, overflow <= 0]).toEqual([address, true]);
    }
    await expect(page.locator('img[src=x]')).toHaveCount(0);
  });
}

const HEBREW = 'חיוב (ייצור)';

test('in every sentence, title and question a name stands apart from the text around it', async ({
  signedInPage: page,
  customer,
}) => {
  const apiUser = await customer.mint({ label: HEBREW });
  const role = await customer.owner.post('/api/v1/roles', { name: HEBREW, permissions: {} });
  expectStatus(role, 201);
  const { id: roleId } = role.body as { id: string };
  const email = `person-${randomUUID()}@example.test`;
  const person = { first_name: 'דנה', last_name: 'כהן', email, role_id: roleId };
  expectStatus(await customer.owner.post('/api/v1/users', person), 201);
  await customer.activity(`q=${encodeURIComponent(HEBREW)}&event_type=role.add`, 1);

  const opened = page.getByRole('dialog').or(page.getByRole('alertdialog')).last();
  const ask = async (entry: string, name: string): Promise<void> => {
    await page.getByRole('button', { name: `More about ${name}` }).click();
    await page.getByRole('menuitem', { name: entry }).click();
    await expectApart(opened.getByRole('heading').first(), name);
    await opened.getByRole('button', { name: 'Cancel' }).click();
    await expect(opened).toBeHidden();
  };
  await page.goto(`/users?q=${encodeURIComponent(email)}`);
  const name = `${person.first_name} ${person.last_name}`;
  for (const entry of ['Edit…', 'Resend invite', 'Delete…']) await ask(entry, name);
  await page.goto(`/users?type=api&q=${encodeURIComponent(HEBREW)}`);
  for (const entry of ['Change role…', 'Deactivate…']) await ask(entry, HEBREW);
  await page.goto(`/users?q=${encodeURIComponent(`${HEBREW} `.repeat(3).trim())}`);
  await expectApart(page.getByText(/^No user matches/), `${HEBREW} `.repeat(3).trim());

  await page.goto(`/users?user=${apiUser.id}&rotate=1`);
  await page.getByRole('button', { name: 'Make a new one' }).click();
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  const credentials = page.getByRole('dialog', { name: `Credentials for ${HEBREW}` });
  await expectApart(credentials.getByRole('heading').first(), HEBREW);
  await credentials.getByLabel('I have stored it').check();
  await credentials.getByRole('button', { name: 'Done' }).click();
  await expectApart(page.getByText(/^Made: /), HEBREW);

  await page.goto(`/roles?role=${roleId}`);
  await page.getByRole('button', { name: 'Copy to a new role' }).click();
  await expectApart(opened.getByRole('heading').first(), HEBREW);
  await opened.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Delete…' }).click();
  await expectApart(opened.getByRole('heading').first(), HEBREW);
  await opened.getByRole('button', { name: 'Cancel' }).click();
  await page.goto('/activity?type=role.add');
  await expectApart(page.locator('tbody a').filter({ hasText: HEBREW }), HEBREW);
});

test('a file for a spreadsheet has names as text, not as what it would compute or draw', async ({
  signedInPage: page,
  customer,
}) => {
  const names = Object.values(LABELS);
  for (const name of names) {
    expectStatus(await customer.owner.post('/api/v1/roles', { name, permissions: {} }), 201);
  }
  await customer.activity('event_type=role.add', names.length);
  await page.goto('/activity?type=role.add');
  await page.getByRole('button', { name: 'Export', exact: true }).click();
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('menuitem', { name: 'CSV' }).click(),
  ]);
  expect(file.suggestedFilename()).toMatch(/\.csv$/);
  const rows = cellsOf(await readFile(await file.path(), 'utf8'));
  const [head = [], ...entries] = rows;
  const [description, metadata] = ['description', 'metadata'].map((column) => head.indexOf(column));
  for (const name of names) {
    const row = entries.find((cells) => cells[description ?? -1]?.startsWith(`Role ${name} was added`));
    expect(row?.length, name).toBe(head.length);
    expect(JSON.parse(row?.[metadata ?? -1] ?? ''), name).toMatchObject({ role_name: name });
  }
  expect(rows.flat().filter((cell) => /^[=+\-@\t\r]/.test(cell))).toEqual([]);
});

/** Elements that isolate the direction of their text, with nothing but this in them. */
const isolated = (within: Page | Locator, text: string): Locator =>
  within.locator('bdi').and(within.getByText(text, { exact: true }));

/** It is in this element, and everything of it stands apart. */
async function expectApart(element: Locator, name: string): Promise<void> {
  await expect(element).toContainText(name);
  await expect(isolated(element, name)).toHaveCount(1);
}

/** The cells of a file as RFC 4180 has them. */
function cellsOf(csv: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain = '', end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === '\r\n') rows.push([]);
  }
  return rows.filter((cells) => cells.length > 1);
}
