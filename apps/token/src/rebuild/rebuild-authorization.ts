import { BoundedReader, type PartitionOffset } from '@rebelcore/messaging/rebuild/bounded-reader';
import { requireSameTopics, type StoredOffset } from '@rebelcore/messaging/rebuild/same-topics';
import type { Projection } from '@rebelcore/messaging/project/projection';
import type { Content } from '@rebelcore/messaging/rebuild/content';
import type { Kafka } from 'kafkajs';
import { openPool } from '@rebelcore/service/database';
import { DatabaseError, type Pool, type PoolClient } from 'pg';
import { rebuildHandlers } from '../authorization/authorization.projector.js';
import { AUTHORIZATION, AUTHORIZATION_TOPICS } from '../authorization/authorization.view.js';
import { bulkLoad, type BulkLoad } from './bulk-load.js';
import { lockOutConsumers, swap } from './cut-over.js';
import {
  addKeys,
  APPLICATION_NAME,
  BulkLoadRefused,
  createStaging,
  createTables,
  GROUP_PREFIX,
  mergeStaged,
  rebuildPool,
  rebuildProjection,
} from './rebuild-schema.js';
import { checkpointOf, contentOf, parkedRecords, recordsBefore, takeSnapshot } from './snapshot.js';

/** What happens while a view is rebuilt comes in less with every round; the rest while the consumers wait. */
const CATCH_UP_ROUNDS = 3;
/** So often it is tried to put the new view in the place of the old. */
const CUT_OVER_ATTEMPTS = 5;
const PROGRESS_MS = 5_000;

/** The schema is made; the topics are read, or read again, batch by batch; both views are compared; the consumers wait for the swap. */
export type RebuildStage =
  'prepared' | 'reading' | 'reading-again' | 'compared' | 'cutting-over' | 'cutting-over-again';

export interface RebuildOptions {
  /** Of the role that owns the database: tables are made and dropped. */
  readonly databaseUrl: string;
  readonly kafka: Kafka;
  /** The store whose heartbeat is the newest one; undefined where there is none. */
  readonly speaker?: string | undefined;
  /** Told of each stage, in a sentence as well, and every 5 s how much was read; its answer is waited for. */
  readonly onStage?: (stage: RebuildStage, sentence: string) => void | Promise<void>;
  /** How each topic is loaded; all of them at once. By default on this thread. */
  readonly load?: BulkLoad;
}

export interface RebuildResult {
  /** Records read from the topics. */
  readonly records: number;
  /** Both after the same records: all that the old view had applied when the rebuild began. */
  readonly old: Content;
  readonly rebuilt: Content;
  readonly parked: number;
  /** Milliseconds for which the consumers of the view waited. */
  readonly lockedOutMs: number;
}

/** There is nothing wrong with the view; the rebuild cannot begin. */
export class RebuildRefused extends Error {}

/**
 * Builds the authorization view anew from its topics, in a schema of its own while the old one serves, and puts it in the
 * old one's place. It never reads further than the old view has come.
 *
 * @throws {RebuildRefused} when another one is running or the topics have lost their beginning
 * @throws whatever else went wrong, a topic that is made anew meanwhile included; the old view is untouched then
 */
export async function rebuildAuthorization(options: RebuildOptions): Promise<RebuildResult> {
  const live = openPool(options.databaseUrl, { application_name: APPLICATION_NAME, max: 1 });
  try {
    const session = await live.connect();
    session.on('error', () => undefined);
    try {
      await lockOutOtherRebuilds(session);
      await requireCompleteTopics(options.kafka, await checkpointOf(session, 'public'));
      try {
        return await new Rebuild(options, session).run('bulk');
      } catch (error) {
        if (!(error instanceof BulkLoadRefused)) throw error;
        const sentence = `the database refuses some of the records (${error.message}); starting afresh, batch by batch`;
        await options.onStage?.('reading-again', sentence);
        return await new Rebuild(options, session).run('batches');
      }
    } finally {
      // With the lock; a transaction that is open is rolled back.
      session.release(true);
    }
  } finally {
    await live.end();
  }
}

async function lockOutOtherRebuilds(session: PoolClient): Promise<void> {
  const { rows } = await session.query<{ free: boolean }>(
    'select pg_try_advisory_lock(hashtextextended($1, 0)) as free',
    [`rebuild ${AUTHORIZATION}`],
  );
  if (rows[0]?.free !== true) throw new RebuildRefused(`Another rebuild of ${AUTHORIZATION} is running.`);
}

const REFILL = '"npm run republish" makes the topic anew and fills it from the event store';

/** Everything that the view was made of must still be there. */
async function requireCompleteTopics(kafka: Kafka, checkpoint: readonly PartitionOffset[]): Promise<void> {
  const admin = kafka.admin({ retry: { retries: 5 } });
  await admin.connect();
  try {
    for (const topic of AUTHORIZATION_TOPICS) {
      for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
        const where = `${topic}/${String(partition)}`;
        if (BigInt(low) > 0n)
          throw new RebuildRefused(`${where} has lost its beginning: it starts at ${low}; ${REFILL}.`);
        const { offset = 0n } = checkpoint.find((at) => at.topic === topic && at.partition === partition) ?? {};
        if (BigInt(high) < offset) {
          throw new RebuildRefused(`${where} ends at ${high}, but the view has been at ${String(offset)}; ${REFILL}.`);
        }
      }
    }
  } finally {
    await admin.disconnect();
  }
}

class Rebuild {
  private readonly started = performance.now();
  private readonly pool: Pool;
  private readonly projection: Projection;
  /** Reads what has happened since, and everything where a bulk load does not work. */
  private readonly reader: BoundedReader;
  private readonly abort = new AbortController();

