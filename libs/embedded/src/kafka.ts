import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PRINCIPALS, type Principal } from '@rebelcore/contracts/topics';
import { createKafka } from '@rebelcore/messaging/kafka-client';
import { ensureAcls, ensureTopics } from '@rebelcore/messaging/topics-admin';
import type { DataFolder } from './data-folder.js';
import { freePort, type ManagedProcess } from './processes.js';
import type { Secrets } from './secrets.js';

/** Where prepare.mjs has put them. */
const JARS = fileURLToPath(new URL('../../../.cache/kafka-4.3.1/*', import.meta.url));
export const JAVA_OPTIONS = ['-cp', JARS, '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'];

export interface KafkaOptions {
  /** One node, or three that survive the loss of one. */
  readonly nodes: 1 | 3;
  /** The port for clients of the first node where it is free; the others get free ones. */
  readonly port: number;
}

/** SCRAM user and password of a service, or of the administrator. */
export interface KafkaLogin {
  readonly username: string;
  readonly password: string;
}

/** A login of the embedded Kafka; fixed at its first start. */
export function kafkaLogin(username: Principal | 'admin', secrets: Secrets): KafkaLogin {
  return { username, password: secrets.text(`kafka.${username}`) };
}

/** One node of the cluster, to be harmed and healed by tests. */
export interface KafkaNode {
  readonly id: number;
  readonly process: ManagedProcess;
  kill(signal: NodeJS.Signals): void;
  /** Starts it again after a kill, on the same ports and data. */
  restart(): void;
}

export interface EmbeddedKafka {
  readonly brokers: string[];
  readonly nodes: readonly KafkaNode[];
  stop(): Promise<void>;
}

/** Starts real Apache Kafka nodes in KRaft mode on loopback and resolves once topics, access rules and groups work. */
export async function startKafka(folder: DataFolder, options: KafkaOptions): Promise<EmbeddedKafka> {
  const cluster = await describeCluster(folder, options);
  const nodes = Object.keys(cluster.ports).map((id) => startNode(folder, cluster, Number(id)));
  const brokers = nodes.map(({ id }) => address(cluster, id, 'client'));
  const kafka = createKafka({ brokers, clientId: 'launcher', sasl: kafkaLogin('admin', folder.secrets) });
  const ended = Promise.race(nodes.map(async ({ process }) => process.exited.then(() => process.log)));
  const ready = (async () => {
    await ensureTopics(kafka, { replicationFactor: options.nodes });
    await ensureAcls(kafka);
    return undefined;
  })();
  const log = await Promise.race([ready, ended]);
  if (log !== undefined) throw new Error(`Kafka ended while starting; see ${log}`);
  return {
    brokers,
    nodes,
    stop: async () => {
      // Together: a node that stops last would wait for a quorum that is gone.
      await Promise.all(nodes.map(({ process }) => process.stop('SIGTERM', options.nodes === 1 ? 15_000 : 5_000)));
    },
  };
}

/** What all nodes have in common. */
interface Cluster {
  readonly dir: string;
  readonly id: string;
  readonly ports: Ports;
}
/** By the number of the node. */
type Ports = Readonly<Record<string, { readonly client: number; readonly controller: number }>>;

async function describeCluster({ dataDir }: DataFolder, { nodes, port }: KafkaOptions): Promise<Cluster> {
  const dir = join(dataDir, 'kafka');
  mkdirSync(dir, { recursive: true });
  return { dir, ports: await rememberedPorts(dir, nodes, port), id: clusterId(dir) };
}

/** The quorum's addresses are part of its configuration, so ports are kept from start to start while they are free. */
async function rememberedPorts(dir: string, nodes: number, port: number): Promise<Ports> {
  const file = join(dir, 'ports.json');
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Ports) : {};
  const ports: Record<string, Ports[string]> = {};
  for (let id = 1; id <= nodes; id += 1) {
    const wanted = before[id] ?? { client: id === 1 ? port : 0, controller: 0 };
    ports[id] = { client: await freePort(wanted.client), controller: await freePort(wanted.controller) };
  }
  writeFileSync(file, JSON.stringify(ports));
  return ports;
}

const address = ({ ports }: Cluster, id: number, of: 'client' | 'controller') => `127.0.0.1:${ports[id]?.[of] ?? 0}`;

function clusterId(dir: string): string {
  const file = join(dir, 'cluster-id');
  if (!existsSync(file)) writeFileSync(file, storageTool(['random-uuid']).trim());
  return readFileSync(file, 'utf8');
}

