import { Secrets } from '@rebelcore/embedded/secrets';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environment } from './launcher.config.js';

const SERVICES = ['identity', 'token', 'audit', 'inference'];
const USAGE = `usage: npm run parked -- replay ${SERVICES.join('|')}
Tries the records again that this service could not apply, in order. The database is that of the system running here,
or the one in <SERVICE>_DATABASE_URL.`;

const fail = (message: string): never => {
  process.stderr.write(`${message}\n`);
  process.exit(1);
};

/** The service's own database URL: from the environment, or of the embedded system in `.data`. */
function databaseUrl(service: string, variable: string): string {
  const given = environment[variable];
  if (given !== undefined) return given;
  const dataDir = resolve('.data');
  const file = resolve(dataDir, 'endpoints.json');
  if (!existsSync(file)) return fail(`${file} is not there: start the system with "npm start", or set ${variable}.`);
  const { postgres } = JSON.parse(readFileSync(file, 'utf8')) as { postgres: { identity: string } };
  const url = new URL(postgres.identity);
  Object.assign(url, {
    username: service,
    password: new Secrets(dataDir).text(`postgres.${service}.runtime`),
    pathname: `/${service}`,
  });
  return url.href;
}

const [verb, service = ''] = process.argv.slice(2);
if (verb !== 'replay' || !SERVICES.includes(service)) fail(USAGE);
const variable = `${service.toUpperCase()}_DATABASE_URL`;
const program = fileURLToPath(new URL(`../../${service}/dist/replay-parked.js`, import.meta.url));
const { status } = spawnSync(process.execPath, [program], {
  stdio: 'inherit',
  env: { ...environment, [variable]: databaseUrl(service, variable) },
});
process.exitCode = status ?? 1;
