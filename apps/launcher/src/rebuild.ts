import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { environment } from './launcher.config.js';
import { NothingRuns, RunningSystem } from './running-system.js';

const VIEWS = ['token'];
const USAGE = `usage: npm run rebuild -- ${VIEWS.join('|')}
Builds the view of this service anew from its topics while the old one serves, compares both and puts the new one in its
place. The system is the one running here, or the one that <SERVICE>_MIGRATIONS_DATABASE_URL and KAFKA_BROKERS describe.`;

const fail = (message: string): never => {
  process.stderr.write(`${message}\n`);
  process.exit(1);
};

/** A database and a Kafka of one's own where they are named, those of the running system otherwise. */
function settings(service: string): Record<string, string | undefined> {
  const owner = `${service.toUpperCase()}_MIGRATIONS_DATABASE_URL`;
  const database = environment[owner] ?? environment[`${service.toUpperCase()}_DATABASE_URL`];
  const kafka = environment.KAFKA_BROKERS;
  if (database !== undefined && kafka !== undefined) return { [owner]: database };
  const running = RunningSystem.find(`${owner} and KAFKA_BROKERS`);
  return {
    [owner]: database ?? running.databaseUrl(service, 'owner'),
    ...(kafka === undefined && running.kafka(service)),
  };
}

const [service = ''] = process.argv.slice(2);
if (!VIEWS.includes(service)) fail(USAGE);
try {
  const program = fileURLToPath(new URL(`../../${service}/dist/rebuild.js`, import.meta.url));
  const { status } = spawnSync(process.execPath, ['--enable-source-maps', program], {
    stdio: 'inherit',
    env: { ...environment, ...settings(service) },
  });
  process.exitCode = status ?? 1;
} catch (error) {
  if (!(error instanceof NothingRuns)) throw error;
  fail(error.message);
}
