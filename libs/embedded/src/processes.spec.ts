import { mkdtempSync, rmSync } from 'node:fs';
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

describe('a process that is started', () => {
  it('listens from when it says so until it ends', async () => {
    const registry = await ProcessRegistry.open(dataDir);
    const part = start(registry, "process.send('listening'); setInterval(() => {}, 1000)", { saysListening: true });
    expect(part.listening).toBe(false);
    await until(() => part.listening, 'the message');
    await part.stop();
    expect(part.listening).toBe(false);
    registry.close();
  });
});