  /** @param session in which nothing is done but to the old view */
  constructor(
    private readonly options: RebuildOptions,
    private readonly session: PoolClient,
  ) {
    this.pool = rebuildPool(options.databaseUrl);
    this.projection = rebuildProjection(this.pool);
    const { kafka } = options;
    this.reader = new BoundedReader({
      kafka,
      projection: this.projection,
      handlers: rebuildHandlers,
      groupPrefix: GROUP_PREFIX,
    });
  }

  /** @throws {BulkLoadRefused} */
  async run(how: 'bulk' | 'batches'): Promise<RebuildResult> {
    let filling: Promise<void> | undefined;
    try {
      await createTables(this.pool);
      await this.reader.start();
      await this.tell('prepared', 'the schema of the new view is made');
      const snapshot = await takeSnapshot(this.session);
      filling = this.fill(snapshot.checkpoint, how);
      const [old] = await Promise.all([snapshot.content, filling]);
      await this.replayWhatWasReplayed(snapshot.parked);
      const rebuilt = await contentOf(this.pool, 'rebuild');
      await this.tell('compared', `${count(rebuilt.rows)} rows made of ${await this.progress()}`);
      for (let round = 1; round <= CATCH_UP_ROUNDS; round += 1) {
        await this.reader.readTo(await checkpointOf(this.session, 'public'));
      }
      return { old, rebuilt, ...(await this.cutOver(snapshot.checkpoint)) };
    } finally {
      // Whatever went wrong, nothing may go on writing into a schema that the next rebuild makes anew.
      this.abort.abort(new Error('the rebuild has ended'));
      await this.reader.stop();
      await filling?.catch(() => undefined);
      await this.pool.end();
      await this.session.query('rollback; drop schema if exists rebuild cascade').catch(() => undefined);
    }
  }

  private async fill(target: readonly PartitionOffset[], how: 'bulk' | 'batches'): Promise<void> {
    const of = count(recordsBefore(target));
    await this.tell('reading', `rebuilding ${AUTHORIZATION} from ${of} records; the old view serves meanwhile`);
    this.abort.signal.throwIfAborted();
    const tellProgress = async () => this.tell('reading', `${await this.progress()}, of ${of}`);
    const timer = setInterval(() => void tellProgress().catch(() => undefined), PROGRESS_MS);
    try {
      if (how === 'bulk') {
        await createStaging(this.pool);
        await this.load(target);
        await mergeStaged(this.pool);
      } else {
        await addKeys(this.pool);
        await this.reader.readTo(target);
      }
    } finally {
      clearInterval(timer);
    }
  }

  /** Each topic by itself: neither of the staging tables is written from both. */
  private async load(target: readonly PartitionOffset[]): Promise<void> {
    const { databaseUrl, kafka, load = bulkLoad(kafka) } = this.options;
    // A signal that was given before anybody listened is not heard.
    this.abort.signal.throwIfAborted();
    const loads = AUTHORIZATION_TOPICS.map((topic) => {
      const job = { databaseUrl, topic, limits: target.filter((at) => at.topic === topic) };
      return load(job, this.abort.signal).catch((error: unknown) => {
        this.abort.abort(error);
      });
    });
    await Promise.all(loads);
    this.abort.signal.throwIfAborted();
  }

  /** What an operator has had replayed in the old view is not parked in the new one either. */
  private async replayWhatWasReplayed(parkedInOld: ReadonlySet<string>): Promise<void> {
    const parked = [...(await parkedRecords(this.pool, 'rebuild'))];
    if (parked.some((record) => !parkedInOld.has(record))) await this.projection.replayParked(rebuildHandlers);
  }

  /** The rest, while no consumer comes further, and the new view in the place of the old one. */
  private async cutOver(
    begun: readonly StoredOffset[],
  ): Promise<Pick<RebuildResult, 'records' | 'parked' | 'lockedOutMs'>> {
    for (let attempt = 1; ; attempt += 1) {
      const lockedOutAt = performance.now();
      try {
        const checkpoint = await lockOutConsumers(this.session);
        requireSameTopics(begun, checkpoint);
        await this.reader.readTo(checkpoint);
        await this.replayWhatWasReplayed(await parkedRecords(this.session, 'public'));
        await this.tell('cutting-over', 'the consumers of the old view wait');
        await swap(this.session, this.options.speaker);
        await this.session.query('commit');
        const lockedOutMs = Math.round(performance.now() - lockedOutAt);
        return { records: await this.records(), parked: (await this.projection.parked()).count, lockedOutMs };
      } catch (error) {
        await this.session.query('rollback');
        if (!isLockTimeout(error) || attempt === CUT_OVER_ATTEMPTS) throw error;
        await this.tell('cutting-over-again', `the old view could not be replaced (${error.message}); trying again`);
      }
    }
  }

  private async records(): Promise<number> {
    return recordsBefore(await checkpointOf(this.pool, 'rebuild'));
  }

  private async progress(): Promise<string> {
    const records = await this.records();
    return `${count(records)} records, ${count((records * 1_000) / (performance.now() - this.started))} per second`;
  }

  private async tell(stage: RebuildStage, sentence: string): Promise<void> {
    await this.options.onStage?.(stage, sentence);
  }
}

/** With a space between thousands. */
export const count = (n: number): string => Math.round(n).toLocaleString('en-US').replaceAll(',', ' ');

const isLockTimeout = (error: unknown): error is DatabaseError =>
  error instanceof DatabaseError && error.code === '55P03';
