import { runCommand, say } from '@rebelcore/embedded/command';
import { createKafka } from '@rebelcore/messaging/kafka-client';
import { ensureAcls, ensureTopics } from '@rebelcore/messaging/topics-admin';
import { launcherKafka } from './launcher.config.js';

/**
 * Creates topics and access rules on a Kafka of one's own, as its administrator; repeating it changes nothing.
 *
 * @throws {Error} once all that was missing is there, when a topic has another number of partitions than it had
 */
async function createTopics(): Promise<number> {
  const { connection, replicationFactor, partitions } = launcherKafka();
  const kafka = createKafka({ ...connection, clientId: 'topics' });
  const drifted = await ensureTopics(kafka, { replicationFactor, partitions });
  await ensureAcls(kafka);
  if (drifted.length > 0) {
    throw new Error(
      `${drifted.join('\n')}\nWhere that number was chosen at the beginning, KAFKA_PARTITIONS has to say it again.`,
    );
  }
  say('Topics and access rules are in place.');
  return 0;
}

await runCommand({ failed: 'Topics could not be set up: ', run: createTopics });
