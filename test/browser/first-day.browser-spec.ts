import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { Authenticator } from '@rebelcore/embedded/authenticator';
import { Client } from '@rebelcore/embedded/client';
import type { Endpoints } from '@rebelcore/embedded/endpoints';
import type { Locator, Page } from '@playwright/test';
import { expectStatus } from '../support/system.js';
import { keyboard, mouse, type Hands } from './support/hands.js';
import { linkMailedTo } from '../support/people.js';
import { addCompany, takePictures } from './support/pictures.js';
import { expect, test } from './support/test.js';

const run = promisify(execFile);
const PASSWORD = 'correct horse 7 battery staple';
const LABEL = 'billing · production';
const FIRST_DAY =
  '“Every creation, deactivation and call is on the Activity page.” From the invitation to a refused call';

test(`${FIRST_DAY}, by mouse`, { tag: '@short' }, async ({ page, system }) => {
  test.setTimeout(90_000);
  await firstDay(page, system, mouse(), { picture: takePictures, company: addCompany });
});

test(`${FIRST_DAY}, by keyboard alone`, async ({ page, system }) => {
  test.setTimeout(180_000);
  await firstDay(page, system, keyboard(page));
});

/** What is seen by mouse is what the pictures show; a ring of focus would be in the way. */
const NO_CAMERA = { picture: async (_page: Page, _name: string) => {}, company: async (_page: Page) => {} };

