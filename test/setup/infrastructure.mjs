// Before the integration tier: one real Postgres and one real Kafka, shared; every test file makes its own database in it.
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

export default async function start() {
  await sweep('api-users-tests-');
  const dataDir = mkdtempSync(join(tmpdir(), 'api-users-tests-'));
  chmodSync(dataDir, 0o755);
  const logDir = join(dataDir, 'logs');
  const secrets = new Secrets(dataDir);
  const registry = await ProcessRegistry.open(dataDir);
  const takenPorts = new Set();
  const users = Object.fromEntries([...principals, 'admin'].map((name) => [name, secrets.text(`kafka.${name}`)]));
  const [postgres, kafka] = await Promise.all([
    freePort(0, takenPorts).then((port) =>
      startPostgres({ dataDir, logDir, port, superuserPassword: secrets.text('postgres'), registry }),
    ),
    startKafka({ dataDir, logDir, jars, nodes: 1, port: 0, takenPorts, users, registry }),
  ]).catch(async (error) => {
    await registry.stopEverything();
    throw error;
  });
  const login = (username) => ({ username, password: users[username] });
  process.env.TEST_POSTGRES_URL = postgres.superuserUrl;
  process.env.TEST_KAFKA = JSON.stringify({
    brokers: kafka.brokers,
    admin: login('admin'),
    principals: Object.fromEntries(principals.map((name) => [name, login(name)])),
  });
  globalThis.stopInfrastructure = async () => {
    await kafka.stop();
    await postgres.stop();
    registry.close();
    return dataDir;
  };
}
