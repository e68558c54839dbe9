import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createKafka } from '@rebelcore/messaging/kafka-client';
import pg from 'pg';
import { openDataFolder } from '@rebelcore/embedded/data-folder';
import { kafkaLogin } from '@rebelcore/embedded/kafka';
import { startSystem } from '../../apps/launcher/dist/system/system.js';
import { send } from './http.mjs';
import { Topics } from './topics.mjs';
import { seconds, until } from './waiting.mjs';

const PRELOAD = new URL('./preload.mjs', import.meta.url).href;
const REPLICATED = ['identity', 'token', 'audit'];

/** The whole product as child processes, two of each service that carries the promises, with ways to harm and heal it. */
export class FaultSystem {
  #control;
  #controlFile;

  /** @param unprotected index of a protection that is taken out of the services as they load */
  static async start({ kafkaNodes, unprotected, progress }) {
    const dataDir = mkdtempSync(join(tmpdir(), 'api-users-faults-'));
    chmodSync(dataDir, 0o755);
    const system = new FaultSystem();
    system.dataDir = dataDir;
    system.#controlFile = join(dataDir, 'faults.json');
    system.#control = { unprotected };
    system.#save();
    const env = { NODE_OPTIONS: `--import=${PRELOAD}`, FAULTS_CONTROL: system.#controlFile };
    const replicas = { identity: 2, token: 2, audit: 2 };
    const folder = await openDataFolder(dataDir);
    system.running = await startSystem(folder, { ports: 'free', kafkaNodes, replicas, env, progress });
    system.secrets = folder.secrets;
    system.topics = new Topics((principal) => system.kafka(principal));
    const before = Date.now();
    await system.crash(system.services('identity')[1]);
    system.restartMs = Date.now() - before;
    progress(`a service is ready ${(system.restartMs / 1000).toFixed(1)} s after a kill -9`);
    return system;
  }

  get endpoints() {
    return this.running.endpoints;
  }

  /** The replicas of a service, the first one first. */
  services(name) {
    return this.running.services
      .filter((service) => service.name === name)
      .sort((a, b) => labelOf(a).localeCompare(labelOf(b)));
  }

  kafka(principal) {
    const sasl = kafkaLogin(principal, this.secrets);
    return createKafka({ brokers: this.endpoints.kafka.brokers, clientId: 'faults', sasl });
  }

  /** One query as the read-only role, within one customer where a table is scoped to it; rows. */
  async read(database, text, values = [], customerId = '') {
    return withClient(this.endpoints.postgres[database], async (client) => {
      await client.query('begin read only');
      await client.query("select set_config('rebelcore.customer_id', $1, true)", [customerId]);
      return (await client.query(text, values)).rows;
    });
  }

  /** One statement as the superuser: what no service may do. */
  async asSuperuser(database, text, values = []) {
    const url = new URL(this.running.postgres.superuserUrl);
    url.pathname = `/${database}`;
    return withClient(url.href, async (client) => (await client.query(text, values)).rows);
  }

  /**
   * A limit meant for a machine with nothing else to do, on this one as it is now, while a load takes both of its cores: a start takes
   * up to three times as long then as the one that was measured without.
   */
  patience(ms) {
    return Math.max(ms, 2 * ms * (this.restartMs / 2_500));
  }

  // ── harm and heal ──

  /** kill -9, and back again once `afterMs` have passed. */
  async crash(service, afterMs = 0) {
    service.kill('SIGKILL');
    await service.process.exited;
    await seconds(afterMs / 1000);
    await service.restart();
  }

  /**
   * Has whichever of the services comes first to a statement die there; see preload.mjs. `meanwhile` brings it there.
   *
   * @returns the one that died
   */
  async crashAt(services, point, meanwhile = () => undefined, withinMs = 30_000) {
    this.control({ crash: Object.fromEntries(services.map((service) => [labelOf(service), point])) });
    for (const service of services) service.kill('SIGUSR2');
    // The point is set once the process has read it.
    await seconds(0.3);
    const busy = meanwhile();
    const dead = await until(
      () => services.find(({ process }) => !process.running),
      `${services.map(labelOf).join(' or ')} to die ${point.when} ${point.on}`,
      withinMs,
    );
    this.control({ crash: undefined });
    for (const { process } of services) if (process.running) process.kill('SIGUSR2');
    await busy;
    return dead;
  }

  /** Restarts services with what now stands in the control file: links, environment. */
  async reload(names = REPLICATED) {
    await Promise.all(names.flatMap((name) => this.services(name)).map((service) => this.crash(service)));
  }

  /** Sets clocks wrong: `{ms, perSecond?}` by which the host of a service, or `database`, is ahead, at once or drifting there. */
  clocks(ahead) {
    this.control({ clock: ahead });
    for (const { process } of this.running.services) if (process.running) process.kill('SIGUSR2');
  }

  control(changes) {
    Object.assign(this.#control, changes);
    this.#save();
  }

  #save() {
    writeFileSync(this.#controlFile, JSON.stringify(this.#control));
  }

  async killKafka(nodes = this.running.kafka.nodes) {
    for (const node of nodes) node.kill('SIGKILL');
    await Promise.all(nodes.map((node) => node.process.exited));
  }

  restartKafka(nodes = this.running.kafka.nodes) {
    // Whether it comes back is seen by what asks for it; it may be killed again before it answers.
    for (const node of nodes) if (!node.process.running) void node.restart().catch(() => undefined);
  }

  async restartPostgres() {
    // After kill -9 its children need a moment to notice, and hold the shared memory until then.
    await until(() => this.running.postgres.restart().then(() => true), 'Postgres to start again', 30_000);
  }

  /** Everything that is running is let go on, and everything that is not is started. */
  async heal() {
    this.control({ crash: undefined, links: undefined, env: undefined, clock: undefined });
    const { kafka, postgres, services } = this.running;
    for (const { process } of [postgres, ...kafka.nodes, ...services]) if (process.running) process.kill('SIGCONT');
    if (!postgres.process.running) await this.restartPostgres();
    this.restartKafka();
    await Promise.all(services.filter(({ process }) => !process.running).map((service) => service.restart()));
  }

  /** Kafka has all of its replicas and every service says that it is ready; the load may go on. */
  async ready(timeoutMs = 90_000) {
    await until(() => this.topics.inSync(), 'the replicas of Kafka to be in sync', timeoutMs);
    let last = '';
    await until(
      async () => {
        last = await this.#notReady();
        return last === '';
      },
      () => `every service to be ready: ${last}`,
      timeoutMs,
    );
  }

  /** Ready, nothing on its way, every consumer at the end of its topics. */
  async settled(timeoutMs = 90_000) {
    await this.ready(timeoutMs);
    await until(() => this.#spoolsEmpty(), 'the spools to drain', timeoutMs);
    await until(() => this.#outboxesEmpty(), 'the outboxes to empty', timeoutMs);
    await until(() => this.#consumersAtEnd(), 'the consumers to reach the end of their topics', timeoutMs);
  }

  async #notReady() {
    const answers = await Promise.all(
      this.running.services.map(async (service) => {
        const { status, body, error } = await send('GET', `${service.url}/health/ready`, { timeoutMs: 4_000 });
        const isCurrent = Object.values(body?.checks ?? {}).every(
          ({ current, answers }) => current !== false && answers !== false,
        );
        return status === 200 && isCurrent
          ? ''
          : `${labelOf(service)} ${status ?? error} ${JSON.stringify(body?.checks)}; `;
      }),
    );
    return answers.join('');
  }

  async #spoolsEmpty() {
    const answers = await Promise.all(
      REPLICATED.flatMap((name) => this.services(name)).map(({ url }) => send('GET', `${url}/health/ready`)),
    );
    return answers.every(({ body }) => (body?.checks?.recording?.spooledBytes ?? 0) === 0);
  }

  async #outboxesEmpty() {
    const counts = await Promise.all(
      ['identity', 'token'].map((database) => this.read(database, 'select count(*)::int as n from outbox')),
    );
    return counts.every(([{ n }]) => n === 0);
  }

  async #consumersAtEnd() {
    for (const [database, view, topics] of CONSUMERS) {
      const rows = await this.read(
        database,
        'select topic, partition, next_offset from consumer_offset where view = $1',
        [view],
      );
      for (const topic of topics) {
        for (const { partition, high } of await this.topics.ends(topic)) {
          const row = rows.find((each) => each.topic === topic && each.partition === partition);
          if (Number(row?.next_offset ?? 0) < Number(high)) return false;
        }
      }
    }
    return true;
  }

  async stop({ keepData = false } = {}) {
    await this.topics.close();
    await this.running.stop();
    if (!keepData) rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** Who records calls, each on a topic of its own. */
export const CALLS_TOPICS = ['token', 'inference', 'identity', 'audit'].map((service) => `api.calls.${service}.v1`);

/** Database, view, topics. */
const CONSUMERS = [
  ['token', 'authorization-v1', ['identity.events.v1', 'identity.credentials.v1']],
  ['identity', 'enforcement-v1', ['token.events.v1']],
  ['audit', 'activity-v1', ['identity.events.v1', 'token.events.v1', ...CALLS_TOPICS]],
];

export const labelOf = ({ log }) => basename(log, '.log');

async function withClient(connectionString, work) {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 3_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
