import type { IdentityEvent } from '@rebelcore/contracts/identity-events';
import { readRecords } from '@rebelcore/messaging/consume/read-records';
import type { TopicFacts } from '@rebelcore/messaging/topic-facts';
import type { Kafka } from 'kafkajs';
import type { Pool } from 'pg';
import { toldEvent } from '../published-event.js';

/** The topics by which identity has told what it holds. */
export interface Told {
  readonly events: string;
  readonly credentials: string;
  readonly heartbeats: string;
}
export const TOLD: Told = {
  events: 'identity.events.v1',
  credentials: 'identity.credentials.v1',
  heartbeats: 'identity.heartbeats.v1',
};

export interface Found {
  readonly customerId: string;
  readonly event: IdentityEvent;
}

/** What the topic of events tells that the store does not. */
interface Comparison {
  /** The events that the store does not have, each once, by customer and sequence. */
  readonly lacking: readonly Found[];
  /** Where store and topic, or the topic twice, have different events under one number; the first that was met. */
  readonly contradiction: string | undefined;
  /** Places of records that nobody can read, TOPIC/PARTITION@OFFSET: readers have parked them, and where one was an event of ours the numbers after it do not follow. */
  readonly unreadable: readonly string[];
}

/** Compares all ids and numbers of the events that a topic holds with the store. */
export async function compare(pool: Pool, kafka: Kafka, group: string, facts: TopicFacts): Promise<Comparison> {
  const lacking = new Map<string, Found>();
  const unreadable: string[] = [];
  let contradiction: string | undefined;
  await readRecords(
    kafka,
    group,
    facts,
    () => 0n,
    async (messages, partition) => {
      const found = messages.flatMap((message) => {
        const event = toldEvent(message);
        if (event !== undefined) return [{ customerId: event.data.customerId, event }];
        unreadable.push(`${facts.topic}/${String(partition)}@${String(message.offset)}`);
        return [];
      });
      const { rows } = await pool.query<{ n: string; event_id: string }>(
        `select t.n, e.event_id from unnest($1::uuid[], $2::bigint[]) with ordinality as t (customer_id, sequence, n)
         join event e on e.customer_id = t.customer_id and e.sequence = t.sequence`,
        [found.map(({ customerId }) => customerId), found.map(({ event }) => event.sequence)],
      );
      const stored = new Map(rows.map(({ n, event_id }) => [Number(n) - 1, event_id]));
      for (const [n, each] of found.entries()) {
        const place = `${each.customerId}/${String(each.event.sequence)}`;
        const known = stored.get(n) ?? lacking.get(place)?.event.id;
        if (known === undefined) lacking.set(place, each);
        else if (known !== each.event.id) {
          contradiction ??= `customer/number ${place} is event ${known} here and event ${each.event.id} in the topic`;
        }
      }
    },
  );
  return { lacking: [...lacking.values()].sort(byPlace), contradiction, unreadable };
}

const byPlace = (a: Found, b: Found) => a.customerId.localeCompare(b.customerId) || a.event.sequence - b.event.sequence;
