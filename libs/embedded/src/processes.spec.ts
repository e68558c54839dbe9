import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@rebelcore/testing/until';
import { ProcessRegistry } from './processes.js';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'api-users-processes-'));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

const start = (registry: ProcessRegistry, program: string, more: { readonly saysListening?: boolean } = {}) =>
  registry.start({
    name: 'a part',
    command: process.execPath,
    args: ['-e', program],
    env: {},
    log: join(dataDir, 'log'),
    ...more,
  });

const WAIT = 'setInterval(() => {}, 1000)';

describe('a process that is started', () => {
  it('listens from when it says so until it ends', async () => {
    const registry = await ProcessRegistry.open(dataDir);
    const part = start(registry, `process.send('listening'); ${WAIT}`, { saysListening: true });
    expect(part.listening).toBe(false);
    await until(() => part.listening, 'the message');
    await part.stop();
    expect(part.listening).toBe(false);
    registry.close();
  });

  it('ends where the list of processes cannot be written, and none is started that would not be listed', async () => {
    const registry = await ProcessRegistry.open(dataDir);
    const part = start(registry, WAIT);
    mkdirSync(join(dataDir, 'processes.json.new'));
    expect(() => start(registry, WAIT)).toThrow('processes.json.new');
    await part.stop();
    await registry.stopEverything();
    expect(existsSync(join(dataDir, 'processes.json'))).toBe(false);
  });
});

describe('the list of processes', () => {
  it('says nothing of a copy of its folder', async () => {
    const registry = await ProcessRegistry.open(dataDir);
    const part = start(registry, WAIT);
    const copy = join(dataDir, 'copy');
    mkdirSync(copy);
    // As where the launcher of the original was killed.
    const { pid: killed } = spawnSync(process.execPath, ['-e', '']);
    const list = readFileSync(join(dataDir, 'processes.json'), 'utf8');
    writeFileSync(join(copy, 'processes.json'), list.replace(`"pid": ${process.pid},`, `"pid": ${killed},`));
    const registryOfCopy = await ProcessRegistry.open(copy);
    expect(part.running).toBe(true);
    registryOfCopy.close();
    await registry.stopEverything();
  });

  it('is taken over after a launcher that was killed while it took it over', async () => {
    writeFileSync(join(dataDir, 'processes.json.claim'), '');
    const registry = await ProcessRegistry.open(dataDir);
    registry.close();
  });
});