/** All that somebody does on the first day, with nothing but an invitation and an authenticator app. */
async function firstDay(page: Page, system: Endpoints, hands: Hands, camera = NO_CAMERA): Promise<void> {
  const picture = (name: string) => camera.picture(page, name);
  const email = await invitedOwner(system);

  await test.step('the mail leads to a password, it to a code, and that to recovery codes', async () => {
    await page.goto(await linkMailedTo(system, email));
    await hands.type(page.getByLabel('Password'), PASSWORD);
    await hands.press(page.getByRole('button', { name: 'Set the password' }));
    await hands.press(page.getByRole('link', { name: 'Sign in' }));
    await hands.type(page.getByLabel('E-mail'), email);
    await hands.type(page.getByLabel('Password'), PASSWORD);
    await hands.press(page.getByRole('button', { name: 'Sign in' }));
    const key = (await page.locator('code').first().innerText()).replaceAll(/\s/g, '');
    await hands.type(page.getByLabel('Code', { exact: true }), await new Authenticator(key).nextCode());
    await hands.press(page.getByRole('button', { name: /^Show/ }));
    const code = await page.locator('code').nth(6).innerText();
    await hands.type(page.getByLabel(/Type one of them/), code);
    await hands.press(page.getByRole('button', { name: 'Done' }));
    await expect(page.getByRole('heading', { level: 1, name: 'Users' })).toBeVisible();
  });
  await camera.company(page);

  const add = page.getByRole('button', { name: 'Add' });
  const curl = await test.step('the green + leads to credentials that are shown once', async () => {
    await hands.press(add);
    await hands.pick(page.getByRole('menuitem', { name: 'API User' }));
    await hands.choose(page.getByLabel('Role'), 'RebelCore_AgentUser');
    await hands.type(page.getByLabel('Label'), LABEL);
    await hands.press(page.getByRole('button', { name: 'Create' }));
    const dialog = page.getByRole('dialog', { name: `Credentials for ${LABEL}` });
    await expect(dialog.getByText('Accepted by /authorize.')).toBeVisible();
    await picture('one-time');
    await hands.press(dialog.getByRole('button', { name: 'Show' }));
    const shown = await dialog.getByRole('region', { name: 'How to authorize with curl' }).innerText();
    await hands.tick(dialog.getByLabel('I have stored it'));
    await hands.press(dialog.getByRole('button', { name: 'Done' }));
    await expect(dialog).toBeHidden();
    await expect(add).toBeFocused();
    return shown;
  });

  const token = await test.step('the curl that was shown gives a token, and the token opens the API', async () => {
    const answer = JSON.parse(await shell(curl)) as { token: string; token_type: string };
    expect(answer.token_type).toBe('Bearer');
    expectStatus(await infer(system, answer.token), 200);
    return answer.token;
  });

  await test.step('Activity tells of it', async () => {
    await openActivity(page, hands);
    await expect(entry(page, `API user ${LABEL} was created with role RebelCore_AgentUser by`)).toBeVisible();
    await expect(entry(page, `API user ${LABEL} was authorized, until`)).toBeVisible();
    await expect(entry(page, `API user ${LABEL} called POST /api/v1/infer`)).toBeVisible();
  });

  await test.step('deactivating says what stays valid before, and since when it is in force after', async () => {
    await hands.press(page.getByRole('link', { name: 'Users', exact: true }));
    await expect(page.getByRole('row').filter({ hasText: LABEL })).toContainText('just now');
    const more = page.getByRole('button', { name: `More about ${LABEL}` });
    await picture('users');
    await hands.press(more);
    await hands.pick(page.getByRole('menuitem', { name: 'Deactivate…' }));
    const dialog = page.getByRole('alertdialog');
    await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
    await expect(dialog.getByText('Every /authorize is refused from the moment it is in force.')).toBeVisible();
    await expect(dialog.getByText(/^1 issued token stays valid until .+ at the latest\./)).toBeVisible();
    await expect(dialog.getByText(/^Last call .+ from 127\.0\.0\.1\.$/)).toBeVisible();
    await hands.press(dialog.getByRole('button', { name: 'Deactivate' }));
    await expect(dialog.getByText(/^In force since \d\d:\d\d:\d\d\.\d{3} \(after .+\)/)).toBeVisible();
    await expect(dialog.getByText(/1 token valid until/)).toBeVisible();
    await expect(dialog.getByText(/entry\s\d/)).toBeVisible();
    await picture('deactivation');
    await hands.press(dialog.getByRole('button', { name: 'Close' }));
    await expect(dialog).toBeHidden();
    await expect(more).toBeFocused();
  });

  await test.step('the same curl is refused, the token still opens the API, and Activity tells of both', async () => {
    expect(JSON.parse(await shell(curl))).toMatchObject({ detail: 'invalid credentials' });
    expectStatus(await infer(system, token), 200);
    await openActivity(page, hands);
    await expect(entry(page, `Authorize refused for API user ${LABEL}: it is inactive`)).toBeVisible();
    await expect(entry(page, `API user ${LABEL} called POST /api/v1/infer`)).toHaveCount(2);
    await expect(entry(page, `API user ${LABEL} was deactivated by`)).toBeVisible();
    await picture('activity');
  });
}

/** A customer whose Super Admin gets an invitation, as one whom nobody tells a password does. */
async function invitedOwner({ portal, operator_token }: Endpoints): Promise<string> {
  const email = `grace-${randomUUID().slice(0, 8)}@northwind.example`;
  const owner = { email, first_name: 'Grace', last_name: 'Okafor', invite: true };
  const created = await new Client(portal).post(
    '/api/v1/customers',
    { name: 'Northwind Instruments', owner },
    { authorization: `Bearer ${operator_token}` },
  );
  expectStatus(created, 201);
  return email;
}

/** Goes to the log, and lets what is recorded from now on come in by itself. */
async function openActivity(page: Page, hands: Hands): Promise<void> {
  await hands.press(page.getByRole('link', { name: 'Activity' }));
  await hands.press(page.getByRole('button', { name: 'Live' }));
}

const entry = (page: Page, sentence: string): Locator =>
  page.getByRole('table', { name: 'The log' }).getByRole('link', { name: sentence });

const shell = async (command: string): Promise<string> => (await run('sh', ['-c', command])).stdout;

const infer = ({ portal }: Endpoints, token: string) =>
  new Client(portal).post(
    '/api/v1/infer',
    { prompt: 'What changed?', spec_ids: [] },
    { authorization: `Bearer ${token}` },
  );
