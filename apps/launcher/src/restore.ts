import { Misused, runCommand } from '@rebelcore/embedded/command';
import { runProgram } from './service-program.js';
import { mendEnvironment } from './system/mend-environment.js';

const usage = `usage: npm run restore -- events
Puts events that identity.events.v1 has and the event store lacks back into the store. The system is the one running here, or
the one that IDENTITY_MIGRATIONS_DATABASE_URL and KAFKA_BROKERS describe, with an administrator's login.`;

function restore(): number {
  if (process.argv[2] !== 'events') throw new Misused();
  return runProgram('identity', 'restore-events', mendEnvironment());
}

await runCommand({ usage, run: restore });
