import type { Heartbeat } from '@rebelcore/contracts/heartbeat';
import type { ReceivedMessage } from '@rebelcore/messaging/consume/batch-consumer';
import { lastHeartbeats } from '@rebelcore/messaging/consume/last-heartbeats';
import { readRecords } from '@rebelcore/messaging/consume/read-records';
import type { Logger } from '@rebelcore/messaging/logger';
import { TopicReader } from '@rebelcore/messaging/topic-facts';
import type { Kafka } from 'kafkajs';
import type { Pool, PoolClient } from 'pg';
import { acrossCustomers } from './customer-scope.js';

/**
 * SQL of what changes whenever the store may have become another one: the server was started again, another one has taken
 * its place, or the table was copied or restored.
 */
export const LIFE = `pg_postmaster_start_time()::text || ' ' || pg_relation_filepath('event')`;

/** SQL of how many events the store holds. */
export const POSITION = '(select coalesce(sum(sequence), 0) from customer_head)';

/** The store lacks what it has published; until it is mended nothing is written and nothing is published. */
export class StoreBehind extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StoreBehind';
  }
}

/** Whether the store holds what was published is not known, for Kafka or the database does not answer. */
export class StoreUnverified extends Error {
  constructor(cause: unknown) {
    super('the event store could not be compared with the topics', { cause });
    this.name = 'StoreUnverified';
  }
}

export interface StoreGuardOptions {
  readonly pool: Pool;
  readonly kafka: Kafka;
  /** Keyed by customer, with every event. */
  readonly topic: string;
  /** Which event a record of it tells of; undefined for one that nobody can read, which is none that a store could lack. */
  readonly eventOf: (message: ReceivedMessage) => ToldEvent | undefined;
  readonly heartbeatTopic: string;
  /** The principal: the group that reads begins with it. */
  readonly name: string;
  readonly logger: Logger;
}

/** An event as its topic names it. */
export interface ToldEvent {
  readonly id: string;
  readonly sequence: number;
  readonly data: { readonly customerId: string };
}

const ASK_AGAIN_MS = 1_000;
const COMMAND = 'npm run restore -- events';

interface Identity {
  readonly id: string;
  readonly verified: string | null;
  readonly life: string;
  readonly position: string;
}

/**
 * Compares the store with what it has published, whenever it may have become another one: the newest heartbeat names the
 * store and its position, and what was published since the one before it, or everything where there are no two, is looked for
 * event by event. A restored copy has the identity of the original, so the identity alone proves nothing.
 */
export class StoreGuard {
  private life: string | undefined;
  private verifying: Promise<string> | undefined;
  private refused: { readonly error: Error; readonly at: number } | undefined;
  private readonly topics: TopicReader;

  constructor(private readonly options: StoreGuardOptions) {
    this.topics = new TopicReader(options.kafka);
  }

  close(): Promise<void> {
    return this.topics.close();
  }

  /** Why nothing is written and published, for health. */
  refusal(): string | undefined {
    return this.refused?.error.message;
  }

  /** The {@link LIFE} in which the store is known to hold all that was published. */
  verifiedLife(): string | undefined {
    return this.life;
  }

  /**
   * Makes sure of it; calls that come while one is under way share it, and what was refused is asked again after a second.
   *
   * @throws {StoreBehind}
   * @throws {StoreUnverified}
   */
  async verify(): Promise<string> {
    if (this.refused !== undefined && performance.now() - this.refused.at < ASK_AGAIN_MS) throw this.refused.error;
    this.verifying ??= this.compare().finally(() => {
      this.verifying = undefined;
    });
    return this.verifying;
  }

  /** For the relay: why it may not publish, if it may not. */
  async mayPublish(): Promise<string | undefined> {
    try {
      await this.verify();
      return undefined;
    } catch (error) {
      if (error instanceof StoreBehind || error instanceof StoreUnverified) return error.message;
      throw error;
    }
  }

  private async compare(): Promise<string> {
    try {
      const { pool } = this.options;
      const { rows } = await acrossCustomers(pool, (tx) =>
        tx.query<Identity>(
          `select id, verified_life as verified, ${LIFE} as life, ${POSITION}::text as position from store_identity`,
        ),
      );
      const [store] = rows;
      if (store === undefined) throw new Error('the store has no identity: its migrations have not run');
      if (store.verified !== store.life) {
        const why = await this.lacks(store);
        if (why !== undefined) throw new StoreBehind(`${why}; "${COMMAND}" mends it`);
        await pool.query('update store_identity set verified_life = $1', [store.life]);
        this.options.logger.info(
          { store: store.id, position: store.position },
          'the event store holds all that was published',
        );
      }
      this.refused = undefined;
      this.life = store.life;
      return store.life;
    } catch (cause) {
      const error = cause instanceof StoreBehind ? cause : new StoreUnverified(cause);
      this.life = undefined;
      if (this.refused?.error.message !== error.message) this.options.logger.error({ err: error }, error.message);
      this.refused = { error, at: performance.now() };
      throw error;
    }
  }

  /** What was published and is not in the store. */
  private async lacks({ id, position }: Identity): Promise<string | undefined> {
    const { topic, heartbeatTopic } = this.options;
    const [events, heartbeats] = await this.topics.facts([topic, heartbeatTopic]);
    if (events === undefined || heartbeats === undefined) return undefined;
    const group = `${this.options.name}.verify`;
    const [before, newest] = lastTwo(await lastHeartbeats(this.options.kafka, group, heartbeats));
    if (newest !== undefined && newest.store.id !== id) {
      return `the event store is ${id}, but ${topic} was published by store ${newest.store.id}`;
    }
    if (newest !== undefined && BigInt(newest.store.position) > BigInt(position)) {
      return `event store ${id} has gone back: it holds ${position} events, and had published ${newest.store.position} at ${newest.at}`;
    }
    // The newest one may speak of more than it counted: it read the position first, and then how far the topic had come.
    const known = before?.incarnations[topic] === events.incarnation ? before.published[topic] : undefined;
    let [missing, first] = [0, ''];
    // Without two heartbeats about this topic all of it: one that was filled again is ordered by customer, so that what the
    // store lacks may stand anywhere.
    const from = (partition: number) => BigInt(known?.[partition] ?? 0n);
    await readRecords(this.options.kafka, group, events, from, async (messages) => {
      const told = messages.map((message) => this.options.eventOf(message)).filter((event) => event !== undefined);
      const absent = await acrossCustomers(this.options.pool, (tx) => absentFrom(tx, told));
      missing += absent.length;
      first ||= absent[0] ?? '';
    });
    if (missing === 0) return undefined;
    return `event store ${id} has gone back: it lacks ${String(missing)} events that ${topic} has, such as ${first}`;
  }
}

const lastTwo = (heartbeats: readonly Heartbeat[]) => [heartbeats.at(-2), heartbeats.at(-1)] as const;

/** The ids of those events that the store does not hold at their place. */
async function absentFrom(tx: PoolClient, events: readonly ToldEvent[]): Promise<string[]> {
  const { rows } = await tx.query<{ id: string }>(
    `select t.id from unnest($1::uuid[], $2::bigint[], $3::uuid[]) as t (customer_id, sequence, id)
      where not exists (select from event e where e.customer_id = t.customer_id and e.sequence = t.sequence
                           and e.event_id = t.id)`,
    [events.map(({ data }) => data.customerId), events.map(({ sequence }) => sequence), events.map(({ id }) => id)],
  );
  return rows.map(({ id }) => id);
}
