import { parseArgs } from 'node:util';
import { Misused, runCommand } from '@rebelcore/embedded/command';
import { runProgram } from './service-program.js';
import { mendEnvironment } from './system/mend-environment.js';

const usage = `usage: npm run restore -- events [--what-is-there]
Puts events that identity.events.v1 has and the event store lacks back into the store.
--what-is-there  where the topic has lost events of a customer, those before them are put back all the same
The system is the one running here, or the one that IDENTITY_MIGRATIONS_DATABASE_URL and KAFKA_BROKERS describe, with an
administrator's login.`;

function restore(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { 'what-is-there': { type: 'boolean', default: false } },
  });
  if (positionals.length !== 1 || positionals[0] !== 'events') throw new Misused();
  const args = values['what-is-there'] ? ['--what-is-there'] : [];
  return runProgram('identity', 'restore-events', mendEnvironment(), args);
}

await runCommand({ usage, run: restore });
