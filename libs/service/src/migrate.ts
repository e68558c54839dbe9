import { messageOf } from '@rebelcore/messaging/logger';
import { databaseUrl } from './config.js';
import { runMigrations, type DatabaseOptions } from './database.js';

/**
 * Brings the schema of a service up to date, as the owner of its database. Prints what ran; the exit status is 1 when it
 * failed.
 */
export async function migrate(service: string, migrations: NonNullable<DatabaseOptions['migrations']>): Promise<void> {
  try {
    const url = databaseUrl(service, 'owner');
    const ran = await runMigrations({ url, applicationName: `${service}-migrations`, migrations });
    process.stdout.write(
      `${service}: ${ran.length > 0 ? `migrated ${ran.join(', ')}` : 'the database is up to date'}\n`,
    );
  } catch (error) {
    process.stderr.write(`${service}: the migration failed: ${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}
