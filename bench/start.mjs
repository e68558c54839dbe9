// `npm start` on a fresh clone, and again: seconds until it says that it runs.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { options } from './lib/options.mjs';
import { report } from './lib/report.mjs';

const given = options({ warm: 3 });
const folder = mkdtempSync(join(tmpdir(), 'api-users-start-'));
chmodSync(folder, 0o755);
const clone = join(folder, 'clone');
execFileSync('git', ['clone', '--quiet', fileURLToPath(new URL('..', import.meta.url)), clone]);

/** Seconds to the greeting; then it is stopped as with Ctrl-C. */
async function start() {
  const started = performance.now();
  const child = spawn('npm', ['start'], { cwd: clone, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  let output = '';
  const greeted = new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
        if (output.includes('is running')) resolve((performance.now() - started) / 1000);
      });
    }
  });
  const seconds = await Promise.race([greeted, ended.then(() => undefined)]);
  if (seconds === undefined) throw new Error(`npm start ended:\n${output}`);
  process.kill(-child.pid, 'SIGINT');
  await ended;
  console.log(`  ${seconds.toFixed(1)} s`);
  return seconds;
}

const cold = await start();
const warm = [];
for (let n = 0; n < given.warm; n += 1) warm.push(await start());
warm.sort((a, b) => a - b);
await report(
  'start',
  [
    { what: '`npm start` on a fresh clone: packages, Kafka, build, databases, services', value: cold, unit: 's' },
    {
      what: '`npm start` again',
      spread: { median: warm[Math.floor(warm.length / 2)], min: warm[0], max: warm.at(-1), rounds: warm.length },
      unit: 's',
    },
  ],
  {},
);
rmSync(folder, { recursive: true, force: true });
