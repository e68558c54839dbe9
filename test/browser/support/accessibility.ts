import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Locator, type Page } from '@playwright/test';

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Fails, naming rule and element, where axe finds that the page as it is now breaks WCAG 2.2 AA or good practice. */
export async function expectAccessible(page: Page, how = 'as it is'): Promise<void> {
  // Those guards hand focus on as soon as they have it.
  const axe = new AxeBuilder({ page }).withTags(RULES).exclude('[data-base-ui-focus-guard]');
  const { violations } = await axe.analyze();
  const found = violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary = '' }) => `${id} (${help}) ${target.join(' ')}\n${failureSummary}`),
  );
  expect.soft(found, `accessibility of ${page.url()}, ${how}`).toEqual([]);
}

interface Look {
  readonly width: number;
  readonly height: number;
  readonly colorScheme?: 'dark';
  readonly forcedColors?: 'active';
}

const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 320, height: 800 };
/** What is left of 1280 × 1024 at 400 %. */
export const ZOOMED = { width: 320, height: 256 };

/** How people see a page: wide, narrow or magnified, in either theme, or in colours of their own. */
const LOOKS: Readonly<Record<string, Look>> = {
  'wide and light': WIDE,
  'wide and dark': { ...WIDE, colorScheme: 'dark' },
  'at 320 px': NARROW,
  'at 400 %, in forced colours': { ...ZOOMED, colorScheme: 'dark', forcedColors: 'active' },
};

/** {@link expectAccessible} and no scrolling sideways, in every look; then the page is wide and light again. */
export async function expectAccessibleInEveryLook(page: Page): Promise<void> {
  for (const [how, { width, height, colorScheme = 'light', forcedColors = 'none' }] of Object.entries(LOOKS)) {
    await page.emulateMedia({ colorScheme, forcedColors, reducedMotion: 'reduce' });
    await page.setViewportSize({ width, height });
    await expectAccessible(page, how);
    const { scroll, client } = await page.evaluate(() => ({
      scroll: document.documentElement.scrollWidth,
      client: document.documentElement.clientWidth,
    }));
    expect.soft(scroll, `px that ${page.url()} is wide, ${how}`).toBe(client);
  }
  await page.emulateMedia({ colorScheme: null, forcedColors: null });
  await page.setViewportSize(WIDE);
}

const STOPS = 200;

/** Fails where Tab leads to something that other parts of the page cover entirely (WCAG 2.4.11), there and back. */
export async function expectFocusInSight(page: Page): Promise<void> {
  for (const key of ['Tab', 'Shift+Tab']) {
    const hidden: string[] = [];
    let first: string | undefined;
    for (let stop = 0; stop < STOPS; stop += 1) {
      await page.keyboard.press(key);
      const { name, isSeen } = await page.evaluate(focused);
      if (name === first || name === '') break;
      first ??= name;
      if (!isSeen) hidden.push(name);
    }
    expect.soft(hidden, `what ${key} leads to unseen on ${page.url()}`).toEqual([]);
  }
}

/** What has focus, and whether any of it can be seen. */
function focused(): { name: string; isSeen: boolean } {
  const element = document.activeElement;
  if (element === null || element === document.body) return { name: '', isSeen: true };
  const { left, top, width, height } = element.getBoundingClientRect();
  const parts = [0.05, 0.25, 0.5, 0.75, 0.95];
  const isSeen = parts.some((down) =>
    parts.some((across) => {
      const at = document.elementFromPoint(left + across * width, top + down * height);
      return at !== null && (element.contains(at) || at.contains(element.querySelector('label')));
    }),
  );
  const index = [...document.querySelectorAll('*')].indexOf(element);
  const label = element.getAttribute('aria-label') ?? (element as HTMLElement).innerText;
  return { name: `${element.tagName.toLowerCase()} ${label} (${String(index)})`, isSeen };
}

/** Presses something, sees what it opens, leaves it, and expects focus where it was before. */
export async function thereAndBack(
  opener: Locator,
  opened: Locator,
  see: () => Promise<void>,
  leave: () => Promise<void> = () => opened.page().keyboard.press('Escape'),
): Promise<void> {
  await opener.click();
  await expect(opened).toBeVisible();
  await see();
  await leave();
  await expect(opened).toBeHidden();
  await expect(opener).toBeFocused();
}
