import { runMigrations } from '@rebelcore/service/database';
import { migrationsUrl } from './audit.config.js';
import { migrations } from './migrations/migrations.js';

try {
  const ran = await runMigrations({ url: migrationsUrl(), applicationName: 'audit-migrations', migrations });
  process.stdout.write(`audit: ${ran.length > 0 ? `migrated ${ran.join(', ')}` : 'the database is up to date'}\n`);
} catch (error) {
  process.stderr.write(`audit: the migration failed: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
