import type { Kafka } from 'kafkajs';
import { until } from './until.js';

export interface TopicRecord {
  readonly partition: number;
  readonly offset: bigint;
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Everything a topic holds at the moment of the call, per partition in order, read without leaving a trace. */
export async function readTopic(kafka: Kafka, topic: string): Promise<TopicRecord[]> {
  const admin = kafka.admin();
  await admin.connect();
  const ends = await until(() => admin.fetchTopicOffsets(topic), `the end of ${topic}`);
  await admin.disconnect();
  const expected = ends.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
  const records: TopicRecord[] = [];
  if (expected === 0) return records;

  const consumer = kafka.consumer({ groupId: `${topic}.reader`, maxWaitTimeInMs: 50 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: ({ partition, message: { offset, key, value, headers } }) => {
        const text = Object.entries(headers ?? {}).map(([name, header]) => [name, String(header)] as const);
        const record = { partition, offset: BigInt(offset), key: String(key), value: String(value) };
        records.push({ ...record, headers: Object.fromEntries(text) });
        return Promise.resolve();
      },
    });
    await until(() => records.length >= expected, `${String(expected)} records of ${topic}`);
  } finally {
    await consumer.disconnect();
  }
  return records;
}
