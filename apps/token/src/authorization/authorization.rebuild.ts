import type { ReceivedBatch } from '@rebelcore/messaging/batch-consumer';
import { KafkaBatchConsumer } from '@rebelcore/messaging/kafka-batch-consumer';
import type { Logger } from '@rebelcore/messaging/logger';
import { Projection, type ProjectionHandlers } from '@rebelcore/messaging/projection';
import { isDataError } from '@rebelcore/messaging/projection-transaction';
import { ReadLimits, type TopicOffsets } from '@rebelcore/messaging/read-limits';
import { consumerTables } from '@rebelcore/messaging/schema';
import type { Kafka } from 'kafkajs';
import { randomUUID } from 'node:crypto';
import { Pool, type PoolClient } from 'pg';
import { bulkHandlers, mergeStaged, STAGING_TABLES } from './authorization.bulk.js';
import { handlersWith } from './authorization.projector.js';
import { contentOf, holdConsumers, liveOffsets, swapIn, type Content } from './authorization.swap.js';
import { AUTHORIZATION_KEYS, authorizationTable } from './authorization.table.js';
import { AUTHORIZATION, markAcknowledged } from './authorization.view.js';

/** What the view is made of. */
export const TOPICS = ['identity.events.v1', 'identity.credentials.v1'] as const;
/** The runtime role, which reads and writes the view afterwards. */
const ROLE = 'token';
/** So few records behind, the rest is applied while the consumers of the old view wait. */
const CLOSE = 1_000;
/** Batches written at the same time. */
const WRITERS = 3;
/** So often it is tried to come that close. */
const ROUNDS = 10;
/** Larger than for consuming what has just happened: a rebuild reads from the broker's disk, and commits per batch. */
export const READING = { concurrency: 3, fetchBytes: { all: 16_777_216, partition: 2_097_152 } };

/** Where a rebuild has come to, for people and for tests; what is answered is waited for. */
export type RebuildProgress =
  | { readonly at: 'reading'; readonly read: number; readonly of: number }
  | { readonly at: 'merged'; readonly rows: number; readonly read: number }
  | { readonly at: 'one-by-one'; readonly reason: string }
  | { readonly at: 'held' }
  | { readonly at: 'again'; readonly reason: string };

export interface RebuildOptions {
  /** Of the role that owns the database: tables are made and dropped. */
  readonly databaseUrl: string;
  readonly kafka: Kafka;
  readonly logger: Logger;
  readonly progress?: (progress: RebuildProgress) => void | Promise<void>;
}

export interface RebuildResult {
  /** Records read from the topics. */
  readonly records: number;
  readonly old: Content;
  readonly rebuilt: Content;
  readonly parked: number;
  /** Milliseconds for which the consumers of the view waited. */
  readonly heldMs: number;
  readonly seconds: number;
}

/** There is nothing wrong with the view; the rebuild cannot begin. */
export class RebuildRefused extends Error {}

/**
 * Builds the authorization view anew from its topics, in a schema of its own while the old one serves, and puts it in the
 * old one's place. It never reads further than the old view has come, so that both can be compared at the same point.
 *
 * @throws {RebuildRefused} when another one is running or the topics have lost their beginning
 * @throws whatever else went wrong; the old view is untouched then
 */
export async function rebuildAuthorization(options: RebuildOptions): Promise<RebuildResult> {
  const started = Date.now();
  const live = new Pool({ connectionString: options.databaseUrl, application_name: 'token-rebuild', max: 1 });
  live.on('error', () => undefined);
  try {
    const session = await live.connect();
    session.on('error', () => undefined);
    try {
      const { rows } = await session.query<{ free: boolean }>(
        'select pg_try_advisory_lock(hashtextextended($1, 0)) as free',
        [`rebuild ${AUTHORIZATION}`],
      );
      if (rows[0]?.free !== true) throw new RebuildRefused(`Another rebuild of ${AUTHORIZATION} is running.`);
      const partitions = await wholeTopics(options.kafka, await liveOffsets(session, TOPICS));
      const result =
        (await new Rebuild(options, session, partitions).run(true)) ??
        (await new Rebuild(options, session, partitions).run(false));
      if (result === undefined) throw new Error('the records could not be applied');
      return { ...result, seconds: (Date.now() - started) / 1_000 };
    } finally {
      // With the lock; a transaction that is open is rolled back.
      session.release(true);
    }
  } finally {
    await live.end();
  }
}

