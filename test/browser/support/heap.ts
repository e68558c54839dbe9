import type { Page } from '@playwright/test';

/** Whether a text stands anywhere in the memory of the page's scripts, garbage taken out before. */
export async function isInHeap(page: Page, text: string): Promise<boolean> {
  const session = await page.context().newCDPSession(page);
  const chunks: string[] = [];
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => chunks.push(chunk));
  await session.send('HeapProfiler.enable');
  await session.send('HeapProfiler.collectGarbage');
  await session.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  await session.detach();
  return chunks.join('').includes(text);
}

/** Everything else of a page in which a text could remain: document, fields, storage, history and accessibility tree. */
export async function remains(page: Page): Promise<string> {
  const session = await page.context().newCDPSession(page);
  const tree = await session.send('Accessibility.getFullAXTree');
  await session.detach();
  const rest = await page.evaluate(() => [
    document.documentElement.outerHTML,
    ...Array.from(document.querySelectorAll('input, textarea'), (field) => (field as HTMLInputElement).value),
    JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage), history.state]),
    location.href,
  ]);
  return [JSON.stringify(tree), ...rest].join('\n');
}
