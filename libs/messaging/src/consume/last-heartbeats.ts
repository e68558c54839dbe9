import { heartbeat, type Heartbeat } from '@rebelcore/contracts/heartbeat';
import type { Kafka } from 'kafkajs';
import type { TopicFacts } from '../topic-facts.js';
import { readRecords } from './read-records.js';

/** Of the last records of the topic so many are read: the last one may be none that anybody can read. */
const LAST = 100n;

/** What identity said last of what it has published, oldest first; none where the topic holds no heartbeat. */
export async function lastHeartbeats(kafka: Kafka, group: string, facts: TopicFacts): Promise<readonly Heartbeat[]> {
  const end = facts.partitions[0]?.high ?? 0n;
  const heartbeats: (Heartbeat | undefined)[] = [];
  await readRecords(
    kafka,
    group,
    facts,
    () => end - LAST,
    (messages) => {
      heartbeats.push(...messages.map(({ value }) => readable(value)));
    },
  );
  return heartbeats.filter((each) => each !== undefined);
}

function readable(value: Buffer | null): Heartbeat | undefined {
  try {
    return heartbeat.parse(JSON.parse(String(value)));
  } catch {
    return undefined;
  }
}