function startNode(folder: DataFolder, cluster: Cluster, id: number): KafkaNode {
  const dir = join(cluster.dir, `node-${id}`);
  const config = join(dir, 'server.properties');
  const logs = join(dir, 'logs');
  mkdirSync(dir, { recursive: true });
  const admin = kafkaLogin('admin', folder.secrets);
  const properties = Object.entries(nodeProperties(cluster, id, logs, admin));
  writeFileSync(config, properties.map(([key, value]) => `${key}=${value}\n`).join(''), { mode: 0o600 });
  if (!existsSync(join(logs, 'meta.properties'))) {
    const users = [...PRINCIPALS, 'admin' as const]
      .map((name) => kafkaLogin(name, folder.secrets))
      .flatMap(({ username, password }) => ['--add-scram', `SCRAM-SHA-256=[name=${username},password=${password}]`]);
    storageTool(['format', '-t', cluster.id, '-c', config, '--ignore-formatted', ...users]);
  }
  const launch = () =>
    folder.registry.start({
      name: Object.keys(cluster.ports).length === 1 ? 'kafka' : `kafka-${id}`,
      command: 'java',
      args: ['-Xms256m', '-Xmx512m', '-XX:+UseG1GC', ...JAVA_OPTIONS, 'kafka.Kafka', config],
      log: join(folder.logDir, `kafka-${id}.log`),
    });
  let running = launch();
  return {
    id,
    get process() {
      return running;
    },
    kill: (signal) => {
      running.kill(signal);
    },
    restart: () => {
      running = launch();
    },
  };
}

/** @returns what it prints */
function storageTool(args: readonly string[]): string {
  const result = spawnSync('java', [...JAVA_OPTIONS, 'kafka.tools.StorageTool', ...args], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`Kafka's storage tool failed: ${result.stderr || result.stdout}`);
  return result.stdout;
}

function nodeProperties(
  cluster: Cluster,
  id: number,
  logDir: string,
  { username, password }: KafkaLogin,
): Record<string, string | number | boolean> {
  const login = (module: string, more = '') =>
    `org.apache.kafka.common.security.${module} required username="${username}" password="${password}"${more};`;
  const ids = Object.keys(cluster.ports).map(Number);
  const replicas = ids.length;
  const client = `CLIENT://${address(cluster, id, 'client')}`;
  return {
    'process.roles': 'broker,controller',
    'node.id': id,
    'controller.quorum.voters': ids.map((each) => `${each}@${address(cluster, each, 'controller')}`).join(','),
    listeners: `${client},CONTROLLER://${address(cluster, id, 'controller')}`,
    'advertised.listeners': client,
    'listener.security.protocol.map': 'CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'CLIENT',
    'log.dirs': logDir,
    // Every connection is authenticated. The controllers use PLAIN among themselves, since SCRAM needs a quorum to read.
    'sasl.enabled.mechanisms': 'SCRAM-SHA-256',
    'sasl.mechanism.inter.broker.protocol': 'SCRAM-SHA-256',
    'sasl.mechanism.controller.protocol': 'PLAIN',
    'listener.name.controller.sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.client.scram-sha-256.sasl.jaas.config': login('scram.ScramLoginModule'),
    'listener.name.controller.plain.sasl.jaas.config': login('plain.PlainLoginModule', ` user_admin="${password}"`),
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:admin',
    'allow.everyone.if.no.acl.found': false,
    'auto.create.topics.enable': false,
    'default.replication.factor': replicas,
    'min.insync.replicas': replicas === 3 ? 2 : 1,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': 8,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': replicas === 3 ? 2 : 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': replicas === 3 ? 2 : 1,
    'share.coordinator.state.topic.num.partitions': 4,
    'group.initial.rebalance.delay.ms': 0,
    // A dead node is noticed after three seconds instead of nine, so that writers stand still no longer than that.
    'broker.heartbeat.interval.ms': 500,
    'broker.session.timeout.ms': 3000,
    'log.retention.check.interval.ms': 300_000,
    // For a machine that does other things as well: fewer threads that look for work, and fewer records that say nothing.
    'num.io.threads': 4,
    'num.network.threads': 2,
    // Its default of 128 MiB fills half of the heap, so that garbage is collected all the time.
    'log.cleaner.dedupe.buffer.size': 16_777_216,
    'metadata.max.idle.interval.ms': 5_000,
  };
}
