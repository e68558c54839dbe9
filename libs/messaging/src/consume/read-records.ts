import { randomUUID } from 'node:crypto';
import type { Kafka } from 'kafkajs';
import { disconnected, within } from '../deadline.js';
import { cancellableClient } from '../kafka-client.js';
import type { TopicFacts } from '../topic-facts.js';
import type { ReceivedMessage } from './batch-consumer.js';
import { receivedMessage } from './kafka-batch-consumer.js';

/** A reader that hears nothing for so long gives up. */
const SILENT_MS = 20_000;

/**
 * Reads what a topic held when its facts were asked for, each partition from the offset that `from` names, in order.
 * Resolves when the last batch was handled.
 *
 * @param group begins with the principal's name and a dot
 * @throws when Kafka cannot be read, or what `handle` throws
 */
export async function readRecords(
  kafka: Kafka,
  group: string,
  { topic, partitions }: TopicFacts,
  from: (partition: number) => bigint,
  handle: (messages: readonly ReceivedMessage[], partition: number) => Promise<void> | void,
): Promise<void> {
  const left = new Map<number, bigint>();
  const starts = partitions.map(({ low }, partition) => (from(partition) > low ? from(partition) : low));
  for (const [partition, { high }] of partitions.entries()) {
    if ((starts[partition] ?? 0n) < high) left.set(partition, high);
  }
  if (left.size === 0) return;
  let wanted = true;
  const consumer = cancellableClient(kafka, () => wanted).consumer({
    groupId: `${group}-${randomUUID()}`,
    maxWaitTimeInMs: 50,
    allowAutoTopicCreation: false,
    retry: { retries: 5, restartOnFailure: () => Promise.resolve(false) },
  });
  const end = Promise.withResolvers<undefined>();
  let heard = performance.now();
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    end.reject(payload.error);
  });
  const silence = setInterval(() => {
    if (performance.now() - heard > SILENT_MS) end.reject(new Error(`${topic} could not be read in time`));
  }, 1_000).unref();
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async (payload) => {
        heard = performance.now();
        const { batch } = payload;
        const { partition } = batch;
        const limit = left.get(partition);
        if (limit === undefined) return;
        const start = starts[partition] ?? 0n;
        const messages = batch.messages.map(receivedMessage);
        const inRange = messages.filter(({ offset }) => offset >= start && offset < limit);
        try {
          if (inRange.length > 0) await handle(inRange, partition);
        } catch (error) {
          end.reject(error);
          return;
        }
        const last = messages.at(-1);
        if (last !== undefined) payload.resolveOffset(String(last.offset));
        if (last === undefined || last.offset + 1n < limit) return;
        left.delete(partition);
        if (left.size === 0) end.resolve(undefined);
      },
    });
    for (const [partition, start] of starts.entries()) consumer.seek({ topic, partition, offset: String(start) });
    await end.promise;
  } finally {
    wanted = false;
    clearInterval(silence);
    await within(3_000, disconnected(consumer.disconnect()), () => new Error('late')).catch(() => undefined);
  }
}
