import type { BrowserContext, Locator, Page } from '@playwright/test';
import { authorize, expectStatus, type ApiUser } from '../support/system.js';
import { expectAccessible } from './support/accessibility.js';
import { mintOnPage } from './support/minting.js';
import { takePictures } from './support/pictures.js';
import { recordingProxy } from './support/recording-proxy.js';
import { expect, test } from './support/test.js';
import { holding, textsBesideHeap, textsInHeap, Wire } from './support/traces.js';

const LABEL = 'billing · production';

/** Mints and makes a link of it in the dialog, which stays open. */
async function mintAndLink(page: Page, portal = ''): Promise<{ minted: ApiUser; dialog: Locator; link: URL }> {
  await page.goto(`${portal}/users`);
  const { minted, dialog } = await mintOnPage(page, LABEL);
  await dialog.getByRole('button', { name: 'Hand-over link…' }).click();
  const section = dialog.getByRole('region', { name: 'Hand-over link' });
  await expect(section.getByText('Waiting to be opened')).toBeVisible();
  const link = new URL(await section.locator('code').first().innerText());
  return { minted, dialog, link };
}

/** The browser of somebody who is not signed in. */
const stranger = async (context: BrowserContext, portal: string): Promise<Page> => {
  const browser = context.browser();
  if (browser === null) throw new Error('this context has no browser');
  return (await browser.newContext({ baseURL: portal, locale: 'en-GB' })).newPage();
};

test('credentials are handed over by a link that opens once, and neither key nor password reaches the server', async ({
  signedInPage: page,
  context,
  system,
}) => {
  test.setTimeout(120_000);
  const proxy = await recordingProxy(system.portal);
  const minterWire = new Wire(page);
  const { minted, dialog, link } = await mintAndLink(page, proxy.address);
  const key = link.hash.slice(1);
  expect(link.origin).toBe(proxy.address);
  expect(key).toMatch(/^[\w-]{43}$/);
  await expectAccessible(page);
  await takePictures(page, 'hand-over-made');

  const other = await stranger(context, proxy.address);
  const otherWire = new Wire(other);
  await test.step('following the link opens nothing yet: a preview of it would use it up', async () => {
    await other.goto(link.href);
    await expect(other.getByText('They can be opened once. After that this link shows nothing.')).toBeVisible();
    await expectAccessible(other);
    await takePictures(other, 'hand-over');
    await expect(dialog.getByText('Waiting to be opened')).toBeVisible();
  });

  await test.step('one press shows the credentials, and they work', async () => {
    await other.getByRole('button', { name: 'Open once and show' }).click();
    await expect(other.getByRole('heading', { name: `Credentials for ${LABEL}` })).toBeVisible();
    await expect(other.getByText(minted.username).first()).toBeVisible();
    await expectAccessible(other);
    await other.getByRole('button', { name: 'Show' }).click();
    const snippet = await other.getByRole('region', { name: 'How to authorize with curl' }).innerText();
    expect(snippet).toContain(`"password": "${minted.password}"`);
    expectStatus(await authorize(minted), 200);
    // The key opens nothing any more, and the address is without it.
    expect(other.url()).toBe(`${link.origin}${link.pathname}`);
    await other.getByLabel('I have stored it').check();
    await other.getByRole('button', { name: 'Done' }).click();
    await expect(other.getByText('The credentials are gone from this page.')).toBeVisible();
    expect(holding(minted.password, await textsBesideHeap(other))).toEqual([]);
  });

  await test.step('a second opening says so, and the minter sees both', async () => {
    await expect(dialog.getByText('Opened', { exact: true })).toBeVisible();
    await other.goto('about:blank');
    await other.goto(link.href);
    await other.getByRole('button', { name: 'Open once and show' }).click();
    await expect(other.getByRole('heading', { name: 'This link was opened already' })).toBeVisible();
    await expect(other.getByText('they should deactivate these credentials')).toBeVisible();
    await expectAccessible(other);
  });

  await test.step('the server saw neither key nor password', async () => {
    const sent = proxy.recorded.map((exchange) => exchange.sent);
    expect(sent.some((text) => text.includes('"ciphertext"'))).toBe(true);
    expect(holding(key, sent)).toEqual([]);
    expect(holding(minted.password, sent)).toEqual([]);
    // Of the answers only that of the mint has the password, and none the key.
    const answers = [...(await minterWire.all()), ...(await otherWire.all())].map(({ received }) => received);
    expect(holding(minted.password, answers)).toHaveLength(1);
    expect(holding(key, answers)).toEqual([]);
  });

  await test.step('Activity tells of the link, its opening and the attempt after it', async () => {
    await dialog.getByRole('checkbox', { name: 'I have stored it, or handed it over' }).check();
    await dialog.getByRole('button', { name: 'Done' }).click();
    await expect(dialog).toBeHidden();
    expect(holding(key, await textsInHeap(page)), 'the key of the link').toEqual([]);
    await page.goto(`${proxy.address}/users?user=${minted.id}`);
    await expect(page.getByText(/1 failed attempt to open it, the last/)).toBeVisible();
    await page.goto('/activity?type=hand_over.create,hand_over.open,hand_over.open_failed&live=1');
    const log = page.getByRole('table', { name: 'The log' });
    for (const sentence of [
      `A hand-over link for the credentials of API user ${LABEL} was made by`,
      `The hand-over link for the credentials of API user ${LABEL} was opened`,
    ]) {
      await expect(log.getByRole('link', { name: sentence })).toBeVisible();
    }
    await expect(log.getByRole('row').filter({ hasText: LABEL })).toHaveCount(3);
  });
  await other.context().close();
  await proxy.close();
});

