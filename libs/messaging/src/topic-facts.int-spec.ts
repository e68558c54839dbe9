import { testKafka, type TestKafka } from '@rebelcore/testing/test-kafka';
import { KafkaPublisher } from './publish/kafka-publisher.js';
import { TopicReader } from './topic-facts.js';
import { createTopics } from './topics-admin.js';

describe('TopicReader', () => {
  let kafka: TestKafka;
  beforeAll(() => {
    kafka = testKafka();
  });
  afterAll(() => kafka.close());

  it('tells where the partitions begin and end, and a topic that was made anew from the one of its name.', async () => {
    const client = kafka.client();
    const [topic, other] = [await kafka.topic(2), await kafka.topic(1)];
    const publisher = new KafkaPublisher(client);
    const reader = new TopicReader(client);
    const admin = client.admin();
    await admin.connect();
    try {
      const value = { headers: {}, value: '1' };
      await publisher.publish(['a', 'b', 'c', 'd', 'e', 'f'].map((key) => ({ topic, key, ...value })));
      const [first, second] = await reader.facts([topic, other]);
      expect(first?.partitions.reduce((sum, { high }) => sum + high, 0n)).toBe(6n);
      expect(second).toMatchObject({ topic: other, partitions: [{ low: 0n, high: 0n }] });
      expect(first?.incarnation).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
      expect(first?.incarnation).not.toBe(second?.incarnation);

      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '-1' }] });
      const [truncated] = await reader.facts([topic]);
      expect(truncated?.incarnation).toBe(first?.incarnation);
      expect(truncated?.partitions[0]?.low).toBe(first?.partitions[0]?.high);

      await admin.deleteTopics({ topics: [topic] });
      await expect(reader.facts([topic])).rejects.toThrow();
      await createTopics(admin, [{ topic, numPartitions: 2, replicationFactor: 1 }]);
      const [anew] = await reader.facts([topic]);
      expect(anew).toMatchObject({
        partitions: [
          { low: 0n, high: 0n },
          { low: 0n, high: 0n },
        ],
      });
      expect(anew?.incarnation).not.toBe(first?.incarnation);
    } finally {
      await Promise.all([admin.disconnect(), reader.close(), publisher.close()]);
    }
  });
});
