import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bold, dim, Misused, runCommand, say } from '@rebelcore/embedded/command';
import { openDataFolder } from '@rebelcore/embedded/data-folder';
import { isService, SERVICES, STORING_SERVICES, type ServiceName } from './service-program.js';
import { Supervisor, type Part } from './system/supervisor.js';
import { onInterruption } from './interruption.js';
import { startSystem, type System } from './system/system.js';

const usage = `usage: npm start [-- --kafka-lost]
       npm run dev -- [--inspect ${SERVICES.join('|')}]
Runs the whole product on this machine until Ctrl-C. npm run dev also builds what is edited and restarts the services that
it concerns; --inspect lets a debugger attach to one of them. --kafka-lost makes an empty Kafka beside the databases, where its
log is gone for good.`;

interface Mode {
  /** Restart services as their files change, and outlive the end of one. */
  readonly dev: boolean;
  readonly inspect: ServiceName | undefined;
  readonly isKafkaLost: boolean;
}

function modeOf(args: readonly string[]): Mode {
  const isSet = { type: 'boolean', default: false } as const;
  const options = { dev: isSet, inspect: { type: 'string' }, 'kafka-lost': isSet } as const;
  const { dev, inspect, 'kafka-lost': isKafkaLost } = parseArgs({ args: [...args], options }).values;
  if (inspect !== undefined && !isService(inspect)) throw new Misused();
  return { dev, inspect, isKafkaLost };
}

async function run(): Promise<number> {
  const { dev, inspect, isKafkaLost } = modeOf(process.argv.slice(2));
  const started = performance.now();
  const folder = await openDataFolder(resolve('.data'));
  const ended = Promise.withResolvers<number>();
  let system: System | undefined;
  let stopping = false;
  const isStopping = () => stopping;
  const stop = async (status: number) => {
    if (stopping) return;
    stopping = true;
    const waiting = setInterval(() => {
      say('  Waiting for services and databases to end.');
    }, 5_000);
    try {
      await (system ? system.stop() : folder.registry.stopEverything());
      say('Stopped.');
      ended.resolve(status);
    } catch (error) {
      complain(error);
      // Also what the order had not come to yet.
      await folder.registry.stopEverything();
      ended.resolve(1);
    }
    clearInterval(waiting);
  };
  const supervisor = new Supervisor({
    say,
    gaveUp: (reason) => {
      say(`\n${reason}`);
      void stop(1);
    },
  });
  const died = (part: Part) => {
    if (dev && isService(part.name)) {
      say(`\nThe ${part.name} service ended unexpectedly and waits for the next edit; ${part.process.lastWords()}`);
    } else {
      void supervisor.restart(part);
    }
  };
  onInterruption({
    first: () => {
      say('\nStopping; the data is kept. Ctrl-C again ends it at once.');
      void stop(0);
    },
    insisting: () => {
      folder.registry.killEverything();
      process.exit(130);
    },
    failed: (error) => {
      complain(error);
      void stop(1);
    },
  });
  say('Starting');
  try {
    system = await startSystem(folder, {
      ports: 'usual',
      inspect,
      isKafkaLost,
      progress: (line) => {
        if (!isStopping()) say(`  ${line}`);
      },
      died,
    });
    if (isStopping()) await system.stop();
    else greet(system, performance.now() - started, dev);
    // Only here: it brings the compiler, which a start without it does not need.
    if (dev && !isStopping()) (await import('./dev/restart-on-edits.js')).restartOnEdits(system);
  } catch (error) {
    // A start that was interrupted fails of itself, since its parts are being stopped.
    if (!isStopping()) throw error;
  }
  return ended.promise;
}

function complain(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
}

function greet({ endpoints, logDir, publicUrl, services, troubles }: System, startedInMs: number, dev: boolean): void {
  const row = (name: string, text: string) => {
    say(`  ${name.padEnd(12)} ${text}`);
  };
  const ports = STORING_SERVICES.map((name) => `${name} :${new URL(endpoints[name]).port}`);
  const inspected = services.find(({ inspector }) => inspector !== undefined);
  const state = troubles.length === 0 ? 'is running' : 'is running, and something needs mending';
  say(`\n${bold(`API users ${state}`)} ${dim(`(ready after ${(startedInMs / 1000).toFixed(1)} s)`)}\n`);
  for (const trouble of troubles) say(`  ${bold('!')} ${trouble}`);
  if (troubles.length > 0)
    say(`\n  ${dim('docs/operations says what is lost and what to type; leave this running meanwhile.')}\n`);
  row('Portal', bold(endpoints.portal));
  row('e-mail', endpoints.owner.email);
  row('password', endpoints.owner.password);
  row('code', `${bold('npm run code')}   ${dim('prints the six digits of the moment')}`);
  if (endpoints.mailbox !== undefined) row('Mailbox', `${endpoints.mailbox}   ${dim('shows every mail that is sent')}`);
  say(`\n  ${dim('You sign in as Dana Demo, the Customer Super Admin of Demo Corp.')}\n`);
  row('API docs', `${endpoints.portal}/docs`);
  row('Issuer', `${publicUrl}   ${dim('of tokens; PUBLIC_URL sets another origin')}`);
  row('Services', ports.join(dim(' · ')));
  row('Kafka', endpoints.kafka.brokers.join(','));
  row('Logs', logDir);
  if (inspected) row('Debugger', `${inspected.name} ${bold(inspected.inspector ?? '')}`);
  if (dev) row('Edits', 'what is saved below apps and libs is built, and the services that run it are restarted');
  say(`\n  ${bold('Authorize')}    with the credentials of an API user that the owner has minted`);
  say(`
  curl ${endpoints.portal}/api/v1/authorize \\
    -H 'content-type: application/json' \\
    -d '{"username": "<uuid>@api.rebelcore.local", "password": "<48 characters>"}'
`);
  say(`  ${dim('See the whole story:')}  npm run tour     ${dim('Stop:')}  Ctrl-C\n`);
}

await runCommand({ usage, run });
