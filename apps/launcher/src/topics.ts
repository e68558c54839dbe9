import { createKafka } from '@rebelcore/messaging/kafka-client';
import { ensureAcls, ensureTopics } from '@rebelcore/messaging/topics-admin';
import { launcherKafka } from './launcher.config.js';

/** Creates topics and access rules on a Kafka of one's own, as its administrator; repeating it changes nothing. */
try {
  const { connection, replicationFactor, partitions } = launcherKafka();
  const kafka = createKafka({ ...connection, clientId: 'topics' });
  await ensureTopics(kafka, { replicationFactor, partitions });
  await ensureAcls(kafka);
  process.stdout.write('Topics and access rules are in place.\n');
} catch (error) {
  process.stderr.write(`Topics could not be set up: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
