import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { watchWeb, type WebReport } from './web-watch.js';

describe('watchWeb', () => {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'api-users-web-watch-'));
  const write = (file: string, text: string) => {
    writeFileSync(join(folder, file), text);
  };
  const built = () => {
    const assets = join(folder, 'dist/assets');
    return readdirSync(assets).map((name) => readFileSync(join(assets, name), 'utf8'));
  };

  let worker: Worker;
  const next = async () => ((await once(worker, 'message')) as [WebReport])[0];

  beforeAll(() => {
    mkdirSync(join(folder, 'src'));
    write('package.json', '{"type": "module"}');
    write(
      'vite.config.mjs',
      `export default { root: import.meta.dirname, build: { outDir: 'dist', emptyOutDir: true } };`,
    );
    write('index.html', '<!doctype html><script type="module" src="/src/main.ts"></script>');
    write('src/main.ts', `document.title = 'first';`);
  });
  afterAll(async () => {
    await worker.terminate();
    rmSync(folder, { recursive: true });
  });

  it('builds what is there and what is edited, and says why an edit cannot be built', async () => {
    worker = watchWeb(folder, () => undefined);
    expect(await next()).toEqual({ kind: 'built', ms: expect.any(Number) as number });
    expect(built().join()).toContain('first');

    let report = next();
    write('src/main.ts', `document.title = ;`);
    expect(await report).toEqual({ kind: 'failed', error: expect.stringContaining('main.ts') as string });

    report = next();
    write('src/main.ts', `document.title = 'second';`);
    expect(await report).toMatchObject({ kind: 'built' });
    expect(built()).toEqual([expect.stringContaining('second')]);
  });
});
