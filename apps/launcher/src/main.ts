import { resolve } from 'node:path';
import { ProcessRegistry } from '@rebelcore/embedded/processes';
import { startSystem, tail, type Endpoints, type System } from './system.js';

const colour = process.stdout.isTTY;
const bold = (text: string) => (colour ? `\u001b[1m${text}\u001b[0m` : text);
const dim = (text: string) => (colour ? `\u001b[2m${text}\u001b[0m` : text);
const say = (line = '') => process.stdout.write(`${line}\n`);

const started = Date.now();
const dataDir = resolve('.data');
let interrupted = 0;

function greet(endpoints: Endpoints, logDir: string): void {
  const row = (name: string, text: string) => {
    say(`  ${name.padEnd(12)} ${text}`);
  };
  say(`\n${bold('API users is running')} ${dim(`(ready after ${((Date.now() - started) / 1000).toFixed(1)} s)`)}\n`);
  row('Gateway', bold(endpoints.portal));
  row('API docs', `${endpoints.portal}/docs`);
  row(
    'Services',
    ['identity', 'token', 'audit', 'inference'].map((n) => `${n} ${portOf(endpoints, n)}`).join(dim(' · ')),
  );
  row('Kafka', endpoints.kafka.brokers.join(','));
  row('Logs', logDir);
  say(`\n  ${bold('Demo owner')}   the Customer Super Admin of Demo Corp`);
  row('e-mail', endpoints.owner.email);
  row('password', endpoints.owner.password);
  say(`\n  ${bold('Authorize')}    with the credentials of an API user that the owner has minted`);
  say(`
  curl ${endpoints.portal}/api/v1/authorize \\
    -H 'content-type: application/json' \\
    -d '{"username": "<uuid>@api.rebelcore.local", "password": "<48 characters>"}'
`);
  say(`  ${dim('See the whole story:')}  npm run tour     ${dim('Stop:')}  Ctrl-C\n`);
}

const portOf = (endpoints: Endpoints, name: string) =>
  `:${new URL(endpoints[name as 'identity' | 'token' | 'audit' | 'inference']).port}`;

async function run(): Promise<void> {
  const registry = await ProcessRegistry.open(dataDir);
  const running: { system?: System } = {};
  const stop = async (code: number) => {
    await (running.system ? running.system.stop() : registry.stopEverything());
    say('Stopped.');
    process.exit(code);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      interrupted += 1;
      if (interrupted > 1) {
        registry.killEverything();
        process.exit(130);
      }
      say('\nStopping; the data is kept. Ctrl-C again ends it at once.');
      void stop(0);
    });
  }
  say('Starting');
  const system = await startSystem({
    dataDir,
    registry,
    ports: 'usual',
    progress: (line) => {
      say(`  ${line}`);
    },
    died: (service) => {
      say(`\nThe ${service.name} service ended unexpectedly, so everything is being stopped.\n${tail(service.log)}`);
      void stop(1);
    },
  });
  running.system = system;
  greet(system.endpoints, system.logDir);
}

try {
  await run();
} catch (error) {
  // A start that was interrupted fails of itself, since its parts are being stopped.
  if (interrupted === 0) {
    process.stderr.write(`\n${(error as Error).message}\n`);
    process.exit(1);
  }
}
