import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { databaseUrl } from '@rebelcore/embedded/databases';
import { kafkaLogin } from '@rebelcore/embedded/kafka';

const run = promisify(execFile);

/**
 * Runs what `npm run republish`, `npm run restore -- events` and `npm run rebuild` run, on the system under test; what it
 * printed.
 */
export async function mend(system, program, service = 'identity', principal = 'admin') {
  const { kafka, postgres } = system.endpoints;
  const { username, password } = kafkaLogin(principal, system.secrets);
  const file = fileURLToPath(new URL(`../../apps/${service}/dist/${program}.js`, import.meta.url));
  const { stdout } = await run(process.execPath, ['--enable-source-maps', file], {
    env: {
      PATH: process.env.PATH,
      [`${service.toUpperCase()}_MIGRATIONS_DATABASE_URL`]: databaseUrl(
        postgres.identity,
        service,
        'owner',
        system.secrets,
      ),
      KAFKA_BROKERS: kafka.brokers.join(','),
      KAFKA_USERNAME: username,
      KAFKA_PASSWORD: password,
    },
  });
  return stdout;
}
