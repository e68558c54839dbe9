import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { openDataFolder } from '@rebelcore/embedded/data-folder';
import { databaseUrl } from '@rebelcore/embedded/databases';
import { kafkaLogin } from '@rebelcore/embedded/kafka';
import { createKafka } from '@rebelcore/messaging/kafka-client';
import { peppers } from '@rebelcore/credentials/verifier';
import { startSystem } from '../../apps/launcher/dist/system/system.js';

/**
 * Starts the whole product in a folder of its own, as `npm start` does, with what a bench needs to look behind it.
 * Everything ends with this process, also on Ctrl-C.
 */
export async function startProduct({ replicas = {}, env = {} } = {}) {
  const dataDir = mkdtempSync(join(tmpdir(), 'api-users-bench-'));
  chmodSync(dataDir, 0o755);
  const folder = await openDataFolder(dataDir);
  const system = await startSystem(folder, {
    ports: 'free',
    replicas,
    env,
    progress: (line) => console.log(`  ${line}`),
  });
  const { secrets } = folder;
  const stop = async () => {
    await system.stop();
    if (process.env.KEEP_BENCH_DATA === undefined) rmSync(dataDir, { recursive: true, force: true });
  };
  let ending = false;
  const end = (error) => {
    if (error instanceof Error) console.error(error);
    if (ending) return;
    ending = true;
    void stop().finally(() => process.exit(1));
  };
  for (const event of ['SIGINT', 'SIGTERM', 'uncaughtException', 'unhandledRejection']) process.on(event, end);
  const adminLogin = kafkaLogin('admin', secrets);
  return {
    endpoints: system.endpoints,
    dataDir,
    stop,
    adminLogin,
    service: (name) => system.services.find((each) => each.name === name),
    services: system.services,
    /** Pids by name: of each Node service, of Kafka's nodes, of Postgres's first one. */
    processes: () => ({
      ...Object.fromEntries(system.services.map(({ name, process: { pid } }) => [name, [pid]])),
      Kafka: system.kafka.nodes.map(({ process: { pid } }) => pid),
      PostgreSQL: [system.postgres.process.pid],
    }),
    databaseUrl: (service, role = 'runtime') => databaseUrl(system.postgres.superuserUrl, service, role, secrets),
    superuserUrl: (database) => {
      const url = new URL(system.postgres.superuserUrl);
      url.pathname = `/${database}`;
      return url.href;
    },
    /** Waits until a service is ready again. */
    ready: async (name) => {
      const { url } = system.services.find((each) => each.name === name);
      for (;;) {
        const response = await fetch(`${url}/health/ready`).catch(() => undefined);
        if (response?.ok && !(await response.text()).includes('"current":false')) return;
        await delay(100);
      }
    },
    peppers: peppers.parse(`v1:${secrets.key('credential-pepper.v1')}`),
    brokers: system.endpoints.kafka.brokers,
    kafka: () => createKafka({ brokers: system.endpoints.kafka.brokers, clientId: 'bench', sasl: adminLogin }),
  };
}

/** Waits until the consumers of a service have read everything that lies on their topics. */
export async function caughtUp(url) {
  for (let quiet = 0; quiet < 5;) {
    const response = await fetch(`${url}/health/ready`).catch(() => undefined);
    const lags = [...((await response?.text()) ?? '').matchAll(/"lag":"(\d+)"/g)].map(([, lag]) => Number(lag));
    quiet = lags.length > 0 && lags.every((lag) => lag === 0) ? quiet + 1 : 0;
    await delay(100);
  }
}

/** One connection for as long as `work` takes. */
export async function withClient(url, work) {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
