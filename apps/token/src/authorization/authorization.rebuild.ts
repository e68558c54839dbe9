import { BoundedReader, WRITERS, type TopicHandlers } from '@rebelcore/messaging/rebuild/bounded-reader';
import type { Logger } from '@rebelcore/messaging/logger';
import { Projection } from '@rebelcore/messaging/project/projection';
import { isDataError } from '@rebelcore/messaging/transaction';
import type { TopicOffsets } from '@rebelcore/messaging/rebuild/read-limits';
import { consumerTables } from '@rebelcore/messaging/schema';
import type { Kafka } from 'kafkajs';
import { DatabaseError, Pool, type PoolClient } from 'pg';
import { mergeStaged, STAGING_TABLES } from './authorization.bulk.js';
import { fillHere, type Fill } from './authorization.fill.js';
import { handlersWith } from './authorization.projector.js';
import {
  contentOf,
  holdConsumers,
  liveOffsets,
  parkedPlaces,
  snapshotOf,
  swapIn,
  type Content,
} from './authorization.swap.js';
import { AUTHORIZATION_KEYS, authorizationTable } from './authorization.table.js';
import { AUTHORIZATION, markAcknowledged } from './authorization.view.js';

/** What the view is made of. */
export const TOPICS = ['identity.events.v1', 'identity.credentials.v1'] as const;
/** The runtime role, which reads and writes the view afterwards. */
const ROLE = 'token';
/** So few records behind, the rest is applied while the consumers of the old view wait. */
const CLOSE = 1_000;
/** So often it is tried to come that close, and to put the new view in the place of the old. */
const ATTEMPTS = 5;

/** Where a rebuild has come to, for people and for tests; what is answered is waited for. */
export type RebuildProgress =
  | { readonly at: 'reading'; readonly read: number; readonly of: number }
  | { readonly at: 'one-by-one'; readonly reason: string }
  | { readonly at: 'compared'; readonly rows: number; readonly read: number }
  | { readonly at: 'held' }
  | { readonly at: 'again'; readonly reason: string };

export interface RebuildOptions {
  /** Of the role that owns the database: tables are made and dropped. */
  readonly databaseUrl: string;
  readonly kafka: Kafka;
  readonly logger: Logger;
  readonly progress?: (progress: RebuildProgress) => void | Promise<void>;
  /** How each topic is read in; all of them at once. By default on this thread. */
  readonly fill?: Fill;
}

