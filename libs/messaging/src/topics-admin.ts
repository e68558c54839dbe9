import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type AclEntry, type Admin, type ITopicConfig, type Kafka } from 'kafkajs';
import {
  CALLS_OF_ANOTHER_API,
  callsTopic,
  DEFAULT_PARTITIONS,
  FORMER_CALLS_TOPIC,
  PRINCIPALS,
  SERVICE_NAME,
  specOf,
  TOPICS,
  writerOfCalls,
  type Principal,
  type TopicSpec,
} from '@rebelcore/contracts/topics';
import { KafkaPublisher } from './publish/kafka-publisher.js';

const READINESS = 'cluster.readiness.v1';

export interface TopicLayout {
  /** Of every topic that is keyed by customer. */
  readonly partitions?: number;
  readonly replicationFactor?: number;
}

/**
 * Creates the topics that are missing and returns once the cluster can be worked with: a record was written to a topic
 * and came back through a consumer group. An open port alone says nothing, the coordinators load for seconds after it.
 *
 * @returns what an operator has to mend, in sentences: each topic read in order that has another number of partitions (ADR 10)
 */
export async function ensureTopics(
  kafka: Kafka,
  { partitions = DEFAULT_PARTITIONS, replicationFactor = 1 }: TopicLayout = {},
): Promise<readonly string[]> {
  const drifted = await withAdmin(kafka, async (admin) => {
    await brokersJoined(admin, replicationFactor);
    const existing = await partitionCounts(admin);
    const wanted = [...Object.entries<TopicSpec>(TOPICS), [READINESS, readiness] as const];
    const missing = wanted
      .filter(([topic]) => !existing.has(topic))
      .map(([topic, spec]) => topicConfig(topic, spec, sharedPartitions(existing) ?? partitions, replicationFactor));
    await createTopics(admin, missing);
    await ensureReadable(admin, [...existing.keys()]);
    if (existing.has(FORMER_CALLS_TOPIC)) await deleteWhenEmpty(admin, FORMER_CALLS_TOPIC);
    return driftOf(existing, partitions);
  });
  await roundTrip(kafka);
  return drifted;
}

/** Of every topic there is. */
export async function partitionCounts(admin: Admin): Promise<ReadonlyMap<string, number>> {
  const { topics } = await admin.fetchTopicMetadata();
  return new Map(topics.map(({ name, partitions }) => [name, partitions.length]));
}

/**
 * How many partitions the keyed topics of the product were made with: some can be added later, and none taken away.
 *
 * @returns undefined where none of them is there
 */
export function sharedPartitions(existing: ReadonlyMap<string, number>): number | undefined {
  const counts = Object.entries<TopicSpec>(TOPICS).flatMap(([topic, { partitions }]) =>
    partitions === 'shared' ? (existing.get(topic) ?? []) : [],
  );
  return counts.length === 0 ? undefined : Math.min(...counts);
}

function driftOf(existing: ReadonlyMap<string, number>, wanted: number): string[] {
  return [...existing].flatMap(([topic, partitions]) => {
    const spec = specOf(topic);
    if (spec === undefined || spec.ordered === false) return [];
    const should = spec.partitions === 'single' ? 1 : wanted;
    if (partitions === should) return [];
    return [`${drift(topic, partitions, should)}; ${mendOfDrift(spec)}`];
  });
}

export const drift = (topic: string, found: number, before: number): string =>
  `${topic} has ${String(found)} partitions instead of ${String(before)}, so that most keys would lie in others than before and ` +
  'lose their order';

/** What an operator does about a topic of this kind whose number of partitions has changed. */
export const mendOfDrift = (spec: TopicSpec | undefined): string =>
  isFilledFromStore(spec)
    ? '"npm run republish" makes it anew and fills it from the event store'
    : 'delete it, and "node apps/launcher/dist/topics.js" makes it anew';

const isFilledFromStore = (spec: TopicSpec | undefined): boolean =>
  spec?.writtenBy.includes('identity') === true && (spec.retention === 'forever' || spec.retention === 'compact');

/**
 * Gives topics that are there already what their readers rely on. How long records are kept, and on how many brokers, stays as it
 * is found.
 */
async function ensureReadable(admin: Admin, topics: readonly string[]): Promise<void> {
  const type = kafkajs.ConfigResourceTypes.TOPIC;
  const wanted = new Map(
    topics.flatMap((topic) => {
      const spec = specOf(topic);
      return spec === undefined ? [] : [[topic, reliedOn(spec)] as const];
    }),
  );
  if (wanted.size === 0) return;
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [...wanted.keys()].map((name) => ({ type, name })),
  });
  const changed = resources.flatMap(({ resourceName: name, configEntries }) => {
    const settings = wanted.get(name) ?? [];
    const own = configEntries.filter(({ configSource }) => configSource === kafkajs.ConfigSource.TOPIC_CONFIG);
    if (settings.every((s) => own.some((o) => o.configName === s.name && o.configValue === s.value))) return [];
    // Kafka takes what is not named here back to its default.
    const others = own.filter(({ configName }) => settings.every((s) => s.name !== configName));
    const kept = others.map(({ configName, configValue }) => ({ name: configName, value: configValue }));
    return [{ type, name, configEntries: [...kept, ...settings] }];
  });
  if (changed.length > 0) await admin.alterConfigs({ validateOnly: false, resources: changed });
}

/** Its last records have expired: nothing writes there, and nothing is left to be read. */
async function deleteWhenEmpty(admin: Admin, topic: string): Promise<void> {
  const offsets = await admin.fetchTopicOffsets(topic);
  if (offsets.every(({ low, high }) => low === high)) await admin.deleteTopics({ topics: [topic] });
}

