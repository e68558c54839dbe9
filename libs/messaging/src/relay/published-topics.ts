import type { Client } from 'pg';
import { partitionOf } from '../publish/kafka-publisher.js';
import type { OutgoingRecord, PublishedOffsets } from '../publish/publisher.js';
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

/** A topic answered from before the place up to which it was published to: what lay behind it is lost. */
export class TopicShortened extends Error {
  constructor(
    readonly topic: string,
    readonly incarnation: string,
    what: string,
  ) {
    super(`${what}; "npm run republish" fills it again from the event store`);
    this.name = 'TopicShortened';
  }
}

interface KnownEnd {
  readonly incarnation: string;
  readonly next: readonly bigint[];
}

/**
 * How far this process knows topics to have grown, which is further than the last heartbeat has said. A topic that became shorter
 * and grew again past that looks whole to whoever asks for its end alone.
 */
export class KnownEnds {
  constructor(private readonly known = new Map<string, KnownEnd>()) {}

  /** As they are now, whatever is published from here on. */
  copy(): KnownEnds {
    return new KnownEnds(new Map(this.known));
  }

  /** Takes topics as they are, once they are known to hold what was published. */
  note(facts: readonly TopicFacts[]): void {
    for (const { topic, incarnation, partitions } of facts) {
      const before = this.of(topic, incarnation);
      this.known.set(topic, { incarnation, next: partitions.map(({ high }, p) => larger(high, before[p])) });
    }
  }

  /** All of them, as `note` and `advance` have left them. */
  all(): readonly (KnownEnd & { readonly topic: string })[] {
    return [...this.known].map(([topic, end]) => ({ topic, ...end }));
  }

  of(topic: string, incarnation: string | null): readonly bigint[] {
    const known = this.known.get(topic);
    return known?.incarnation === incarnation ? known.next : [];
  }

  /**
   * Takes note of what `publish` has published. It is compared with what was known before: whoever asks for the ends before the
   * answer comes finds these records already.
   *
   * @throws {TopicShortened}
   */
  async advance(records: readonly OutgoingRecord[], publish: () => Promise<PublishedOffsets>): Promise<void> {
    const before = this.copy().known;
    const published = await publish();
    for (const [topic, partitions] of published) {
      const { incarnation, next } = before.get(topic) ?? {};
      if (incarnation === undefined || next === undefined) continue;
      const ends = [...this.of(topic, incarnation)];
      const ofTopic = records.filter((record) => record.topic === topic);
      const counts = Map.groupBy(ofTopic, ({ key }) => partitionOf(key, next.length));
      for (const [partition, end] of partitions) {
        const first = end - BigInt(counts.get(partition)?.length ?? 0);
        const known = next[partition] ?? 0n;
        if (first < known) {
          const place = `${topic}/${String(partition)} took a record at ${String(first)}`;
          throw new TopicShortened(topic, incarnation, `${place}, but was published up to ${String(known)}`);
        }
        ends[partition] = larger(end, ends[partition]);
      }
      if (this.known.get(topic)?.incarnation === incarnation) this.known.set(topic, { incarnation, next: ends });
    }
  }
}

const larger = (one: bigint, other = 0n): bigint => (one > other ? one : other);

/**
 * Deletes rows that are published, and notes with them how far the topics have come: a row that is gone from the outbox is on a topic,
 * or the topic is found to end before it, as after a power cut that took what Kafka had acknowledged and not yet written.
 */
export async function deletePublished(
  client: Pick<Client, 'query'>,
  ids: readonly string[],
  ends: KnownEnds,
): Promise<void> {
  const known = ends.all();
  if (known.length === 0) {
    await client.query({
      name: 'relay-delete',
      text: 'delete from outbox where id = any($1::bigint[])',
      values: [ids],
    });
    return;
  }
  await client.query({
    name: 'relay-delete-noting',
    text: `with published as (delete from outbox where id = any($1::bigint[]))
           update published_topic p set next_offsets = n.next_offsets::bigint[]
             from unnest($2::text[], $3::uuid[], $4::text[]) as n (topic, incarnation, next_offsets)
            where p.topic = n.topic and p.incarnation = n.incarnation and p.next_offsets <> n.next_offsets::bigint[]`,
    values: [
      ids,
      known.map(({ topic }) => topic),
      known.map(({ incarnation }) => incarnation),
      known.map(({ next }) => `{${next.join(',')}}`),
    ],
  });
}

/** Notes that a topic has lost records: nothing is published to it until it was filled again. */
export async function noteShortened(client: Client, { topic, incarnation }: TopicShortened): Promise<void> {
  await client.query('update published_topic set incarnation = null where topic = $1 and incarnation = $2', [
    topic,
    incarnation,
  ]);
}

/**
 * Compares the topics with what this outbox has published to them, and notes how far that is now, here and in `ends`. A topic that was never
 * published to is taken as it is.
 *
 * @param ask what the topics are; something may be published meanwhile
 * @returns what they are, and why nothing may be published
 */
export async function checkTopics(
  client: Pick<Client, 'query'>,
  ask: () => Promise<readonly TopicFacts[]>,
  ends: KnownEnds,
): Promise<{ readonly facts: readonly TopicFacts[]; readonly refusal: string | undefined }> {
  // Before they are asked: while the answer is on its way more may be published, and noted.
  const before = ends.copy();
  const { rows } = await client.query<{ topic: string; incarnation: string | null; next_offsets: string[] }>(
    'select topic, incarnation, next_offsets from published_topic',
  );
  const facts = await ask();
  for (const each of facts) {
    const row = rows.find(({ topic }) => topic === each.topic);
    if (row === undefined) continue;
    const { topic, incarnation } = row;
    const known = before.of(topic, incarnation);
    const nextOffsets = row.next_offsets.map((noted, partition) => larger(BigInt(noted), known[partition]));
    const refusal = whyNotTo({ topic, incarnation: incarnation ?? undefined, nextOffsets }, each);
    if (refusal !== undefined) return { facts, refusal };
  }
  for (const { topic, incarnation, partitions } of facts) {
    await client.query(
      `insert into published_topic as p (topic, incarnation, next_offsets) values ($1, $2, $3)
       on conflict (topic) do update set next_offsets = array(
         select greatest(noted, asked) from unnest(p.next_offsets, excluded.next_offsets) with ordinality as n (noted, asked, partition)
          order by partition)
        where p.incarnation = excluded.incarnation and p.next_offsets <> excluded.next_offsets`,
      [topic, incarnation, partitions.map(({ high }) => String(high))],
    );
  }
  ends.note(facts);
  return { facts, refusal: undefined };
}
