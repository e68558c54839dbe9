import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type AclEntry, type Admin, type ITopicConfig, type Kafka } from 'kafkajs';
import { DEFAULT_PARTITIONS, TOPICS, type Principal, type TopicSpec } from '@rebelcore/contracts/topics';
import { KafkaPublisher } from './publish/kafka-publisher.js';

const READINESS = 'cluster.readiness.v1';

/**
 * Creates the topics that are missing and returns once the cluster can be worked with: a record was written to a topic
 * and came back through a consumer group. An open port alone says nothing, the coordinators load for seconds after it.
 */
export async function ensureTopics(
  kafka: Kafka,
  { partitions = DEFAULT_PARTITIONS, replicationFactor = 1 }: { partitions?: number; replicationFactor?: number } = {},
): Promise<void> {
  await withAdmin(kafka, async (admin) => {
    await brokersJoined(admin, replicationFactor);
    const existing = new Set(await admin.listTopics());
    const wanted = [...Object.entries<TopicSpec>(TOPICS), [READINESS, readiness] as const];
    const missing = wanted
      .filter(([topic]) => !existing.has(topic))
      .map(([topic, spec]) => topicConfig(topic, spec, partitions, replicationFactor));
    await createTopics(admin, missing);
  });
  await roundTrip(kafka);
}

/**
 * Creates topics and returns once every partition answers. kafkajs's own wait gives up when the brokers have not heard
 * of the new topic yet.
 *
 * @throws the last refusal, after 30 s
 */
export async function createTopics(admin: Admin, topics: ITopicConfig[]): Promise<void> {
  if (topics.length === 0) return;
  await admin.createTopics({ topics, waitForLeaders: false, timeout: 30_000 });
  const deadline = performance.now() + 30_000;
  for (const { topic } of topics) {
    for (;;) {
      try {
        await admin.fetchTopicOffsets(topic);
        break;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await delay(50);
      }
    }
  }
}

/** Grants each principal what the topic table says, and the consumer groups that begin with its name. */
export async function ensureAcls(kafka: Kafka): Promise<void> {
  await withAdmin(kafka, (admin) => admin.createAcls({ acl: aclEntries() }));
}

/** The rules of {@link ensureAcls}. Write on a topic includes an idempotent producer's id since Kafka 3.0. */
function aclEntries(): AclEntry[] {
  const { AclOperationTypes: Operation, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
  const allow =
    (principal: string, resource: Pick<AclEntry, 'resourceType' | 'resourceName' | 'resourcePatternType'>) =>
    (operation: AclEntry['operation']): AclEntry => ({
      ...resource,
      principal: `User:${principal}`,
      host: '*',
      operation,
      permissionType: AclPermissionTypes.ALLOW,
    });
  const topic = (resourceName: string) => ({
    resourceType: AclResourceTypes.TOPIC,
    resourceName,
    resourcePatternType: ResourcePatternTypes.LITERAL,
  });
  const groups = (principal: string) => ({
    resourceType: AclResourceTypes.GROUP,
    resourceName: `${principal}.`,
    resourcePatternType: ResourcePatternTypes.PREFIXED,
  });
  const specs = Object.entries<TopicSpec>(TOPICS);
  const readers = new Set<Principal>(specs.flatMap(([, { readBy }]) => readBy));
  return [
    ...specs.flatMap(([name, { writtenBy, readBy }]) => [
      ...writtenBy.flatMap((p) => [Operation.WRITE, Operation.DESCRIBE].map(allow(p, topic(name)))),
      ...readBy.flatMap((p) => [Operation.READ, Operation.DESCRIBE].map(allow(p, topic(name)))),
    ]),
    ...[...readers].flatMap((p) => [Operation.READ, Operation.DESCRIBE].map(allow(p, groups(p)))),
  ];
}

const readiness: TopicSpec = { retention: { ms: 60_000 }, partitions: 'single', writtenBy: [], readBy: [] };

function topicConfig(topic: string, spec: TopicSpec, partitions: number, replicationFactor: number): ITopicConfig {
  const { retention } = spec;
  const cleanup =
    retention === 'compact'
      ? [{ name: 'cleanup.policy', value: 'compact' }]
      : [{ name: 'retention.ms', value: retention === 'forever' ? '-1' : String(retention.ms) }];
  return {
    topic,
    numPartitions: spec.partitions === 'single' ? 1 : partitions,
    replicationFactor,
    configEntries: [...cleanup, { name: 'min.insync.replicas', value: replicationFactor >= 3 ? '2' : '1' }],
  };
}

/** A cluster that is starting knows only the brokers that have registered, and refuses more replicas than that. */
async function brokersJoined(admin: Admin, count: number): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const { brokers } = await admin.describeCluster();
    if (brokers.length >= count) return;
    if (performance.now() > deadline) throw new Error(`only ${brokers.length} of ${count} brokers joined the cluster`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function roundTrip(kafka: Kafka): Promise<void> {
  const marker = randomUUID();
  const publisher = new KafkaPublisher(kafka);
  const consumer = kafka.consumer({ groupId: 'admin.readiness', maxWaitTimeInMs: 100, sessionTimeout: 10_000 });
  try {
    await publisher.publish([{ topic: READINESS, key: marker, headers: {}, value: '' }], { timeoutMs: 60_000 });
    await consumer.connect();
    await consumer.subscribe({ topics: [READINESS], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      // While the group's coordinator loads, kafkajs crashes the consumer and starts it again by itself.
      consumer.on(consumer.events.CRASH, ({ payload }) => {
        if (!payload.restart) reject(payload.error);
      });
      const eachMessage = ({ message }: { message: { key: Buffer | null } }) => {
        if (message.key?.toString() === marker) resolve();
        return Promise.resolve();
      };
      consumer.run({ autoCommit: false, eachMessage }).catch(reject);
    });
  } finally {
    await Promise.allSettled([publisher.close(), consumer.disconnect()]);
  }
}

async function withAdmin<T>(kafka: Kafka, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}