test('a link that was withdrawn opens nothing', async ({ signedInPage: page, context, system }) => {
  const { dialog, link } = await mintAndLink(page);
  await dialog.getByRole('button', { name: 'Withdraw' }).click();
  await expect(dialog.getByText('Withdrawn', { exact: true })).toBeVisible();
  const other = await stranger(context, system.portal);
  await other.goto(link.href);
  await other.getByRole('button', { name: 'Open once and show' }).click();
  await expect(other.getByRole('heading', { name: 'This link was withdrawn' })).toBeVisible();
  await expect(other.getByText('before anybody opened it')).toBeVisible();
  await expectAccessible(other);
  await other.context().close();
});

test('a link that has expired says so, and alarms nobody', async ({ signedInPage: page, context, system }) => {
  const { link } = await mintAndLink(page);
  const other = await stranger(context, system.portal);
  await other.route('**/hand-overs/*/open', (route) =>
    route.fulfill({
      status: 410,
      contentType: 'application/problem+json',
      json: { type: 'about:blank', title: 'Gone', status: 410, code: 'hand-over.expired', detail: 'x' },
    }),
  );
  await other.goto(link.href);
  await other.getByRole('button', { name: 'Open once and show' }).click();
  await expect(other.getByRole('heading', { name: 'This link has expired' })).toBeVisible();
  await expect(other.getByText('Nobody has opened it')).toBeVisible();
  await other.context().close();
});

test('a link without its key, with another key, or of no hand-over says what is wrong with it', async ({
  signedInPage: page,
  context,
  system,
}) => {
  const { minted, dialog, link } = await mintAndLink(page);
  const other = await stranger(context, system.portal);
  await other.goto(link.pathname);
  await expect(other.getByRole('heading', { name: 'This link is not complete' })).toBeVisible();
  await expect(other.getByText('it was not opened')).toBeVisible();
  await expect(dialog.getByText('Waiting to be opened')).toBeVisible();

  await other.goto(`/hand-over/${minted.id}${link.hash}`);
  await other.getByRole('button', { name: 'Open once and show' }).click();
  await expect(other.getByRole('heading', { name: 'There is no such link' })).toBeVisible();

  await other.goto('about:blank');
  await other.goto(`${link.pathname}#${'A'.repeat(43)}`);
  await other.getByRole('button', { name: 'Open once and show' }).click();
  await expect(other.getByRole('heading', { name: 'The credentials could not be read' })).toBeVisible();
  await expect(other.getByText('the link is used up now')).toBeVisible();
  await other.context().close();
});

test('what is still shown at the end of a link is guarded like the dialog of a mint', async ({
  signedInPage: page,
  context,
  system,
}) => {
  const { minted, link } = await mintAndLink(page);
  const other = await stranger(context, system.portal);
  await other.goto('/sign-in');
  await other.goto(link.href);
  await other.getByRole('button', { name: 'Open once and show' }).click();
  await expect(other.getByRole('heading', { name: `Credentials for ${LABEL}` })).toBeVisible();
  const asked = other.waitForEvent('dialog');
  await other.evaluate(() => {
    setTimeout(() => {
      location.reload();
    });
  });
  const question = await asked;
  expect(question.type()).toBe('beforeunload');
  await question.dismiss();
  await other.getByRole('button', { name: 'Show' }).click();
  await expect(other.getByRole('region', { name: 'How to authorize with curl' })).toContainText(minted.password);
  await other.getByLabel('I have stored it').check();
  await other.getByRole('button', { name: 'Done' }).click();
  await expect(other.getByText('The credentials are gone from this page.')).toBeVisible();
  expect(holding(minted.password, await textsInHeap(other)), 'the heap').toEqual([]);
  await other.context().close();
});