type Positions = ReadonlyMap<string, readonly number[]>;

/** The partitions of the topics, if everything that the view was made of is still there. */
async function wholeTopics(kafka: Kafka, view: TopicOffsets): Promise<Positions> {
  const admin = kafka.admin({ retry: { retries: 5 } });
  await admin.connect();
  try {
    const partitions = new Map<string, number[]>();
    for (const topic of TOPICS) {
      const offsets = await admin.fetchTopicOffsets(topic);
      for (const { partition, low, high } of offsets) {
        const place = `${topic}/${String(partition)}`;
        if (BigInt(low) > 0n) throw new RebuildRefused(`${place} has lost its beginning: it starts at ${low}.`);
        const applied = view.get(topic)?.get(partition) ?? 0n;
        if (BigInt(high) < applied) {
          throw new RebuildRefused(`${place} ends at ${high}, but the view has been at ${String(applied)}.`);
        }
      }
      partitions.set(
        topic,
        offsets.map(({ partition }) => partition),
      );
    }
    return partitions;
  } finally {
    await admin.disconnect();
  }
}

type Handlers = Readonly<Record<(typeof TOPICS)[number], ProjectionHandlers<{ readonly sequence: number }>>>;

class Rebuild {
  private readonly pool: Pool;
  private readonly projection: Projection;
  private readonly limits = new ReadLimits();
  private readonly failed = Promise.withResolvers<never>();
  private handlers: Handlers = handlersWith(markAcknowledged);
  private readonly writing = new Set<Promise<void>>();
  /** The last batch of each partition. */
  private readonly last = new Map<string, Promise<void>>();
  private records = 0;

  constructor(
    private readonly options: RebuildOptions,
    private readonly session: PoolClient,
    private readonly partitions: Positions,
  ) {
    this.pool = new Pool({
      connectionString: inOwnSchema(options.databaseUrl),
      application_name: 'token-rebuild',
      max: WRITERS + 1,
    });
    this.pool.on('error', () => undefined);
    this.projection = new Projection({ pool: this.pool, view: AUTHORIZATION, logger: options.logger });
    this.failed.promise.catch(() => undefined);
  }

  /** @returns undefined when the records cannot be applied in bulk, because the database refuses some of them */
  async run(inBulk: boolean): Promise<Omit<RebuildResult, 'seconds'> | undefined> {
    await this.session.query('drop schema if exists rebuild cascade; create schema rebuild');
    await this.pool.query(
      consumerTables(ROLE) + authorizationTable(ROLE) + (inBulk ? STAGING_TABLES : AUTHORIZATION_KEYS),
    );
    const consumer = this.consumer();
    try {
      await Promise.race([consumer.start(), this.failed.promise]);
      if (inBulk && !(await this.bulk())) return undefined;
      for (let round = 1; round <= ROUNDS; round += 1) {
        const ahead = await liveOffsets(this.session, TOPICS);
        const close = behind(ahead, this.limits) <= CLOSE;
        await this.readTo(ahead);
        await this.replayWhatWasReplayed();
        if (close) break;
      }
      return await this.finish();
    } finally {
      await consumer.stop();
      await this.pool.end();
      await this.session.query('rollback; drop schema if exists rebuild cascade').catch(() => undefined);
    }
  }

  private consumer(): KafkaBatchConsumer {
    const { kafka, logger } = this.options;
    return new KafkaBatchConsumer({
      ...{ kafka, logger, ...READING, limits: this.limits },
      groupId: `token.rebuild-${randomUUID()}`,
      handlers: new Map(TOPICS.map((topic) => [topic, (batch: ReceivedBatch) => this.take(topic, batch)])),
      offsets: this.projection.offsets(),
      onCrash: (error) => {
        this.failed.reject(error);
      },
    });
  }

