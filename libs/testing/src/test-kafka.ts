import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { createKafka } from '@rebelcore/messaging/kafka-client';
import { createTopics } from '@rebelcore/messaging/topics-admin';
import type { Admin, Kafka } from 'kafkajs';
import { startProxy, type TcpProxy } from './tcp-proxy.js';
import { testInfrastructure } from './test.config.js';

export interface TestKafka {
  readonly brokers: readonly string[];
  /** A client with the rights of the principal; by default one that may do everything. */
  client(principal?: string): Kafka;
  /** A client whose connections, to whichever broker, go through a link that can be disturbed. */
  clientThroughProxy(): Promise<{ kafka: Kafka; proxy: TcpProxy }>;
  /** Creates a topic with a name of its own. */
  topic(partitions?: number): Promise<string>;
  /** A consumer group that nobody else uses. */
  group(): string;
  /** Deletes the topics and closes the proxies. */
  close(): Promise<void>;
}

/** Kafka for one spec file, on the broker of the test run. */
export function testKafka(): TestKafka {
  const { brokers, admin: login, principals } = testInfrastructure().kafka;
  const topics: string[] = [];
  const proxies: TcpProxy[] = [];
  const client = (principal?: string) => {
    const sasl = principal === undefined ? login : principals[principal];
    if (sasl === undefined) throw new Error(`the test run has no principal ${String(principal)}`);
    return createKafka({ brokers, clientId: 'test', sasl });
  };
  return {
    brokers,
    client,
    async clientThroughProxy() {
      const [host, port] = (brokers[0] ?? '').split(':');
      const proxy = await startProxy({ host: host ?? '', port: Number(port) });
      proxies.push(proxy);
      const socketFactory = ({ onConnect }: { onConnect: () => void }) => connect(proxy.port, '127.0.0.1', onConnect);
      return { kafka: createKafka({ brokers, clientId: 'test', sasl: login, socketFactory }), proxy };
    },
    async topic(partitions = 3) {
      const topic = `test.${randomUUID()}`;
      const config = { topic, numPartitions: partitions, replicationFactor: 1 };
      await withAdmin(client(), (admin) => createTopics(admin, [config]));
      topics.push(topic);
      return topic;
    },
    group: () => `test.${randomUUID()}`,
    async close() {
      await Promise.all(proxies.map((proxy) => proxy.close()));
      const mine = topics.splice(0);
      if (mine.length > 0) await withAdmin(client(), (admin) => admin.deleteTopics({ topics: mine }));
    },
  };
}

async function withAdmin<T>(kafka: Kafka, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin({ retry: { retries: 5 } });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}
