// Whatever asks it to end ends everything in order, and nohup keeps it running.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { canMakeTerminals, until } from '../copy.mjs';
import { Ending } from './support.mjs';

const SCRIPT = 'node libs/embedded/prepare.mjs apps/launcher/dist/main.js';

/** Where the machine has no `script`, a session without a terminal whose members are all signalled comes next to one. */
const onTerminal = (copy, command) => (canMakeTerminals() ? copy.onTerminal(command) : copy.start(command));

export const ENDS = [
  {
    title: 'ends in order when its reader goes',
    run: async (copy) => {
      const ending = new Ending(copy);
      await ending.inOrder(copy.start('set -o pipefail; npm start 2>&1 | head -n 12'), 0);
    },
  },
  {
    title: 'ends in order at Ctrl-C while a pipe shows it',
    run: async (copy) => {
      const log = join(copy.temporary, 'log');
      const ending = new Ending(copy);
      const run = onTerminal(copy, 'npm start 2>&1 | tee "$TMPDIR/log"');
      await run.ready();
      if (run.child.stdin) run.types('\x03');
      else run.signalGroup('SIGINT');
      await ending.inOrder(run);
      assert.match(readFileSync(log, 'utf8'), /Stop:/);
      rmSync(log);
    },
  },
  {
    title: 'ends in order when its terminal is closed',
    run: async (copy) => {
      const ending = new Ending(copy);
      const run = onTerminal(copy, 'npm start');
      await run.ready();
      if (run.child.stdin) run.signal('SIGKILL');
      else run.signalGroup('SIGHUP');
      await ending.inOrder(run);
    },
  },
  ...[
    { how: 'in bash', shell: '/bin/bash', command: 'nohup npm start & wait' },
    // Which may be one that does not say in `_` what it runs.
    { how: 'in sh', shell: '/bin/sh', command: 'nohup npm start & wait' },
    { how: 'around a script', shell: '/bin/sh', command: 'exec nohup sh -c "npm start; true"' },
  ].map(({ how, shell, command }) => ({
    title: `goes on under nohup ${how}`,
    run: async (copy) => {
      const run = copy.start(command, { _: '' }, { shell });
      await run.ready();
      run.signalGroup('SIGHUP');
      await goesOn(copy, () => run.output);
      const ending = new Ending(copy);
      process.kill(copy.pidOf('launcher'), 'SIGTERM');
      await ending.inOrder(run);
    },
  })),
  {
    title: 'goes on under nohup when the terminal is closed',
    possible: canMakeTerminals,
    run: async (copy) => {
      const log = join(copy.temporary, 'log');
      const run = copy.onTerminal('nohup npm start > "$TMPDIR/log" 2>&1 & cat');
      await until(() => existsSync(log) && /Stop:/.test(readFileSync(log, 'utf8')), 'the greeting');
      run.signal('SIGKILL');
      await run.ended;
      await goesOn(copy, () => readFileSync(log, 'utf8'));
      const ending = new Ending(copy);
      process.kill(copy.pidOf('launcher'), 'SIGTERM');
      await ending.inOrder(run);
      rmSync(log);
    },
  },
  {
    title: 'ends in order when the script that started it is asked to, or killed',
    run: async (copy) => {
      for (const [signal, status] of [
        ['SIGTERM', 0],
        ['SIGKILL', 'SIGKILL'],
      ]) {
        const run = copy.start(`exec ${SCRIPT}`);
        await run.ready();
        const ending = new Ending(copy);
        run.signal(signal);
        await ending.inOrder(run, status);
      }
    },
  },
  {
    title: 'ends everything where it can write nothing any more',
    run: async (copy) => {
      const run = copy.start();
      await run.ready();
      const ending = new Ending(copy);
      rmSync(copy.file('endpoints.json'));
      const obstacles = ['endpoints.json', 'processes.json.new'].map((name) => copy.file(name));
      for (const each of obstacles) mkdirSync(each);
      run.signal('SIGTERM');
      await run.ended;
      for (const each of obstacles) rmdirSync(each);
      await ending.inOrder(run, 1);
      for (const each of obstacles) assert.ok(run.output.includes(each), run.output);
    },
  },
];

/**
 * It still serves, and has not begun to stop, after what was sent to it has arrived: the launcher, which serves the mailbox,
 * learns of a signal before it answers a request that was made later.
 */
async function goesOn(copy, output) {
  const { mailbox, portal } = copy.endpoints;
  for (const url of [`${mailbox}/messages`, `${portal}/health/ready`]) assert.equal((await fetch(url)).status, 200);
  assert.doesNotMatch(output(), /Stopping/);
}
