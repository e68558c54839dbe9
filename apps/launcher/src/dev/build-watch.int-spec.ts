import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { watchBuild, type BuildReport } from './build-watch.js';

describe('watchBuild', () => {
  const root = mkdtempSync(join(realpathSync(tmpdir()), 'api-users-build-watch-'));
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  };
  /** As a person edits, which is later than the last build by the clock of the file system, too; that one lags a little. */
  const edit = (file: string, text: string) => {
    const built = Date.now();
    do write(file, text);
    while (statSync(join(root, file)).mtimeMs <= built);
  };
  const project = (folder: string, references: string[]) => {
    write(
      `${folder}/tsconfig.json`,
      JSON.stringify({
        compilerOptions: {
          composite: true,
          rootDir: 'src',
          outDir: 'dist',
          types: [],
          target: 'ES2024',
          lib: ['ES2024'],
        },
        include: ['src'],
        references: references.map((path) => ({ path })),
      }),
    );
  };

  let worker: Worker;
  const next = async () => ((await once(worker, 'message')) as [BuildReport])[0];

  beforeAll(() => {
    project('lib', []);
    project('app', ['../lib']);
    write('tsconfig.json', JSON.stringify({ files: [], references: [{ path: 'lib' }, { path: 'app' }] }));
    write('lib/src/greeting.ts', `export const greeting: string = 'hello';\n`);
    write(
      'app/src/main.ts',
      `import { greeting } from '../../lib/dist/greeting.js';\nexport const length = greeting.length;\n`,
    );
  });
  afterAll(async () => {
    await worker.terminate();
    rmSync(root, { recursive: true });
  });

  it('reports what an edit has rebuilt, and an edit that does not compile only once it does', async () => {
    worker = watchBuild({ root, colour: false }, () => undefined);
    expect(await next()).toMatchObject({ kind: 'built', files: ['lib/dist/greeting.js', 'app/dist/main.js'] });

    const before = performance.now();
    let report = next();
    edit('lib/src/greeting.ts', `export const greeting: string = 'good morning';\n`);
    const edited = await report;
    expect(edited).toMatchObject({ kind: 'built', files: ['lib/dist/greeting.js'] });
    expect((edited as { since: number }).since).toBeGreaterThanOrEqual(before);

    report = next();
    edit('app/src/main.ts', `export const length: string = 12;\n`);
    expect(await report).toEqual({
      kind: 'failed',
      errors: expect.stringMatching(/^app\/src\/main\.ts\(1,14\): error TS2322: /) as string,
    });

    report = next();
    edit('lib/src/greeting.ts', `export const greeting: string = 'good evening';\n`);
    expect(await report).toMatchObject({ kind: 'failed' });

    report = next();
    edit('app/src/main.ts', `export const length: number = 12;\n`);
    expect(await report).toMatchObject({ kind: 'built', files: ['app/dist/main.js', 'lib/dist/greeting.js'] });
  });
});
