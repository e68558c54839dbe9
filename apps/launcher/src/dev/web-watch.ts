import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/** What an edit of the web app has come to: how long its build took (ms), or why there is none. */
export type WebReport =
  { readonly kind: 'built'; readonly ms: number } | { readonly kind: 'failed'; readonly error: string };

/**
 * From now on builds the web app into `dist` whenever one of its files is edited, in a thread of its own that ends with this
 * process or when it is terminated. The first report is of what is there now. Types are not looked at; that is for the
 * editor and for `npm run build`.
 *
 * @param folder of the web app
 */
export function watchWeb(folder: string, report: (report: WebReport) => void): Worker {
  const worker = new Worker(new URL(import.meta.url), { workerData: folder });
  worker.on('message', report);
  return worker;
}

async function watch(folder: string, report: (report: WebReport) => void): Promise<void> {
  const { build } = await import('vite');
  const configFile = join(folder, 'vite.config.mjs');
  const watcher = await build({ configFile, logLevel: 'silent', build: { watch: {} } });
  if (!('on' in watcher)) throw new Error(`${configFile} is not watched`);
  watcher.on('event', (event) => {
    switch (event.code) {
      case 'BUNDLE_END':
        void event.result.close();
        report({ kind: 'built', ms: event.duration });
        break;
      case 'ERROR':
        void event.result.close();
        report({ kind: 'failed', error: event.error.message });
        break;
      case 'START':
      case 'BUNDLE_START':
      case 'END':
        break;
    }
  });
}

if (!isMainThread) await watch(workerData as string, (report) => parentPort?.postMessage(report));