export interface RebuildResult {
  /** Records read from the topics. */
  readonly records: number;
  /** Both after the same records: all that the old view had applied when the rebuild began. */
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
 * old one's place. It never reads further than the old view has come.
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
      await lockOutOthers(session);
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

async function lockOutOthers(session: PoolClient): Promise<void> {
  const { rows } = await session.query<{ free: boolean }>(
    'select pg_try_advisory_lock(hashtextextended($1, 0)) as free',
    [`rebuild ${AUTHORIZATION}`],
  );
  if (rows[0]?.free !== true) throw new RebuildRefused(`Another rebuild of ${AUTHORIZATION} is running.`);
}

type Partitions = ReadonlyMap<string, readonly number[]>;

/** The partitions of the topics, if everything that the view was made of is still there. */
async function wholeTopics(kafka: Kafka, view: TopicOffsets): Promise<Partitions> {
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

/** Applies as the view's own handlers do, and tells nobody: everybody has been told by the old view. */
const quietHandlers: TopicHandlers = handlersWith(markAcknowledged);

class Rebuild {
  private readonly pool: Pool;
  private readonly projection: Projection;
  /** Reads what has happened since, and everything where bulk does not work. */
  private readonly reader: BoundedReader;
  private readonly filled = new Map<string, number>();
  private readonly abort = new AbortController();

  /** @param session in which nothing is done but to the old view */
  constructor(
    private readonly options: RebuildOptions,
    private readonly session: PoolClient,
    private readonly partitions: Partitions,
  ) {
    const { databaseUrl, kafka, logger } = options;
    this.pool = new Pool({
      connectionString: inOwnSchema(databaseUrl),
      application_name: 'token-rebuild',
      max: WRITERS + 1,
    });
    this.pool.on('error', () => undefined);
    this.projection = new Projection({ pool: this.pool, view: AUTHORIZATION, logger });
    this.reader = new BoundedReader({
      kafka,
      logger,
      projection: this.projection,
      groupPrefix: 'token.rebuild',
      topics: TOPICS,
    });
  }

  /** @returns undefined when the records cannot be applied in bulk, because the database refuses some of them */
  async run(inBulk: boolean): Promise<Omit<RebuildResult, 'seconds'> | undefined> {
    await this.session.query('drop schema if exists rebuild cascade; create schema rebuild');
    await this.pool.query(
      consumerTables(ROLE) + authorizationTable(ROLE) + (inBulk ? STAGING_TABLES : AUTHORIZATION_KEYS),
    );
    let filling: Promise<boolean> | undefined;
    try {
      await this.reader.start();
      const snapshot = await snapshotOf(this.session, TOPICS);
      filling = this.fill(snapshot.offsets, inBulk);
      const [old, filled] = await Promise.all([snapshot.content, filling]);
      if (!filled) return undefined;
      await this.replayWhatWasReplayed(snapshot.parked);
      const rebuilt = await contentOf(this.pool, 'rebuild');
      await this.tell({ at: 'compared', rows: rebuilt.rows, read: this.records });
      await this.comeClose();
      return { old, rebuilt, ...(await this.takePlace()) };
    } finally {
      // Whatever went wrong, nothing may go on writing into a schema that the next rebuild makes anew.
      this.abort.abort(new Error('the rebuild has ended'));
      await this.reader.stop();
      await filling?.catch(() => undefined);
      await this.pool.end();
      await this.session.query('rollback; drop schema if exists rebuild cascade').catch(() => undefined);
    }
  }

  /** @returns false when the database refuses what was read; a single record that it refuses is parked long before */
  private async fill(target: TopicOffsets, inBulk: boolean): Promise<boolean> {
    const of = this.reader.distanceTo(target);
    await this.tell({ at: 'reading', read: 0, of });
    const timer = setInterval(() => void this.tell({ at: 'reading', read: this.records, of }), 5_000);
    try {
      if (inBulk) await this.fillEach(target);
      // In bulk it finds nothing left and knows where it is.
      await this.reader.readTo(target, quietHandlers);
    } finally {
      clearInterval(timer);
    }
    if (!inBulk) return true;
    try {
      await mergeStaged(this.pool);
      return true;
    } catch (error) {
      if (!(error instanceof DatabaseError) || !isDataError(error)) throw error;
      await this.tell({ at: 'one-by-one', reason: error.message });
      return false;
    }
  }

  /** Each topic by itself: none of the staging tables is written from two of them. */
  private async fillEach(target: TopicOffsets): Promise<void> {
    const { kafka, logger, fill = fillHere(kafka, logger) } = this.options;
    const databaseUrl = inOwnSchema(this.options.databaseUrl);
    const { abort } = this;
    abort.signal.throwIfAborted();
    const fills = TOPICS.map((topic) => {
      const onRecords = (records: number) => void this.filled.set(topic, records);
      const job = { databaseUrl, topic, target: target.get(topic) ?? new Map<number, bigint>() };
      return fill(job, { onRecords, signal: abort.signal }).catch((error: unknown) => {
        abort.abort(error);
      });
    });
    await Promise.all(fills);
    abort.signal.throwIfAborted();
  }

  private get records(): number {
    return [...this.filled.values()].reduce((sum, records) => sum + records, this.reader.records);
  }

  /** What an operator has had replayed in the old view is not parked in the new one either. */
  private async replayWhatWasReplayed(parkedInOld: ReadonlySet<string>): Promise<void> {
    const parked = [...(await parkedPlaces(this.pool, 'rebuild'))];
    if (parked.some((place) => !parkedInOld.has(place))) await this.projection.replayParked(quietHandlers);
  }

  private async comeClose(): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const ahead = await liveOffsets(this.session, TOPICS);
      if (this.reader.distanceTo(ahead) <= CLOSE) return;
      await this.reader.readTo(ahead, quietHandlers);
    }
  }

  /** The rest, while no consumer of the old view comes further, and the new one in its place. */
  private async takePlace(): Promise<Pick<RebuildResult, 'records' | 'parked' | 'heldMs'>> {
    for (let attempt = 1; ; attempt += 1) {
      const heldAt = Date.now();
      try {
        await this.reader.readTo(await holdConsumers(this.session, this.partitions), quietHandlers);
        await this.replayWhatWasReplayed(await parkedPlaces(this.session, 'public'));
        await this.tell({ at: 'held' });
        const { count } = await this.projection.parked();
        await swapIn(this.session);
        await this.session.query('commit');
        return { records: this.records, parked: count, heldMs: Date.now() - heldAt };
      } catch (error) {
        await this.session.query('rollback');
        if (!isLockTimeout(error) || attempt === ATTEMPTS) throw error;
        await this.tell({ at: 'again', reason: (error as Error).message });
      }
    }
  }

  private async tell(progress: RebuildProgress): Promise<void> {
    await this.options.progress?.(progress);
  }
}

const isLockTimeout = (error: unknown) => error instanceof DatabaseError && error.code === '55P03';

/** All that is written there is made anew if it is lost, so no commit waits for the disk. */
function inOwnSchema(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  const settings = ['search_path=rebuild', 'synchronous_commit=off', 'work_mem=128MB', 'maintenance_work_mem=256MB'];
  const options = [url.searchParams.get('options') ?? '', ...settings.map((setting) => `-c ${setting}`)];
  url.searchParams.set('options', options.join(' ').trim());
  return url.href;
}
