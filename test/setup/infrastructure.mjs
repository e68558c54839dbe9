// Before the integration tier: one real Postgres, in which every spec file makes a database of its own, and a real Kafka for
// each Jest worker. Topic names are fixed, so spec files that run at the same moment must not meet on them: a token service
// of one file would confirm what an identity service of another is waiting for.
import { mkdtempSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PRINCIPALS } from '@rebelcore/contracts/topics';
import { openDataFolder } from '@rebelcore/embedded/data-folder';
import { kafkaLogin, startKafka } from '@rebelcore/embedded/kafka';
import { startPostgres } from '@rebelcore/embedded/postgres';
import { freePort } from '@rebelcore/embedded/processes';
import { sweep } from './sweep.mjs';
import { onTeardown } from './teardown.mjs';

export default async function start({ maxWorkers }) {
  await sweep('api-users-tests-');
  const dataDir = mkdtempSync(join(tmpdir(), 'api-users-tests-'));
  chmodSync(dataDir, 0o755);
  const folder = await openDataFolder(dataDir);
  const { logDir, registry, secrets } = folder;
  const kafkaOf = (worker) => {
    const name = `worker-${worker}`;
    const own = { ...folder, dataDir: join(dataDir, name), logDir: join(logDir, name) };
    return startKafka(own, { nodes: 1, port: 0 });
  };
  const [postgres, ...clusters] = await Promise.all([
    freePort().then((port) => startPostgres(folder, port)),
    ...Array.from({ length: maxWorkers }, (_, index) => kafkaOf(index + 1)),
  ]).catch(async (error) => {
    await registry.stopEverything();
    throw error;
  });
  process.env.TEST_POSTGRES_URL = postgres.superuserUrl;
  process.env.TEST_KAFKA = JSON.stringify({
    brokersOfWorkers: clusters.map(({ brokers }) => brokers),
    admin: kafkaLogin('admin', secrets),
    principals: Object.fromEntries(PRINCIPALS.map((name) => [name, kafkaLogin(name, secrets)])),
  });
  onTeardown(async () => {
    await Promise.all(clusters.map((kafka) => kafka.stop()));
    await postgres.stop();
    registry.close();
    return dataDir;
  });
}
