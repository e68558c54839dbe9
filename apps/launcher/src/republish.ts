import { parseArgs } from 'node:util';
import { runCommand } from '@rebelcore/embedded/command';
import { runProgram } from './service-program.js';
import { mendEnvironment } from './system/mend-environment.js';

const usage = `usage: npm run republish -- [--the-store-is-right]
Makes identity's topics anew and fills them from the event store. Refuses while they have anything that the store lacks.
--the-store-is-right  whatever the store lacks shall be gone for good
The system is the one running here, or the one that IDENTITY_MIGRATIONS_DATABASE_URL and KAFKA_BROKERS describe, with an
administrator's login.`;

function republish(): number {
  const { values } = parseArgs({ options: { 'the-store-is-right': { type: 'boolean', default: false } } });
  const args = values['the-store-is-right'] ? ['--the-store-is-right'] : [];
  return runProgram('identity', 'republish', mendEnvironment(), args);
}

await runCommand({ usage, run: republish });
