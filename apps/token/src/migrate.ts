import { runMigrations } from '@rebelcore/service/database';
import { migrations } from './migrations/migrations.js';
import { migrationsUrl } from './token.config.js';

try {
  const ran = await runMigrations({ url: migrationsUrl(), applicationName: 'token-migrations', migrations });
  process.stdout.write(`token: ${ran.length > 0 ? `migrated ${ran.join(', ')}` : 'the database is up to date'}\n`);
} catch (error) {
  process.stderr.write(`token: the migration failed: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
