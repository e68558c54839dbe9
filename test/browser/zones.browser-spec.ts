import type { Browser, Page } from '@playwright/test';
import type { TestCustomer } from '../support/system.js';
import { inDatabase } from './support/databases.js';
import { expect, signInAs, test } from './support/test.js';

/** Newest first. In New York clocks are put back at 06:00 UTC, so that the entries at 05:30 and 06:30 both are at 01:30. */
const ENTRIES = [
  '2026-11-01T10:30:00.000Z',
  '2026-11-01T07:30:00.000Z',
  '2026-11-01T06:30:00.120Z',
  '2026-11-01T05:30:00.120Z',
  '2026-11-01T04:30:00.000Z',
  '2026-10-31T23:30:00.000Z',
];
const SPAN = 'from=2026-10-31T12:00:00.000Z&to=2026-11-01T12:00:00.000Z';

const SATURDAY = 'Saturday 31 October 2026';
const SUNDAY = 'Sunday 1 November 2026';
const MONDAY = 'Monday 2 November 2026';

/** What a list of {@link ENTRIES} says from top to bottom: the day above it, clocks, and lines between them. */
const LISTS: Readonly<Record<string, readonly string[]>> = {
  UTC: [
    SUNDAY,
    '10:30:00.000',
    '07:30:00.000',
    '06:30:00.120',
    '05:30:00.120',
    '04:30:00.000',
    SATURDAY,
    '23:30:00.000',
  ],
  'America/New_York': [
    SUNDAY,
    '05:30:00.000',
    '02:30:00.000',
    '01:30:00.120 GMT-5',
    'The clocks change here: GMT-4 below, GMT-5 above.',
    '01:30:00.120 GMT-4',
    '00:30:00.000',
    SATURDAY,
    '19:30:00.000',
  ],
  'Pacific/Kiritimati': [
    MONDAY,
    '00:30:00.000',
    SUNDAY,
    '21:30:00.000',
    '20:30:00.120',
    '19:30:00.120',
    '18:30:00.000',
    '13:30:00.000',
  ],
  'Asia/Kathmandu': [
    SUNDAY,
    '16:15:00.000',
    '13:15:00.000',
    '12:15:00.120',
    '11:15:00.120',
    '10:15:00.000',
    '05:15:00.000',
  ],
};

test.beforeEach(async ({ customer }) => {
  if (!written.has(customer.id)) await write(customer, ENTRIES);
  written.add(customer.id);
});
const written = new Set<string>();

for (const [zone, list] of Object.entries(LISTS)) {
  test(`in ${zone} days begin at its midnight, and no two times look alike`, async ({ browser, customer, system }) => {
    const page = await pageIn(browser, zone, system.portal, customer);
    await page.goto(`/activity?${SPAN}`);
    await expect.poll(() => listOf(page)).toEqual(list);
    await expect(page.getByLabel('Time zone').locator('option:checked')).toHaveText(/\(yours\)$/);
    // Whoever is elsewhere sees the same with this zone in the address, which is how a link shows it to others.
    const elsewhere = await pageIn(browser, 'Europe/Vienna', system.portal, customer);
    await elsewhere.goto(`/activity?${SPAN}&tz=${zone}`);
    await expect.poll(() => listOf(elsewhere)).toEqual(list);
    await page.context().close();
    await elsewhere.context().close();
  });
}

test('of an entry in the hour that comes twice the details say the offset, and the moment in UTC', async ({
  browser,
  customer,
  system,
}) => {
  const page = await pageIn(browser, 'America/New_York', system.portal, customer);
  await page.goto(`/activity?${SPAN}`);
  const when = page.getByRole('dialog').locator('dd', { hasText: 'UTC' }).or(page.getByRole('dialog').locator('dd'));
  for (const [nth, text] of [
    [2, /^2026-11-01 01:30:00\.120 GMT-5.*2026-11-01T06:30:00\.120Z$/],
    [3, /^2026-11-01 01:30:00\.120 GMT-4.*2026-11-01T05:30:00\.120Z$/],
  ] as const) {
    await page.locator('tbody td:nth-child(2) a').nth(nth).click();
    await expect(when.filter({ hasText: 'GMT-' })).toHaveText(text);
    await page.keyboard.press('Escape');
  }
  await page.context().close();
});

test('a time that is typed is one of the zone that is shown, and stays the moment that it was', async ({
  browser,
  customer,
  system,
}) => {
  const page = await pageIn(browser, 'America/New_York', system.portal, customer);
  await page.goto('/activity');
  await page.getByLabel('When').selectOption('From … to …');
  const [from, until] = [page.getByLabel('From', { exact: true }), page.getByLabel('Until', { exact: true })];
  const apply = page.getByRole('button', { name: 'Apply' });
  await from.fill('2026-03-08 02:30');
  await apply.click();
  await expect(page.getByText('The clocks of this time zone leave that hour out.')).toBeVisible();
  await from.fill('2026-11-01 01:30');
  await until.fill('2026-11-01 01:45-05:00');
  await apply.click();
  await expect.poll(() => spanOf(page)).toEqual(['2026-11-01T05:30:00.000Z', '2026-11-01T06:45:00.000Z']);
  await expect.poll(() => listOf(page)).toHaveLength(4);

  await page.reload();
  await expect(from).toHaveValue('2026-11-01 01:30:00.000-04:00');
  await expect(until).toHaveValue('2026-11-01 01:45:00.000-05:00');
  await until.fill('2026-11-01 01:15:00-05:00');
  await apply.click();
  await expect.poll(() => spanOf(page)).toEqual(['2026-11-01T05:30:00.000Z', '2026-11-01T06:15:00.000Z']);
  await expect.poll(() => listOf(page)).toEqual([SUNDAY, '01:30:00.120 GMT-4']);
  await page.context().close();
});

async function pageIn(browser: Browser, timezoneId: string, baseURL: string, { owner }: TestCustomer): Promise<Page> {
  const context = await browser.newContext({ baseURL, locale: 'en-GB', timezoneId });
  await signInAs(context, owner, baseURL);
  return context.newPage();
}

/** The day above the list, and the first cell of each row; without commas, which a browser may or may not put into days. */
async function listOf(page: Page): Promise<string[]> {
  const table = page.getByRole('table', { name: 'The log' });
  const texts = await page
    .locator('p', { has: page.locator('xpath=self::*[following-sibling::table]') })
    .or(table.locator('tbody tr:not([aria-hidden]) > :first-child'))
    .allInnerTexts();
  return texts.map((text) => (text.startsWith('The clocks') ? text : text.replaceAll(',', '')));
}

const spanOf = (page: Page): (string | null)[] => {
  const { searchParams } = new URL(page.url());
  return [searchParams.get('from'), searchParams.get('to')];
};

/** Writes entries of the past, which nothing but waiting could bring about. */
const write = ({ id: customerId, ownerId }: TestCustomer, times: readonly string[]): Promise<unknown> =>
  inDatabase('audit', async (db) => {
    await db.query(
      `select ensure_activity_months(array(select distinct date_trunc('month', at)::date from unnest($1::timestamptz[]) as at))`,
      [times],
    );
    await db.query(
      `insert into activity (customer_id, occurred_at, id, user_id, event_type, outcome, description, metadata, correlation_id)
       select $1, at, gen_random_uuid(), $2::uuid, 'session.sign_in', 'success', 'Portal user ' || $2::uuid || ' signed in', '{}', 'zones'
         from unnest($3::timestamptz[]) as at`,
      [customerId, ownerId, times],
    );
  });
