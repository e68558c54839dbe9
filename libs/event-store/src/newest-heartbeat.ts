import { heartbeat, type Heartbeat } from '@rebelcore/contracts/heartbeat';
import { readRecords } from '@rebelcore/messaging/consume/read-records';
import type { TopicFacts } from '@rebelcore/messaging/topic-facts';
import type { Kafka } from 'kafkajs';

/** Of the last records of the topic so many are read: the last one may be none that anybody can read. */
const LAST = 100n;

/** What identity said last of what it has published; undefined where the topic holds no heartbeat. */
export async function newestHeartbeat(kafka: Kafka, group: string, facts: TopicFacts): Promise<Heartbeat | undefined> {
  const end = facts.partitions[0]?.high ?? 0n;
  let newest: Heartbeat | undefined;
  await readRecords(
    kafka,
    group,
    facts,
    () => end - LAST,
    (messages) => {
      for (const { value } of messages) newest = readable(value) ?? newest;
    },
  );
  return newest;
}

function readable(value: Buffer | null): Heartbeat | undefined {
  try {
    return heartbeat.parse(JSON.parse(String(value)));
  } catch {
    return undefined;
  }
}
