import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { runsOn } from './postgres.js';

describe('a server that its lock file names', () => {
  it('is known by its data, whatever that is called, until it has ended', async () => {
    // ps writes a question mark for the tab, and in the locale C one for each byte of the accent.
    const data = '/srv/é\t/postgres';
    const words = ['-e', 'setInterval(() => {}, 1000)', 'postgres', '-D', data, '-c'];
    const server = spawn(process.execPath, words, { stdio: 'ignore' });
    const { pid = 0 } = server;
    await once(server, 'spawn');
    expect([runsOn(pid, data), runsOn(pid, '/srv')]).toEqual([true, false]);
    server.kill('SIGKILL');
    await once(server, 'exit');
    expect(runsOn(pid, data)).toBe(false);
  });
});
