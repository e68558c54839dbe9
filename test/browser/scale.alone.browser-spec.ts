import type { Page } from '@playwright/test';
import { authorize, type TestCustomer } from '../support/system.js';
import { bringMultitude } from './support/multitude.js';
import { takePictures } from './support/pictures.js';
import { expect, test } from './support/test.js';

/** `SCALE=0.01` tries this file quickly. */
const SCALE = Number(process.env.SCALE ?? 1);
const USERS = Math.max(200, 10_000 * SCALE);
const ENTRIES = Math.max(2_000, 1_000_000 * SCALE);
const OTHERS = Math.max(10, 1_000 * SCALE);
/** Rows of a page, of both lists. */
const PAGE = 50;
/** The page that is far down: the hundredth, or as far as there is any. */
const FAR = Math.min(100, USERS / PAGE - 1);
const MAX_NODES = 3_000;
const LIVE_PER_SECOND = 200;

/** What was measured, told at the end; how long something takes depends on the machine and fails no test. */
const figures: [what: string, ms: number][] = [];
test.afterAll(() => {
  for (const [what, ms] of figures) console.log(`${what}: ${ms.toFixed(0)} ms`);
});

test(`${USERS} users, ${ENTRIES} entries, ${OTHERS} customers: first rows, page ${FAR}, few nodes, quick answers, and rows that stay`, async ({
  signedInPage: page,
  customer,
}) => {
  test.setTimeout(900_000);
  await test.step('there are many', () =>
    bringMultitude({ customerId: customer.id, users: USERS, entries: ENTRIES, others: OTHERS }));
  await test.step('the list of users', async () => {
    await firstRows(page, '/users');
    await farDown(customer, '/api/v1/users');
    await goDown(page, FAR * PAGE);
    await answersQuickly(page, 'users', [
      ['j', () => page.keyboard.press('j')],
      ['details', () => page.keyboard.press('Enter')],
      ['closing them', () => page.keyboard.press('Escape')],
      ['choosing one', () => page.locator('tbody tr:not([aria-hidden]) input').nth(3).click()],
      [
        'a menu',
        () =>
          page
            .getByRole('button', { name: /^More about service/ })
            .nth(3)
            .click(),
      ],
      ['closing it', () => page.keyboard.press('Escape')],
      ['typing', () => page.getByRole('searchbox').pressSequentially('service 12')],
      ['a filter', () => page.getByRole('button', { name: 'People', exact: true }).click()],
    ]);
  });
  await test.step('the log', async () => {
    await firstRows(page, '/activity?range=all');
    await farDown(customer, '/api/v1/activity');
    await goDown(page, FAR * PAGE);
    await answersQuickly(page, 'log', [
      ['j', () => page.keyboard.press('j')],
      ['an entry', () => page.keyboard.press('Enter')],
      ['closing it', () => page.keyboard.press('Escape')],
      ['types', () => page.getByRole('button', { name: /^Event types/ }).click()],
      ['closing them', () => page.keyboard.press('Escape')],
      ['an outcome', () => page.getByLabel('Outcome').selectOption('Refused')],
    ]);
  });
  await test.step(`${LIVE_PER_SECOND} entries a second leave the focused row in place`, () => rowStays(page, customer));
});

/** From asking for the address to the first row of the list. */
async function firstRows(page: Page, path: string): Promise<void> {
  const began = performance.now();
  await page.goto(path);
  await expect(rows(page).first()).toBeVisible();
  figures.push([`${path}, first rows`, performance.now() - began]);
  await fewNodes(page, path);
}

/** Asks for one page after the other, as a list does, and compares what the first and the last take. */
async function farDown({ owner }: TestCustomer, path: string): Promise<void> {
  let cursor = '';
  const took: number[] = [];
  for (let number = 1; number <= FAR; number += 1) {
    const { status, body, ms } = await owner.get(`${path}?limit=${PAGE}${cursor && `&cursor=${cursor}`}`);
    const { items, next_cursor: next } = body as { items: unknown[]; next_cursor: string | null };
    expect([status, items.length]).toEqual([200, PAGE]);
    took.push(ms);
    cursor = encodeURIComponent(next ?? '');
  }
  figures.push(
    [`${path}, page 1 (once asked before)`, Math.min(...took.slice(0, 5))],
    [`${path}, page ${FAR}`, Math.min(...took.slice(-5))],
  );
}

