// The floor of a rebuild, a process of its own: reads the topics of the authorization view from their beginning to their
// end with the reader that a rebuild uses, decodes every record, and stores nothing.
import { createKafka } from '@rebelcore/messaging/kafka-client';
import { BoundedReader } from '@rebelcore/messaging/rebuild/bounded-reader';
import { authorizationHandlers } from '../../apps/token/dist/authorization/authorization.projector.js';

const { KAFKA_BROKERS, KAFKA_USERNAME: username, KAFKA_PASSWORD: password } = process.env;
const kafka = createKafka({ brokers: KAFKA_BROKERS.split(','), clientId: 'floor', sasl: { username, password } });
const admin = kafka.admin();
await admin.connect();
const ends = [];
for (const topic of Object.keys(authorizationHandlers)) {
  const offsets = await admin.fetchTopicOffsets(topic);
  ends.push(...offsets.map(({ partition, high }) => ({ topic, partition, offset: BigInt(high) })));
}
await admin.disconnect();

let records = 0;
const reader = new BoundedReader({
  kafka,
  groupPrefix: 'token.floor',
  handlers: authorizationHandlers,
  projection: {
    offsets: () => ({ nextOffsets: () => Promise.resolve(new Map()) }),
    apply: ({ messages }, handlers) => {
      for (const message of messages) handlers.read(message);
      records += messages.length;
      return Promise.resolve();
    },
  },
});
await reader.start();
await reader.readTo(ends);
console.log(`${records} records`);
process.exit(0);
