import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createKafka } from '@rebelcore/messaging/kafka-client';
import { ensureAcls, ensureTopics } from '@rebelcore/messaging/topics-admin';
import { freePort, type ManagedProcess, type ProcessRegistry } from './processes.js';

export interface KafkaOptions {
  readonly dataDir: string;
  readonly logDir: string;
  /** The folder with Kafka's jars. */
  readonly jars: string;
  /** One node, or three that survive the loss of one. */
  readonly nodes: 1 | 3;
  /** The port for clients of the first node when it is free; the others get free ones. */
  readonly port: number;
  readonly takenPorts: Set<number>;
  /** SCRAM user to password; `admin` is the super user. Fixed at the first start. */
  readonly users: Readonly<Record<string, string>>;
  readonly registry: ProcessRegistry;
  readonly partitions?: number;
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
export async function startKafka(options: KafkaOptions): Promise<EmbeddedKafka> {
  const ids = Array.from({ length: options.nodes }, (_, index) => index + 1);
  const ports = await rememberedPorts(options, ids);
  const cluster = clusterId(options);
  const nodes = ids.map((id) => startNode(options, id, ports, cluster));
  const brokers = ids.map((id) => `127.0.0.1:${clientPort(ports, id)}`);
  const password = options.users.admin;
  if (password === undefined) throw new Error('the Kafka user admin needs a password');
  const kafka = createKafka({ brokers, clientId: 'launcher', sasl: { username: 'admin', password } });
  const ended = Promise.race(nodes.map(async ({ process }) => process.exited.then(() => process.log)));
  const ready = (async () => {
    await ensureTopics(kafka, {
      replicationFactor: options.nodes,
      ...(options.partitions !== undefined && { partitions: options.partitions }),
    });
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

interface NodePorts {
  readonly client: number;
  readonly controller: number;
}
type Ports = Readonly<Record<string, NodePorts>>;

const clientPort = (ports: Ports, id: number): number => ports[String(id)]?.client ?? 0;
const controllerPort = (ports: Ports, id: number): number => ports[String(id)]?.controller ?? 0;

/** The quorum's addresses are part of its configuration, so ports are kept from start to start while they are free. */
async function rememberedPorts(options: KafkaOptions, ids: readonly number[]): Promise<Ports> {
  const file = join(options.dataDir, 'kafka', 'ports.json');
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Ports) : {};
  const ports: Record<string, NodePorts> = {};
  for (const id of ids) {
    const wanted = before[String(id)] ?? { client: id === 1 ? options.port : 0, controller: 0 };
    ports[String(id)] = {
      client: await freePort(wanted.client, options.takenPorts),
      controller: await freePort(wanted.controller, options.takenPorts),
    };
  }
  mkdirSync(join(options.dataDir, 'kafka'), { recursive: true });
  writeFileSync(file, JSON.stringify(ports));
  return ports;
}

function clusterId(options: KafkaOptions): string {
  const file = join(options.dataDir, 'kafka', 'cluster-id');
  if (existsSync(file)) return readFileSync(file, 'utf8');
  const { stdout } = storageTool(options, ['random-uuid']);
  writeFileSync(file, stdout.trim());
  return stdout.trim();
}

function startNode(options: KafkaOptions, id: number, ports: Ports, cluster: string): KafkaNode {
  const dir = join(options.dataDir, 'kafka', `node-${id}`);
  const config = join(dir, 'server.properties');
  mkdirSync(dir, { recursive: true });
  const properties = Object.entries(nodeProperties(options, id, ports, join(dir, 'logs')));
  writeFileSync(config, properties.map(([key, value]) => `${key}=${value}\n`).join(''), { mode: 0o600 });
  const users = Object.entries(options.users).flatMap(([name, password]) => [
    '--add-scram',
    `SCRAM-SHA-256=[name=${name},password=${password}]`,
  ]);
  if (!existsSync(join(dir, 'logs', 'meta.properties'))) {
    storageTool(options, ['format', '-t', cluster, '-c', config, '--ignore-formatted', ...users]);
  }
  const launch = () =>
    options.registry.start({
      name: options.nodes === 1 ? 'kafka' : `kafka-${id}`,
      command: 'java',
      args: [
        ...['-Xms256m', '-Xmx512m', '-XX:+UseG1GC', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'],
        ...['-cp', join(options.jars, '*'), 'kafka.Kafka', config],
      ],
      log: join(options.logDir, `kafka-${id}.log`),
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

function storageTool(options: KafkaOptions, args: readonly string[]): { stdout: string } {
  const java = [
    '-cp',
    join(options.jars, '*'),
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    'kafka.tools.StorageTool',
  ];
  const result = spawnSync('java', [...java, ...args], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`Kafka's storage tool failed: ${result.stderr || result.stdout}`);
  return result;
}

function nodeProperties(
  options: KafkaOptions,
  id: number,
  ports: Ports,
  logDir: string,
): Record<string, string | number | boolean> {
  const admin = options.users.admin ?? '';
  const login = (module: string, more = '') =>
    `org.apache.kafka.common.security.${module} required username="admin" password="${admin}"${more};`;
  const replicas = options.nodes;
  const voters = Object.keys(ports).map((node) => `${node}@127.0.0.1:${controllerPort(ports, Number(node))}`);
  const client = `CLIENT://127.0.0.1:${clientPort(ports, id)}`;
  return {
    'process.roles': 'broker,controller',
    'node.id': id,
    'controller.quorum.voters': voters.join(','),
    listeners: `${client},CONTROLLER://127.0.0.1:${controllerPort(ports, id)}`,
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
    'listener.name.controller.plain.sasl.jaas.config': login('plain.PlainLoginModule', ` user_admin="${admin}"`),
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
