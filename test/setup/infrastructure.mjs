// Before the integration tier: one real Postgres, in which every spec file makes a database of its own, and a real Kafka for
// each Jest worker. Topic names are fixed, so spec files that run at the same moment must not meet on them: a token service
// of one file would confirm what an identity service of another is waiting for.
import { mkdtempSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKafka } from '@rebelcore/embedded/kafka';
import { startPostgres } from '@rebelcore/embedded/postgres';
import { freePort, ProcessRegistry } from '@rebelcore/embedded/processes';
import { Secrets } from '@rebelcore/embedded/secrets';
import { sweep } from './sweep.mjs';

const jars = new URL('../../.cache/kafka-4.3.1', import.meta.url).pathname;
const principals = ['identity', 'token', 'audit', 'inference', 'subscriber'];

export default async function start({ maxWorkers }) {
  await sweep('api-users-tests-');
  const dataDir = mkdtempSync(join(tmpdir(), 'api-users-tests-'));
  chmodSync(dataDir, 0o755);
  const logDir = join(dataDir, 'logs');
  const secrets = new Secrets(dataDir);
  const registry = await ProcessRegistry.open(dataDir);
  const takenPorts = new Set();
  const users = Object.fromEntries([...principals, 'admin'].map((name) => [name, secrets.text(`kafka.${name}`)]));
  const kafkaOf = (worker) => {
    const name = `worker-${worker}`;
    const own = { dataDir: join(dataDir, name), logDir: join(logDir, name) };
    return startKafka({ ...own, jars, nodes: 1, port: 0, takenPorts, users, registry });
  };
  const [postgres, ...clusters] = await Promise.all([
    freePort(0, takenPorts).then((port) =>
      startPostgres({ dataDir, logDir, port, superuserPassword: secrets.text('postgres'), registry }),
    ),
    ...Array.from({ length: maxWorkers }, (_, index) => kafkaOf(index + 1)),
  ]).catch(async (error) => {
    await registry.stopEverything();
    throw error;
  });
  const login = (username) => ({ username, password: users[username] });
  process.env.TEST_POSTGRES_URL = postgres.superuserUrl;
  process.env.TEST_KAFKA = JSON.stringify({
    brokersOfWorkers: clusters.map(({ brokers }) => brokers),
    admin: login('admin'),
    principals: Object.fromEntries(principals.map((name) => [name, login(name)])),
  });
  globalThis.stopInfrastructure = async () => {
    await Promise.all(clusters.map((kafka) => kafka.stop()));
    await postgres.stop();
    registry.close();
    return dataDir;
  };
}
