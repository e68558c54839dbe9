import { runMigrations } from '@rebelcore/service/database';
import { migrationsUrl } from './identity.config.js';
import { migrations } from './migrations/migrations.js';

try {
  const ran = await runMigrations({ url: migrationsUrl(), applicationName: 'identity-migrations', migrations });
  process.stdout.write(`identity: ${ran.length > 0 ? `migrated ${ran.join(', ')}` : 'the database is up to date'}\n`);
} catch (error) {
  process.stderr.write(`identity: the migration failed: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
