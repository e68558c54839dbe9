// The floor of a rebuild, a process of its own: reads the topics of the authorization view from their beginning to their
// end with the consumer that a rebuild uses, decodes every record, and stores nothing.
import { randomUUID } from 'node:crypto';
import { BACKLOG } from '@rebelcore/messaging/rebuild/bounded-reader';
import { KafkaBatchConsumer } from '@rebelcore/messaging/consume/kafka-batch-consumer';
import { createKafka } from '@rebelcore/messaging/kafka-client';
import { ReadLimits } from '@rebelcore/messaging/rebuild/read-limits';
import { authorizationHandlers } from '../../apps/token/dist/authorization/authorization.projector.js';
import { TOPICS } from '../../apps/token/dist/authorization/authorization.rebuild.js';

const { KAFKA_BROKERS, KAFKA_USERNAME: username, KAFKA_PASSWORD: password } = process.env;
const kafka = createKafka({ brokers: KAFKA_BROKERS.split(','), clientId: 'floor', sasl: { username, password } });
const admin = kafka.admin();
await admin.connect();
const ends = new Map();
for (const topic of TOPICS) {
  const offsets = await admin.fetchTopicOffsets(topic);
  ends.set(topic, new Map(offsets.map(({ partition, high }) => [partition, BigInt(high)])));
}
await admin.disconnect();

let records = 0;
const limits = new ReadLimits();
const nothing = () => undefined;
const consumer = new KafkaBatchConsumer({
  kafka,
  ...BACKLOG,
  limits,
  groupId: `token.floor-${randomUUID()}`,
  onCrash: nothing,
  logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  offsets: { nextOffsets: () => Promise.resolve(new Map()) },
  handlers: new Map(
    TOPICS.map((topic) => [
      topic,
      ({ messages }) => {
        for (const message of messages) authorizationHandlers[topic].read(message);
        records += messages.length;
        return Promise.resolve();
      },
    ]),
  ),
});
await consumer.start();
await limits.raise(ends);
console.log(`${records} records`);
process.exit(0);
