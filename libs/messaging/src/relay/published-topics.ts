import type { Client } from 'pg';
import type { TopicFacts } from '../topic-facts.js';

/** What this outbox has published to a topic. */
export interface PublishedTopic {
  readonly topic: string;
  /** Undefined from the moment the topic is to be filled again until the outbox holds all of it. */
  readonly incarnation: string | undefined;
  /** The next offset of each partition when the last heartbeat was sent. */
  readonly nextOffsets: readonly bigint[];
}

/** Why nothing may be published to a topic: it no longer holds what was published to it. */
export function whyNotTo(
  published: PublishedTopic,
  { topic, incarnation, partitions }: TopicFacts,
): string | undefined {
  const mend = '"npm run republish" fills it again from the event store';
  if (published.incarnation === undefined) return `${topic} waits to be filled; ${mend}`;
  if (published.incarnation !== incarnation) {
    return `${topic} was made anew (it is ${incarnation}, and was ${published.incarnation}); ${mend}`;
  }
  const count = published.nextOffsets.length;
  // None is known from the moment it was filled again until the first heartbeat.
  if (count > 0 && count !== partitions.length) {
    return (
      `${topic} has ${String(partitions.length)} partitions instead of ${String(count)}, so that most keys would lie in others ` +
      `than before and lose their order; ${mend}`
    );
  }
  for (const [partition, { high }] of partitions.entries()) {
    const before = published.nextOffsets[partition] ?? 0n;
    if (high >= before) continue;
    return `${topic}/${String(partition)} ends at ${String(high)}, but was published up to ${String(before)}; ${mend}`;
  }
  return undefined;
}

/**
 * Compares the topics with what this outbox has published to them, and notes how far that is now. A topic that was never
 * published to is taken as it is.
 *
 * @returns why nothing may be published
 */
export async function checkTopics(client: Client, facts: readonly TopicFacts[]): Promise<string | undefined> {
  const { rows } = await client.query<{ topic: string; incarnation: string | null; next_offsets: string[] }>(
    'select topic, incarnation, next_offsets from published_topic where topic = any($1::text[])',
    [facts.map(({ topic }) => topic)],
  );
  for (const each of facts) {
    const row = rows.find(({ topic }) => topic === each.topic);
    const refusal =
      row &&
      whyNotTo(
        { topic: row.topic, incarnation: row.incarnation ?? undefined, nextOffsets: row.next_offsets.map(BigInt) },
        each,
      );
    if (refusal !== undefined) return refusal;
  }
  for (const { topic, incarnation, partitions } of facts) {
    await client.query(
      `insert into published_topic as p (topic, incarnation, next_offsets) values ($1, $2, $3)
       on conflict (topic) do update set next_offsets = excluded.next_offsets
        where p.incarnation = excluded.incarnation and p.next_offsets <> excluded.next_offsets`,
      [topic, incarnation, partitions.map(({ high }) => String(high))],
    );
  }
  return undefined;
}