  /**
   * Has a batch written and answers as soon as the next one may be read: kafkajs reads nothing while a handler works.
   * Batches of one partition are written one after the other; a batch that was taken is written, or the rebuild fails.
   */
  private async take(topic: (typeof TOPICS)[number], batch: ReceivedBatch): Promise<void> {
    const handlers = this.handlers[topic];
    const place = `${topic}/${String(batch.partition)}`;
    const write = async () => {
      await this.projection.apply({ ...batch, isStale: () => false }, handlers);
      this.records += batch.messages.length;
    };
    const written = (this.last.get(place) ?? Promise.resolve()).then(write).catch((error: unknown) => {
      this.failed.reject(error);
    });
    this.last.set(place, written);
    this.writing.add(written);
    void written.then(() => this.writing.delete(written));
    while (this.writing.size > WRITERS) await Promise.race(this.writing);
  }

  private async bulk(): Promise<boolean> {
    const ordinary = this.handlers;
    this.handlers = bulkHandlers;
    const target = await liveOffsets(this.session, TOPICS);
    const total = behind(target, this.limits);
    const timer = setInterval(() => void this.tell({ at: 'reading', read: this.records, of: total }), 5_000);
    await this.tell({ at: 'reading', read: 0, of: total });
    try {
      await this.readTo(target);
      const rows = await mergeStaged(this.pool);
      this.handlers = ordinary;
      await this.tell({ at: 'merged', rows, read: this.records });
      return true;
    } catch (error) {
      if (!isDataError(error)) throw error;
      await this.tell({ at: 'one-by-one', reason: (error as Error).message });
      return false;
    } finally {
      clearInterval(timer);
    }
  }

  private async readTo(offsets: TopicOffsets): Promise<void> {
    await Promise.race([this.limits.raise(offsets), this.failed.promise]);
    await Promise.race([Promise.all(this.writing), this.failed.promise]);
  }

  /** What an operator has had replayed in the old view is not parked in the new one either. */
  private async replayWhatWasReplayed(): Promise<void> {
    const { rowCount } = await this.session.query(
      `select from rebuild.parked_record n where view = $1 and not exists (
         select from public.parked_record o
          where (n.view, n.topic, n.partition, n."offset") = (o.view, o.topic, o.partition, o."offset")) limit 1`,
      [AUTHORIZATION],
    );
    if (rowCount !== 0) await this.projection.replayParked(this.handlers);
  }

  /** Both at the same point, compared, and the new one in the place of the old. */
  private async finish(): Promise<Omit<RebuildResult, 'seconds'>> {
    for (let attempt = 1; ; attempt += 1) {
      const heldAt = Date.now();
      try {
        await this.readTo(await holdConsumers(this.session, this.partitions));
        await this.replayWhatWasReplayed();
        await this.tell({ at: 'held' });
        const [old, rebuilt] = await Promise.all([contentOf(this.session, 'public'), contentOf(this.pool, 'rebuild')]);
        const parked = await this.projection.parked();
        await swapIn(this.session);
        await this.session.query('commit');
        return { records: this.records, old, rebuilt, parked: parked.count, heldMs: Date.now() - heldAt };
      } catch (error) {
        await this.session.query('rollback');
        if (!isLockTimeout(error) || attempt === 5) throw error;
        await this.tell({ at: 'again', reason: (error as Error).message });
      }
    }
  }

  private async tell(progress: RebuildProgress): Promise<void> {
    await this.options.progress?.(progress);
  }
}

const isLockTimeout = (error: unknown) => error instanceof Error && 'code' in error && error.code === '55P03';

/** How many records lie between the limits and these offsets. */
function behind(offsets: TopicOffsets, limits: ReadLimits): number {
  let sum = 0n;
  for (const [topic, partitions] of offsets) {
    for (const [partition, offset] of partitions) sum += offset - limits.of(topic, partition);
  }
  return Number(sum);
}

/** All that is written there is made anew if it is lost, so no commit waits for the disk. */
function inOwnSchema(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  const settings = ['search_path=rebuild', 'synchronous_commit=off', 'work_mem=128MB', 'maintenance_work_mem=256MB'];
  const options = [url.searchParams.get('options') ?? '', ...settings.map((setting) => `-c ${setting}`)];
  url.searchParams.set('options', options.join(' ').trim());
  return url.href;
}