/** Goes on to the end of what is there until that many rows are. */
async function goDown(page: Page, wanted: number): Promise<void> {
  // Thousands are parted by commas in one list, by narrow blanks in the other.
  const shown = page.getByText(/^(All )?\d[\d,\s]* shown/);
  const began = performance.now();
  await expect
    .poll(
      async () => {
        await page.evaluate(() => {
          scrollTo(0, document.documentElement.scrollHeight);
        });
        return Number(/\d[\d,\s]*/.exec(await shown.innerText())?.[0].replaceAll(/\D/g, ''));
      },
      { timeout: 240_000, intervals: [50] },
    )
    .toBeGreaterThanOrEqual(wanted);
  figures.push([`${new URL(page.url()).pathname}, scrolled to row ${wanted}`, performance.now() - began]);
  await fewNodes(page, `after ${wanted} rows`);
}

async function fewNodes(page: Page, when: string): Promise<void> {
  expect(await page.locator('*').count(), `elements ${when}`).toBeLessThanOrEqual(MAX_NODES);
}

/**
 * What the browser measures of each key and press, from the event to the next picture, on a processor that is four times
 * slower: the longest of them.
 */
async function answersQuickly(
  page: Page,
  where: string,
  doings: readonly [string, () => Promise<unknown>][],
): Promise<void> {
  await page.evaluate(() => {
    const seen = globalThis as unknown as { longest: number };
    seen.longest = 0;
    new PerformanceObserver((list) => {
      for (const { duration, interactionId } of list.getEntries() as (PerformanceEntry & { interactionId: number })[])
        if (interactionId > 0) seen.longest = Math.max(seen.longest, duration);
    }).observe({ type: 'event', durationThreshold: 16, buffered: false } as PerformanceObserverInit);
  });
  const session = await page.context().newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: 4 });
  for (const [what, act] of doings) {
    await act();
    const longest = await page.evaluate(async () => {
      // Two pictures later the browser has told of it.
      for (let pictures = 0; pictures < 3; pictures += 1) await new Promise(requestAnimationFrame);
      await new Promise((resolve) => setTimeout(resolve, 300));
      const seen = globalThis as unknown as { longest: number };
      const { longest } = seen;
      seen.longest = 0;
      return longest;
    });
    figures.push([`${where} at a quarter of the speed, ${what}`, longest]);
  }
  await session.detach();
}

async function rowStays(page: Page, customer: TestCustomer): Promise<void> {
  const caller = await customer.mint({ label: 'calls all the time' });
  await customer.activity(`user_id=${caller.id}`, 1);
  await page.goto('/activity?live=1');
  await expect(rows(page).first()).toBeVisible();
  const focused = rows(page).nth(5).getByRole('link').first();
  await focused.focus();
  const place = () =>
    page.evaluate(() => [document.activeElement?.textContent, document.activeElement?.getBoundingClientRect().top]);
  // Fonts and the rows' own heights come after the rows.
  await expect(async () => {
    const first = await place();
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 300)));
    expect(await place()).toEqual(first);
  }).toPass();
  const before = await place();
  const began = performance.now();
  const calls: Promise<unknown>[] = [];
  const wanted = LIVE_PER_SECOND * 5;
  while (calls.length < wanted) {
    const due = Math.min(wanted, Math.floor(((performance.now() - began) / 1000) * LIVE_PER_SECOND));
    while (calls.length < due) calls.push(authorize(caller));
    expect(await place()).toEqual(before);
  }
  await Promise.all(calls);
  figures.push([`${wanted} calls, meant to take 5 s`, performance.now() - began]);
  const news = page.getByRole('button', { name: /new entries$/ });
  await expect
    .poll(async () => Number((await news.innerText()).replaceAll(/\D/g, '')), { timeout: 60_000 })
    .toBeGreaterThanOrEqual(wanted);
  expect(await place()).toEqual(before);
  await takePictures(page, 'new-entries');
  await fewNodes(page, 'while entries come');
}

const rows = (page: Page) => page.locator('tbody tr[data-index]');
