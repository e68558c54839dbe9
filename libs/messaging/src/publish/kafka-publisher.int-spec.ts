import { publisherContract } from '@rebelcore/testing/publisher-contract';
import kafkajs from 'kafkajs';
import { testKafka, type TestKafka } from '@rebelcore/testing/test-kafka';
import { readTopic } from '@rebelcore/testing/topic-reader';
import { KafkaPublisher } from './kafka-publisher.js';

publisherContract('KafkaPublisher', async () => {
  const kafka = testKafka();
  const topic = await kafka.topic();
  const publisher = new KafkaPublisher(kafka.client());
  return {
    publisher,
    topic,
    readAll: () => readTopic(kafka.client(), topic),
    dispose: async () => {
      await publisher.close();
      await kafka.close();
    },
  };
});

it('KafkaPublisher puts each key where Kafka’s own clients put it, however many there are.', async () => {
  const kafka = testKafka();
  const publisher = new KafkaPublisher(kafka.client());
  try {
    const partitions = 5;
    const topic = await kafka.topic(partitions);
    const keys = Array.from({ length: 5_000 }, (_, n) => `key ${String(n)}`);
    for (let time = 0; time < 2; time += 1) {
      await publisher.publish(keys.map((key) => ({ topic, key, headers: {}, value: String(time) })));
    }
    const choose = kafkajs.Partitioners.DefaultPartitioner();
    const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => {
      return { partitionErrorCode: 0, partitionId, leader: 0, replicas: [], isr: [] };
    });
    const expected = (key: string) => choose({ topic, partitionMetadata, message: { key, value: null } });
    const records = await readTopic(kafka.client(), topic);
    expect(records).toHaveLength(2 * keys.length);
    expect(records.filter(({ key, partition }) => partition !== expected(key))).toEqual([]);
    expect(new Set(records.map(({ partition }) => partition)).size).toBe(partitions);
  } finally {
    await publisher.close();
    await kafka.close();
  }
});

describe('KafkaPublisher on a disturbed link', () => {
  let kafka: TestKafka;
  beforeEach(() => {
    kafka = testKafka();
  });
  afterEach(() => kafka.close());

  const record = (topic: string, value: string) => ({ topic, key: 'k', headers: {}, value });

  it('loses nothing after a batch that was written but never acknowledged, although kafkajs would reuse its sequence numbers.', async () => {
    const topic = await kafka.topic(1);
    const { kafka: disturbed, proxy } = await kafka.clientThroughProxy();
    const publisher = new KafkaPublisher(disturbed);
    await publisher.publish([record(topic, 'first')]);

    proxy.swallowAnswers();
    await expect(publisher.publish([record(topic, 'unknown')], { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'publish.timeout',
    });
    proxy.thaw();
    proxy.cut();
    await publisher.publish([record(topic, 'third')]);
    await publisher.publish([record(topic, 'fourth')]);
    await publisher.close();

    const values = (await readTopic(kafka.client(), topic)).map(({ value }) => value);
    expect(values.filter((value) => value !== 'unknown')).toEqual(['first', 'third', 'fourth']);
    expect(values[1]).toBe('unknown');
  });

  it('rejects when the time is over while the link stands still, and goes on when it is back.', async () => {
    const topic = await kafka.topic(1);
    const { kafka: disturbed, proxy } = await kafka.clientThroughProxy();
    const publisher = new KafkaPublisher(disturbed);
    await publisher.publish([record(topic, 'first')]);

    proxy.freeze();
    const waiting = [1, 2, 3].map((n) => publisher.publish([record(topic, `lost ${String(n)}`)], { timeoutMs: 300 }));
    const results = await Promise.allSettled(waiting);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);

    proxy.thaw();
    const published = await publisher.publish([record(topic, 'last')]);
    expect(published.get(topic)?.get(0)).toBeGreaterThanOrEqual(2n);
    await publisher.close();
    const values = (await readTopic(kafka.client(), topic)).map(({ value }) => value);
    expect(values.filter((value) => !value.startsWith('lost'))).toEqual(['first', 'last']);
  });

  it('sends the same key to the partition that Kafka’s own client chooses.', async () => {
    const topic = await kafka.topic(12);
    const publisher = new KafkaPublisher(kafka.client());
    // Kafka: toPositive(murmur2("customer-1")) % 12, and so on, computed with org.apache.kafka.common.utils.Utils.
    const expected = { 'customer-1': 9, 'customer-2': 2, 'customer-3': 10 };
    const chosen: Record<string, number> = {};
    for (const key of Object.keys(expected)) {
      const offsets = await publisher.publish([{ topic, key, headers: {}, value: '' }]);
      chosen[key] = [...(offsets.get(topic)?.keys() ?? [])][0] ?? -1;
    }
    await publisher.close();
    expect(chosen).toEqual(expected);
  });
});
