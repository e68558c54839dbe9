import type { Page } from '@playwright/test';

const GROUP = 6;

/**
 * The parts of a secret by which even a piece of it is recognised: whichever eleven characters in a row are left
 * somewhere, a whole group is among them. The page shows the password in the same groups.
 */
const groupsOf = (secret: string): string[] => secret.match(new RegExp(`.{${GROUP}}`, 'gsu')) ?? [];

/** Those texts, cut short, that hold the secret or a piece of it. */
export function holding(secret: string, texts: Iterable<string>): string[] {
  const groups = groupsOf(secret);
  return [...texts].filter((text) => groups.some((group) => text.includes(group))).map((text) => text.slice(0, 200));
}

/** Every text that the page's heap holds once all that nobody needs any more is collected. */
export async function textsInHeap(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  try {
    await session.send('HeapProfiler.enable');
    // Weak references and finalizers let go of some things only one collection later.
    for (let pass = 0; pass < 3; pass += 1) await session.send('HeapProfiler.collectGarbage');
    const chunks: string[] = [];
    session.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => chunks.push(chunk));
    await session.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
    return (JSON.parse(chunks.join('')) as { strings: string[] }).strings;
  } finally {
    await session.detach();
  }
}

/** Whatever else of a page could keep a text, each as one text: elements, storage, history, what assistive tools read. */
export async function textsBesideHeap(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  try {
    const accessible: unknown = await session.send('Accessibility.getFullAXTree');
    const history: unknown = await session.send('Page.getNavigationHistory');
    const cookies = await page.context().cookies();
    const frames = await Promise.all(page.frames().map((frame) => frame.evaluate(inFrame)));
    return [...frames.flat(), JSON.stringify(accessible), JSON.stringify(history), JSON.stringify(cookies)];
  } finally {
    await session.detach();
  }
}

async function inFrame(): Promise<string[]> {
  const htmlOf = (root: Document | ShadowRoot): string[] =>
    [...root.querySelectorAll('*')].flatMap((element) => [
      ...(element === document.documentElement ? [element.outerHTML] : []),
      ...(element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement ? [element.value] : []),
      ...(element.shadowRoot ? [element.shadowRoot.innerHTML, ...htmlOf(element.shadowRoot)] : []),
    ]);
  const cached = await Promise.all(
    (await caches.keys()).map(async (name) => {
      const cache = await caches.open(name);
      const answers = await cache.matchAll();
      return Promise.all(answers.map((answer) => answer.text()));
    }),
  );
  return [
    ...htmlOf(document),
    JSON.stringify(Object.entries(localStorage)),
    JSON.stringify(Object.entries(sessionStorage)),
    JSON.stringify(history.state),
    ...performance.getEntries().map(({ name: entry }) => entry),
    ...cached.flat(),
    location.href,
    window.name,
    getSelection()?.toString() ?? '',
  ];
}

/** What a page keeps that no test can read through: there must be none. */
export const opaqueStores = (page: Page): Promise<{ databases: number; workers: number }> =>
  page.evaluate(async () => ({
    databases: (await indexedDB.databases()).length,
    workers: (await navigator.serviceWorker.getRegistrations()).length,
  }));

/** All that a browser asks for from now on, and every answer. */
export class Wire {
  private readonly exchanges: Promise<{ what: string; url: string; received: string }>[] = [];

  constructor(page: Page) {
    page.context().on('response', (response) => {
      const request = response.request();
      const what = `${request.method()} ${new URL(response.url()).pathname}`;
      // An answer whose page is gone has no body to be read.
      const received = response.text().catch(() => '');
      this.exchanges.push(received.then((text) => ({ what, url: request.url(), received: text })));
    });
  }

  async all(): Promise<readonly { readonly what: string; readonly url: string; readonly received: string }[]> {
    return Promise.all(this.exchanges);
  }
}
