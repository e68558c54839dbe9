import { FORMER_CALLS_TOPIC, TOPICS, type Principal, type Topic, type TopicSpec } from '@rebelcore/contracts/topics';
import { testKafka } from '@rebelcore/testing/test-kafka';
import { until } from '@rebelcore/testing/until';
import kafkajs from 'kafkajs';
import { KafkaPublisher } from './publish/kafka-publisher.js';
import { createTopics, ensureAcls, ensureTopics, registerApi, registeredApis } from './topics-admin.js';

describe('The topics and access rules', () => {
  const kafka = testKafka();
  const admin = kafka.client().admin();

  beforeAll(async () => {
    await ensureTopics(kafka.client());
    await ensureAcls(kafka.client());
    await admin.connect();
  });
  afterAll(() => admin.disconnect());

  it('exist once, with their partitions and retention, also when they are ensured again.', async () => {
    const partitions = async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: Object.keys(TOPICS) });
      return new Map(topics.map(({ name, partitions: all }) => [name, all.length]));
    };
    const before = await partitions();
    await ensureTopics(kafka.client());
    await ensureAcls(kafka.client());
    expect(await partitions()).toEqual(before);
    const counts = (kind: TopicSpec['partitions']) =>
      new Set(
        Object.entries<TopicSpec>(TOPICS).flatMap(([topic, spec]) =>
          spec.partitions === kind ? [before.get(topic)] : [],
        ),
      );
    expect(counts('single')).toEqual(new Set([1]));
    expect(counts('shared').size).toBe(1);
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: (['identity.events.v1', 'identity.credentials.v1', 'identity.heartbeats.v1'] satisfies Topic[]).map(
        (name) => ({
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name,
          configNames: ['cleanup.policy', 'retention.ms'],
        }),
      ),
    });
    const configs = resources.map(({ configEntries }) =>
      configEntries.map(({ configValue }) => configValue).toSorted(),
    );
    expect(configs).toEqual([
      ['-1', 'delete'],
      ['604800000', 'compact'],
      ['86400000', 'delete'],
    ]);
  });

  it('that are missing are made, also where others have another number of partitions: those read in order are named.', async () => {
    const missing = 'audit.checkpoints.v1' satisfies Topic;
    // One of its own: an administrator of kafkajs goes on asking for a topic that it has known.
    const once = kafka.client().admin();
    await once.connect();
    await once.deleteTopics({ topics: [missing] });
    const drifted = await ensureTopics(kafka.client(), { partitions: 5 });
    for (const topic of ['identity.events.v1', 'identity.credentials.v1']) {
      const sentence = drifted.find((each) => each.startsWith(topic));
      expect(sentence).toContain(`${topic} has 12 partitions instead of 5, `);
      expect(sentence).toContain('; "npm run republish" makes it anew and fills it from the event store');
    }
    expect(drifted.filter((each) => /^(api\.calls|token\.events)/.test(each))).toEqual([]);
    const { topics } = await once.fetchTopicMetadata({ topics: [missing] });
    expect(topics[0]?.partitions).toHaveLength(12);
    await once.disconnect();
  });

  it('whose records need no order may have got more partitions.', async () => {
    await registerApi(kafka.client(), 'grown');
    const topic = 'api.calls.grown.v1';
    await admin.createPartitions({ topicPartitions: [{ topic, count: 13 }] });
    await until(
      async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions.length === 13,
      'the added partition',
    );
    expect(await ensureTopics(kafka.client())).toEqual([]);
    await admin.deleteTopics({ topics: [topic] });
  });

  it('of a former version stay until their last record has expired, and are deleted then.', async () => {
    // One of its own: an administrator of kafkajs goes on asking for a topic that it has known.
    const once = kafka.client().admin();
    await once.connect();
    const known = async () => (await once.listTopics()).includes(FORMER_CALLS_TOPIC);
    const publisher = new KafkaPublisher(kafka.client());
    if (!(await known())) {
      await createTopics(once, [{ topic: FORMER_CALLS_TOPIC, numPartitions: 3, replicationFactor: 1 }]);
    }
    await publisher.publish([{ topic: FORMER_CALLS_TOPIC, key: 'k', headers: {}, value: 'v' }]);
    await publisher.close();
    await ensureTopics(kafka.client());
    expect(await known()).toBe(true);
    const ends = await once.fetchTopicOffsets(FORMER_CALLS_TOPIC);
    const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
    await once.deleteTopicRecords({ topic: FORMER_CALLS_TOPIC, partitions });
    await ensureTopics(kafka.client());
    expect(await known()).toBe(false);
    await once.disconnect();
  });

  it('of an API that is registered are written by its own login alone, and read by the log.', async () => {
    await registerApi(kafka.client(), 'billing');
    await registerApi(kafka.client(), 'billing');
    expect(await registeredApis(kafka.client())).toEqual(expect.arrayContaining(['billing', 'inference', 'token']));
    const { resources } = await admin.describeAcls({
      resourceType: kafkajs.AclResourceTypes.TOPIC,
      resourceName: 'api.calls.billing.v1',
      resourcePatternType: kafkajs.ResourcePatternTypes.MATCH,
      operation: kafkajs.AclOperationTypes.ANY,
      permissionType: kafkajs.AclPermissionTypes.ANY,
    });
    const rules = resources.flatMap(({ acls }) =>
      acls.map(({ principal, operation }) => [principal, operation].join(' ')),
    );
    const { READ, WRITE, DESCRIBE } = kafkajs.AclOperationTypes;
    const wanted = [`audit ${READ}`, `audit ${DESCRIBE}`, `billing ${WRITE}`, `billing ${DESCRIBE}`];
    expect(rules.sort()).toEqual(wanted.map((rule) => `User:${rule}`).sort());
    await expect(registerApi(kafka.client(), 'audit')).rejects.toThrow('audit is a login of the product');
    await expect(registerApi(kafka.client(), 'a.b')).rejects.toThrow('must begin with a small letter');
  });

  it('let each principal write its own topics and no others.', async () => {
    const attempts = Object.keys(TOPICS).flatMap((topic) =>
      (['identity', 'token', 'audit', 'inference', 'subscriber'] satisfies Principal[]).map((principal) => ({
        topic,
        principal,
      })),
    );
    const mayWrite = async ({ topic, principal }: (typeof attempts)[number]) => {
      const publisher = new KafkaPublisher(kafka.client(principal));
      // The broker looks at the rights before the size: nothing is written, other specs read these topics.
      const record = { topic, key: 'acl', headers: {}, value: 'x'.repeat(2_000_000) };
      const { message } = await publisher.publish([record]).then(
        () => new Error('written'),
        (error: unknown) => error as Error,
      );
      await publisher.close();
      expect(message).toMatch(/larger|authoriz/);
      return message.includes('larger');
    };
    const allowed: boolean[] = [];
    // A few at once: each has connections of its own, and a busy machine does not open half a hundred in time.
    for (let first = 0; first < attempts.length; first += 5) {
      allowed.push(...(await Promise.all(attempts.slice(first, first + 5).map(mayWrite))));
    }
    const table = attempts.map(({ topic, principal }) =>
      (TOPICS[topic as Topic].writtenBy as readonly Principal[]).includes(principal),
    );
    expect(attempts.filter((_, i) => allowed[i])).toEqual(attempts.filter((_, i) => table[i]));
  });

  it('keep password verifiers from everyone but token, and let a subscriber read identity’s events in a group of its own.', async () => {
    const groupOf = async (principal: Principal, topic: Topic, groupId: string) => {
      const consumer = kafka.client(principal).consumer({
        groupId,
        maxWaitTimeInMs: 50,
        retry: { retries: 0, restartOnFailure: () => Promise.resolve(false) },
      });
      await consumer.connect();
      try {
        await consumer.subscribe({ topics: [topic], fromBeginning: true });
        return await new Promise<boolean>((resolve) => {
          consumer.on(consumer.events.CRASH, () => {
            resolve(false);
          });
          consumer.on(consumer.events.FETCH, () => {
            resolve(true);
          });
          void consumer.run({ autoCommit: false, eachMessage: () => Promise.resolve() });
        });
      } catch {
        return false;
      } finally {
        await consumer.disconnect();
      }
    };
    expect(await groupOf('token', 'identity.credentials.v1', 'token.acl')).toBe(true);
    expect(await groupOf('audit', 'identity.credentials.v1', 'audit.acl')).toBe(false);
    expect(await groupOf('subscriber', 'identity.credentials.v1', 'subscriber.acl')).toBe(false);
    expect(await groupOf('subscriber', 'identity.events.v1', 'subscriber.acl')).toBe(true);
    expect(await groupOf('subscriber', 'identity.events.v1', 'token.acl')).toBe(false);
  });
});
