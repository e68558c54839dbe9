import { join } from 'node:path';
import { inheritedEnvironment, programOf, variableOf, type StoringService } from '../service-program.js';
import type { Infrastructure } from './infrastructure.js';
import type { Launch } from './launch.js';

/** Brings the schema of a service up to date, as its owner. */
export async function migrate(service: StoringService, launch: Launch, infrastructure: Infrastructure): Promise<void> {
  const { registry, logDir } = launch.folder;
  const migration = registry.start({
    name: `${service} migrations`,
    command: process.execPath,
    args: [programOf(service, 'migrate')],
    env: {
      ...inheritedEnvironment(),
      [variableOf(service, 'MIGRATIONS_DATABASE_URL')]: infrastructure.databaseUrl(service, 'owner'),
    },
    log: join(logDir, `${service}.log`),
  });
  const { code } = await migration.exited;
  if (code !== 0) {
    throw new Error(`The schema of ${service} could not be brought up to date; ${migration.lastWords()}`);
  }
}
