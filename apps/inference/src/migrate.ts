import { runMigrations } from '@rebelcore/service/database';
import { migrations } from './migrations/migrations.js';
import { migrationsUrl } from './inference.config.js';

try {
  const ran = await runMigrations({ url: migrationsUrl(), applicationName: 'inference-migrations', migrations });
  process.stdout.write(`inference: ${ran.length > 0 ? `migrated ${ran.join(', ')}` : 'the database is up to date'}\n`);
} catch (error) {
  process.stderr.write(`inference: the migration failed: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
