import { batchConsumerContract } from '@rebelcore/testing/batch-consumer-contract';
import { testKafka } from '@rebelcore/testing/test-kafka';
import { until } from '@rebelcore/testing/until';
import { KafkaBatchConsumer } from './kafka-batch-consumer.js';
import { KafkaPublisher } from '../publish/kafka-publisher.js';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

batchConsumerContract('KafkaBatchConsumer', async () => {
  const kafka = testKafka();
  const topic = await kafka.topic(3);
  const groupId = kafka.group();
  const publisher = new KafkaPublisher(kafka.client());
  return {
    topic,
    consumer: (handler, offsets) =>
      new KafkaBatchConsumer({
        kafka: kafka.client(),
        groupId,
        offsets,
        handlers: new Map([[topic, handler]]),
        logger: silent,
        onCrash: (error) => {
          throw error;
        },
      }),
    publish: async (records) => {
      await publisher.publish(records.map((record) => ({ topic, headers: {}, ...record })));
    },
    dispose: async () => {
      await publisher.close();
      await kafka.close();
    },
  };
});

it('reads again what a database that has gone back has lost, though nothing new comes', async () => {
  const kafka = testKafka();
  const topic = await kafka.topic(1);
  const publisher = new KafkaPublisher(kafka.client());
  const read: bigint[] = [];
  let stored = 0n;
  const offsets = () => Promise.resolve(new Map([[0, stored]]));
  const consumer = new KafkaBatchConsumer({
    kafka: kafka.client(),
    groupId: kafka.group(),
    offsets: { nextOffsets: offsets, begin: offsets },
    handlers: new Map([
      [
        topic,
        ({ messages }) => {
          read.push(...messages.map(({ offset }) => offset));
          stored = BigInt(read.length);
          return Promise.resolve();
        },
      ],
    ]),
    logger: silent,
    onCrash: (error) => {
      throw error;
    },
  });
  try {
    await consumer.start();
    await publisher.publish(['a', 'b'].map((value) => ({ topic, key: 'key', headers: {}, value })));
    await until(() => read.length === 2, 'both records');
    stored = 1n;
    await until(() => read.length > 2, 'the lost one to be read again');
    expect(read).toEqual([0n, 1n, 1n]);
  } finally {
    await consumer.stop();
    await publisher.close();
    await kafka.close();
  }
});

it('gathers what comes within a while into few batches, and waits no longer than that for more', async () => {
  const kafka = testKafka();
  const topic = await kafka.topic(1);
  const publisher = new KafkaPublisher(kafka.client());
  const sizes: number[] = [];
  const stored = new Map<number, bigint>();
  const consumer = new KafkaBatchConsumer({
    kafka: kafka.client(),
    groupId: kafka.group(),
    offsets: { nextOffsets: () => Promise.resolve(stored) },
    handlers: new Map([
      [
        topic,
        (batch) => {
          sizes.push(batch.messages.length);
          return Promise.resolve();
        },
      ],
    ]),
    gather: { bytes: 1_000_000, forMs: 1_000 },
    logger: silent,
    onCrash: (error) => {
      throw error;
    },
  });
  const received = () => sizes.reduce((sum, size) => sum + size, 0);
  try {
    await consumer.start();
    for (let n = 1; n <= 40; n += 1) await publisher.publish([{ topic, key: 'key', headers: {}, value: String(n) }]);
    // Far fewer bytes than it gathers: only the time ends the wait.
    await until(() => received() === 40, 'all records');
    expect(sizes.length).toBeLessThan(20);
  } finally {
    await consumer.stop();
    await publisher.close();
    await kafka.close();
  }
});
