import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PRINCIPALS, type Principal } from '@rebelcore/contracts/topics';
import { createKafka } from '@rebelcore/messaging/kafka-client';
import { ensureAcls, ensureTopics, registerApi } from '@rebelcore/messaging/topics-admin';
import type { DataFolder } from './data-folder.js';
import { z } from 'zod';
import { lifeOf, partIsMade } from './life.js';
import { childEnvironment } from './embedded.config.js';
import { freePort, isTaken, onUnexpectedEnd, type ManagedProcess } from './processes.js';
import type { Secrets } from './secrets.js';
import { readState, writeState } from './state-file.js';

/** Where prepare.mjs has put them. */
const JARS = fileURLToPath(new URL('../../../.cache/kafka-4.3.1', import.meta.url));
/**
 * Every path is relative to the folder of the node: Java splits its class path at colons and Kafka its log folders at
 * commas, and both read a path in the encoding of a locale.
 */
export const JAVA_OPTIONS = [
  '-cp',
  'jars/*',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Duser.language=en',
  '-Duser.country=US',
  '-Dfile.encoding=UTF-8',
];
export const javaEnvironment = () => ({ ...childEnvironment(), LC_ALL: 'C.UTF-8' });
/** Puts the jars where the options look for them from `dir`; anew, since the project may have moved. */
export function linkJars(dir: string): void {
  rmSync(join(dir, 'jars'), { force: true });
  symlinkSync(JARS, join(dir, 'jars'));
}
const PORTS_TRIED = 3;
/** So long a node may take on a slow machine until it binds its port. */
const PORT_FOUND_TAKEN_MS = 30_000;

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

const API = 'kafka.api.';

/** The login of an API that is no part of the product; its password is made up when it is first asked for. */
export function apiLogin(username: string, secrets: Secrets): KafkaLogin {
  return { username, password: secrets.text(API + username) };
}

/** The APIs that were registered here. A Kafka that was made anew knows of none. */
const apisOf = (secrets: Secrets) => secrets.namesBehind(API);

/** One node of the cluster, to be harmed and healed by tests. */
export interface KafkaNode {
  readonly id: number;
  readonly name: string;
  readonly process: ManagedProcess;
  kill(signal: NodeJS.Signals): void;
  /** Starts it again after a kill, on the same ports and data; resolves when it answers. */
  restart(): Promise<void>;
}

export interface EmbeddedKafka {
  readonly brokers: string[];
  readonly nodes: readonly KafkaNode[];
  /** What an operator has to mend while all of it runs, in sentences. */
  readonly troubles: readonly string[];
  stop(): Promise<void>;
}

/**
 * Starts real Apache Kafka nodes in KRaft mode on loopback and resolves once topics, access rules and groups work.
 *
 * @param died told when a node ends that nobody has asked to, once all are ready
 */
export async function startKafka(
  folder: DataFolder,
  options: KafkaOptions,
  died: (node: KafkaNode) => void = () => undefined,
): Promise<EmbeddedKafka> {
  for (let tried = 1; ; tried += 1) {
    const cluster = await describeCluster(folder, options);
    const ids = Object.keys(cluster.ports).map(Number);
    const nodes = await Promise.all(ids.map((id) => startNode(folder, cluster, id, died)));
    partIsMade(folder, 'kafka');
    const { ended, troubles = [] } = await untilReady(folder, cluster, nodes);
    if (ended === undefined) {
      for (const node of nodes) node.watch();
      return clusterOf(cluster, nodes, troubles);
    }
    await Promise.all(nodes.map(({ process }) => process.stop()));
    if (tried === PORTS_TRIED || !isTaken(ended)) throw endedWhileStarting(ended);
  }
}

const endedWhileStarting = (ended: ManagedProcess) => new Error(`Kafka ended while starting; ${ended.lastWords()}`);

interface Readiness {
  /** The node that has ended instead. */
  readonly ended?: ManagedProcess;
  readonly troubles?: readonly string[];
}

async function untilReady(folder: DataFolder, cluster: Cluster, nodes: readonly KafkaNode[]): Promise<Readiness> {
  const brokers = nodes.map(({ id }) => address(cluster, id, 'client'));
  const kafka = createKafka({ brokers, clientId: 'launcher', sasl: kafkaLogin('admin', folder.secrets) });
  const ended = Promise.race(nodes.map(({ process }) => process.exited.then(() => ({ ended: process }))));
  const ready = (async () => {
    const troubles = await ensureTopics(kafka, { replicationFactor: nodes.length });
    await ensureAcls(kafka);
    for (const api of apisOf(folder.secrets)) await registerApi(kafka, api, nodes.length);
    return { troubles };
  })();
  try {
    return await Promise.race([ready, ended]);
  } catch (error) {
    // Somebody else on the port refuses our login long before the node itself finds the port taken.
    const found = await Promise.race([ended, delay(PORT_FOUND_TAKEN_MS)]);
    if (found !== undefined) return found;
    throw error;
  }
}

