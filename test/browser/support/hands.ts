import { expect, type Locator, type Page } from '@playwright/test';

/** How somebody does what a page asks of them. */
export interface Hands {
  /** A button, link or tab. */
  press(target: Locator): Promise<void>;
  /** An entry of the menu that is open. */
  pick(item: Locator): Promise<void>;
  type(field: Locator, text: string): Promise<void>;
  choose(select: Locator, option: string): Promise<void>;
  tick(box: Locator): Promise<void>;
}

export const mouse = (): Hands => ({
  press: (target) => target.click(),
  pick: (item) => item.click(),
  type: (field, text) => field.fill(text),
  choose: async (select, option) => {
    await select.selectOption(option);
  },
  tick: (box) => box.check(),
});

const TABS = 80;
const ENTRIES = 20;

/** Without a mouse: what Tab, arrows, Enter and Space do not reach is not there. */
export function keyboard(page: Page): Hands {
  const reach = async (target: Locator, by: 'Tab' | 'ArrowDown' = 'Tab'): Promise<void> => {
    await expect(target).toBeVisible();
    for (let left = by === 'Tab' ? TABS : ENTRIES; left > 0; left -= 1) {
      if (await target.evaluate((element) => element === document.activeElement)) return;
      await page.keyboard.press(by);
    }
    throw new Error(`${by} does not lead to ${String(target)}`);
  };
  return {
    press: async (target) => {
      await reach(target);
      await page.keyboard.press('Enter');
    },
    pick: async (item) => {
      await reach(item, 'ArrowDown');
      await page.keyboard.press('Enter');
    },
    type: async (field, text) => {
      await reach(field);
      await page.keyboard.type(text);
    },
    choose: async (select, option) => {
      await reach(select);
      await page.keyboard.type(option);
      await expect(select.locator('option:checked')).toHaveText(option);
    },
    tick: async (box) => {
      await reach(box);
      await page.keyboard.press('Space');
    },
  };
}
