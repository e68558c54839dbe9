import { batchConsumerContract } from '@rebelcore/testing/batch-consumer-contract';
import { testKafka } from '@rebelcore/testing/test-kafka';
import { KafkaBatchConsumer } from './kafka-batch-consumer.js';
import { KafkaPublisher } from './kafka-publisher.js';

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
