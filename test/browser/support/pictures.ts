import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { expect, type Page } from '@playwright/test';

const FOLDER = join(import.meta.dirname, '../../../docs/pictures');
const SIZES = { wide: { width: 1280, height: 800 }, narrow: { width: 390, height: 844 } };
type Size = keyof typeof SIZES;
type Theme = 'light' | 'dark';

/**
 * Takes a picture of the page as it is, wide and narrow, light and dark, for `docs/pictures`; nothing unless `PICTURES`
 * is set, so that a test run leaves the repository as it is. The page then has its size and theme again.
 */
export async function takePictures(page: Page, name: string): Promise<void> {
  if (process.env.PICTURES === undefined) return;
  const before = page.viewportSize();
  for (const [size, viewport] of Object.entries(SIZES) as [Size, (typeof SIZES)[Size]][]) {
    await page.setViewportSize(viewport);
    for (const theme of ['light', 'dark'] satisfies Theme[]) {
      await page.emulateMedia({ colorScheme: theme });
      await page.evaluate(() => document.fonts.ready.then(() => undefined));
      const path = join(FOLDER, `${name}-${size}-${theme}.png`);
      await page.screenshot({ path, animations: 'disabled', caret: 'hide' });
    }
  }
  await page.emulateMedia({ colorScheme: null });
  if (before) await page.setViewportSize(before);
}

const API_USERS = [
  'billing · staging',
  'crm sync · production',
  'warehouse export · production',
  'ticket triage · production',
  'release notes · staging',
];
const PEOPLE = [
  ['Linus', 'Berg'],
  ['Amara', 'Diallo'],
  ['Yuki', 'Tanaka'],
];

/** Other users beside the one of a test, so that a picture looks like a day at work; nothing unless `PICTURES` is set. */
export async function addCompany(page: Page): Promise<void> {
  if (process.env.PICTURES === undefined) return;
  const roles = (await (await page.request.get('/api/v1/roles')).json()) as { items: { id: string; name: string }[] };
  const roleOf = (name: string) => roles.items.find((role) => role.name === name)?.id;
  for (const [first_name = '', last_name = ''] of PEOPLE) {
    const email = `${first_name}.${last_name}@${randomUUID().slice(0, 4)}.northwind.example`.toLowerCase();
    const data = { first_name, last_name, email, role_id: roleOf('RebelCore_User') };
    expect((await page.request.post('/api/v1/users', { data })).status()).toBe(201);
  }
  for (const [index, label] of API_USERS.entries()) {
    const minted = await page.request.post('/api/v1/api-users', {
      data: { label, role_id: roleOf('RebelCore_AgentUser') },
      headers: { 'idempotency-key': randomUUID() },
    });
    const { id, username, password } = (await minted.json()) as { id: string; username: string; password: string };
    if (index > 0) await page.request.post('/api/v1/authorize', { data: { username, password } });
    if (index === 4) await page.request.post(`/api/v1/users/${id}/deactivate`);
  }
  await page.reload();
}