/**
 * Lets an API record its calls: makes its topic, and the rules by which its login, and no other, may write there.
 *
 * @param service name of the API and of its Kafka login
 * @throws {Error} for a name that cannot be one, or is taken by a service of the product
 */
export async function registerApi(kafka: Kafka, service: string, replicationFactor = 1): Promise<void> {
  const topic = callsTopic(service);
  if (!SERVICE_NAME.test(service))
    throw new Error(`${service} must begin with a small letter and go on with a-z, 0-9 or -`);
  if (RESERVED.has(service)) throw new Error(`${service} is a login of the product`);
  await withAdmin(kafka, async (admin) => {
    const existing = await partitionCounts(admin);
    const partitions = sharedPartitions(existing);
    if (partitions === undefined) throw new Error('The topics of the product are not there yet.');
    if (existing.has(topic)) await ensureReadable(admin, [topic]);
    else await createTopics(admin, [topicConfig(topic, CALLS_OF_ANOTHER_API, partitions, replicationFactor)]);
    await admin.createAcls({ acl: writerRules(service, topic) });
  });
}

const RESERVED: ReadonlySet<string> = new Set([...PRINCIPALS, 'admin']);

/** The services whose calls the activity log reads. */
export const registeredApis = (kafka: Kafka): Promise<string[]> =>
  withAdmin(kafka, async (admin) =>
    (await admin.listTopics())
      .map(writerOfCalls)
      .filter((service) => service !== undefined)
      .sort(),
  );

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

/**
 * Grants each principal what the topic table says, and the consumer groups that begin with its name. What an earlier
 * version granted to write the calls of all services is withdrawn.
 */
export async function ensureAcls(kafka: Kafka): Promise<void> {
  const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
  await withAdmin(kafka, async (admin) => {
    await admin.createAcls({ acl: aclEntries() });
    await admin.deleteAcls({
      filters: [
        {
          resourceType: AclResourceTypes.TOPIC,
          resourceName: FORMER_CALLS_TOPIC,
          resourcePatternType: ResourcePatternTypes.LITERAL,
          operation: AclOperationTypes.WRITE,
          permissionType: AclPermissionTypes.ALLOW,
        },
      ],
    });
  });
}

/** The rules of {@link ensureAcls}. */
function aclEntries(): AclEntry[] {
  const { AclOperationTypes: Operation, AclResourceTypes, ResourcePatternTypes } = kafkajs;
  const topics = (resourceName: string, resourcePatternType = ResourcePatternTypes.LITERAL) => ({
    resourceType: AclResourceTypes.TOPIC,
    resourceName,
    resourcePatternType,
  });
  const groups = (principal: string) => ({
    resourceType: AclResourceTypes.GROUP,
    resourceName: `${principal}.`,
    resourcePatternType: ResourcePatternTypes.PREFIXED,
  });
  const specs = Object.entries<TopicSpec>(TOPICS);
  const readers = new Set<Principal>(specs.flatMap(([, { readBy }]) => readBy));
  const read = [Operation.READ, Operation.DESCRIBE];
  return [
    ...specs.flatMap(([name, { writtenBy, readBy }]) => [
      ...writtenBy.flatMap((principal) => writerRules(principal, name)),
      ...readBy.flatMap((principal) => read.map(allow(principal, topics(name)))),
    ]),
    // Of APIs that are yet to be registered as well.
    ...read.map(allow('audit', topics('api.calls.', ResourcePatternTypes.PREFIXED))),
    ...[...readers].flatMap((principal) => read.map(allow(principal, groups(principal)))),
  ];
}

/** Write on a topic includes an idempotent producer's id since Kafka 3.0. */
function writerRules(principal: string, topic: string): AclEntry[] {
  const { AclOperationTypes: Operation, AclResourceTypes, ResourcePatternTypes } = kafkajs;
  const resource = {
    resourceType: AclResourceTypes.TOPIC,
    resourceName: topic,
    resourcePatternType: ResourcePatternTypes.LITERAL,
  };
  return [Operation.WRITE, Operation.DESCRIBE].map(allow(principal, resource));
}

const allow =
  (principal: string, resource: Pick<AclEntry, 'resourceType' | 'resourceName' | 'resourcePatternType'>) =>
  (operation: AclEntry['operation']): AclEntry => ({
    ...resource,
    principal: `User:${principal}`,
    host: '*',
    operation,
    permissionType: kafkajs.AclPermissionTypes.ALLOW,
  });

/**
 * The broker unpacks what writers have packed, as producers of most languages are told to: kafkajs reads no packing but gzip's, and
 * that without a limit to what comes out. Unpacked, a record is as long as the broker lets records be.
 */
const reliedOn = ({ stampedBy }: TopicSpec): { readonly name: string; readonly value: string }[] => [
  { name: 'compression.type', value: 'uncompressed' },
  ...(stampedBy === 'broker' ? [{ name: 'message.timestamp.type', value: 'LogAppendTime' }] : []),
];

const readiness: TopicSpec = { retention: { ms: 60_000 }, partitions: 'single', writtenBy: [], readBy: [] };

/** How a topic is created. */
export function topicConfig(
  topic: string,
  spec: TopicSpec,
  partitions: number,
  replicationFactor: number,
): ITopicConfig {
  const { retention } = spec;
  const cleanup =
    retention === 'compact'
      ? [{ name: 'cleanup.policy', value: 'compact' }]
      : [{ name: 'retention.ms', value: retention === 'forever' ? '-1' : String(retention.ms) }];
  return {
    topic,
    numPartitions: spec.partitions === 'single' ? 1 : partitions,
    replicationFactor,
    configEntries: [
      ...cleanup,
      ...reliedOn(spec),
      { name: 'min.insync.replicas', value: replicationFactor >= 3 ? '2' : '1' },
    ],
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