function clusterOf(cluster: Cluster, nodes: readonly KafkaNode[], troubles: readonly string[]): EmbeddedKafka {
  return {
    brokers: nodes.map(({ id }) => address(cluster, id, 'client')),
    nodes,
    troubles,
    stop: async () => {
      // Together: a node that stops last would wait for a quorum that is gone.
      await Promise.all(nodes.map(({ process }) => process.stop(nodes.length === 1 ? 15_000 : 5_000)));
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
const portsSchema = z.record(z.string(), z.object({ client: z.int(), controller: z.int() }));
type Ports = z.infer<typeof portsSchema>;

async function describeCluster(folder: DataFolder, { nodes, port }: KafkaOptions): Promise<Cluster> {
  const id = lifeOf(folder);
  const dir = join(folder.dataDir, 'kafka');
  mkdirSync(dir, { recursive: true });
  return { dir, ports: await rememberedPorts(dir, nodes, port), id };
}

/** The quorum's addresses are part of its configuration, so ports are kept from start to start while they are free. */
async function rememberedPorts(dir: string, nodes: number, port: number): Promise<Ports> {
  const file = join(dir, 'ports.json');
  const before = readState(file, portsSchema) ?? {};
  const ports: Ports = {};
  for (let id = 1; id <= nodes; id += 1) {
    const wanted = before[id] ?? { client: id === 1 ? port : 0, controller: 0 };
    ports[id] = { client: await freePort(wanted.client), controller: await freePort(wanted.controller) };
  }
  writeState(file, ports);
  return ports;
}

const address = ({ ports }: Cluster, id: number, of: 'client' | 'controller') => `127.0.0.1:${ports[id]?.[of] ?? 0}`;

async function startNode(
  folder: DataFolder,
  cluster: Cluster,
  id: number,
  died: (node: KafkaNode) => void,
): Promise<KafkaNode & { watch(): void }> {
  const dir = join(cluster.dir, `node-${id}`);
  const log = join(folder.logDir, `kafka-${id}.log`);
  mkdirSync(dir, { recursive: true });
  linkJars(dir);
  const admin = kafkaLogin('admin', folder.secrets);
  const properties = Object.entries(nodeProperties(cluster, id, 'logs', admin));
  writeFileSync(join(dir, CONFIG), properties.map(([key, value]) => `${key}=${value}\n`).join(''), { mode: 0o600 });
  if (!existsSync(join(dir, 'logs', 'meta.properties'))) {
    const { secrets } = folder;
    const logins = [
      ...[...PRINCIPALS, 'admin' as const].map((name) => kafkaLogin(name, secrets)),
      ...apisOf(secrets).map((name) => apiLogin(name, secrets)),
    ];
    const users = logins.flatMap(({ username, password }) => [
      '--add-scram',
      `SCRAM-SHA-256=[name=${username},password=${password}]`,
    ]);
    await storageTool(folder, dir, log, ['format', '-t', cluster.id, '-c', CONFIG, '--ignore-formatted', ...users]);
  }
  const name = Object.keys(cluster.ports).length === 1 ? 'kafka' : `kafka-${id}`;
  const launch = () =>
    folder.registry.start({
      name,
      command: 'java',
      args: ['-Xms256m', '-Xmx512m', '-XX:+UseG1GC', ...JAVA_OPTIONS, 'kafka.Kafka', CONFIG],
      env: javaEnvironment(),
      cwd: dir,
      log,
    });
  let running = launch();
  const node = {
    id,
    name,
    get process() {
      return running;
    },
    kill: (signal: NodeJS.Signals) => {
      running.kill(signal);
    },
    /** From when it works: whoever starts it learns of an end before that. */
    watch: () => {
      onUnexpectedEnd(running, () => {
        died(node);
      });
    },
    restart: async () => {
      running = launch();
      await untilItAnswers(cluster, node);
      node.watch();
    },
  };
  return node;
}

const CONFIG = 'server.properties';

/** However long it takes to read its log again after a crash. */
async function untilItAnswers({ ports }: Cluster, { id, process }: KafkaNode): Promise<void> {
  const port = ports[id]?.client ?? 0;
  while (!(await answers(port))) {
    if (!process.running) throw endedWhileStarting(process);
    await delay(100);
  }
}

const answers = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });

/** The tool takes passwords as arguments, which everybody on the machine may read: the JVM takes them from a file instead. */
async function storageTool(folder: DataFolder, dir: string, log: string, args: readonly string[]): Promise<void> {
  const file = join(dir, 'storage-tool.args');
  writeFileSync(file, ['kafka.tools.StorageTool', ...args].map((each) => `"${each}"\n`).join(''), { mode: 0o600 });
  const tool = folder.registry.start({
    name: 'kafka storage tool',
    command: 'java',
    args: [...JAVA_OPTIONS, '@storage-tool.args'],
    env: javaEnvironment(),
    cwd: dir,
    log,
  });
  const { code } = await tool.exited;
  rmSync(file);
  if (code !== 0) throw new Error(`Kafka could not make its data folder; ${tool.lastWords()}`);
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
