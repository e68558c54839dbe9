import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { environment } from './launcher.config.js';
import { NothingRuns, RunningSystem } from './running-system.js';

const SERVICES = ['identity', 'token', 'audit', 'inference'];
const USAGE = `usage: npm run parked -- replay ${SERVICES.join('|')}
Tries the records again that this service could not apply, in order. The database is that of the system running here,
or the one in <SERVICE>_DATABASE_URL.`;

const fail = (message: string): never => {
  process.stderr.write(`${message}\n`);
  process.exit(1);
};

const [verb, service = ''] = process.argv.slice(2);
if (verb !== 'replay' || !SERVICES.includes(service)) fail(USAGE);
const variable = `${service.toUpperCase()}_DATABASE_URL`;
try {
  const program = fileURLToPath(new URL(`../../${service}/dist/replay-parked.js`, import.meta.url));
  const { status } = spawnSync(process.execPath, [program], {
    stdio: 'inherit',
    env: { ...environment, [variable]: environment[variable] ?? RunningSystem.find(variable).databaseUrl(service) },
  });
  process.exitCode = status ?? 1;
} catch (error) {
  if (!(error instanceof NothingRuns)) throw error;
  fail(error.message);
}
