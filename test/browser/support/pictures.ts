import { join } from 'node:path';
import type { Page } from '@playwright/test';

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
