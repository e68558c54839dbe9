import { EventEmitter, once } from 'node:events';
import type { Pool, PoolClient } from 'pg';
import type { OffsetReader, ReceivedBatch, ReceivedMessage } from '../consume/batch-consumer.js';
import type { Logger } from '../logger.js';
import { isDataError } from '../transaction.js';
import { begin, gapsOf, type NotedGap, type OnLoss } from './topic-gaps.js';
import { atCheckpoint, readAppliedIds, type Checkpoint } from './checkpoint.js';
import { mayGo, type Place } from './discard.js';
import { isParked, park, takeParked, type DiscardedRecord } from './parking-lot.js';
import { applyByHalves, type ProjectionHandlers } from './projection-handlers.js';
import { replayPartition, type ReplayResult } from './replay.js';
import { SequenceWaits, type Waited } from './sequence-waits.js';
import { SequenceGate, isUsableKey, type ReceivedEvent, type Rejection } from './sequence-gate.js';
import { storedKey } from './stored-key.js';

export type { ReceivedEvent } from './sequence-gate.js';
export type { ProjectionHandlers } from './projection-handlers.js';

/** Of more parked records than these the exact number tells an operator nothing. */
const COUNTED = 10_000;

export interface ParkedSummary {
  /** Counted up to ten thousand. */
  readonly count: number;
  readonly oldest: Date | undefined;
}

type AnyHandlers = ProjectionHandlers<{ readonly sequence: number }>;
/** By topic; a function where the topics are not all known. */
export type HandlersByTopic = Readonly<Record<string, AnyHandlers>> | ((topic: string) => AnyHandlers | undefined);

const handlersOf = (handlers: HandlersByTopic, topic: string): AnyHandlers | undefined =>
  typeof handlers === 'function' ? handlers(topic) : handlers[topic];

export interface ProjectionOptions {
  readonly pool: Pool;
  /** The name its offsets are stored under, with a version: `authorization-v1`. */
  readonly view: string;
  readonly logger: Logger;
  readonly onLoss?: OnLoss | undefined;
}

/**
 * One view, with every event in it exactly once: events and offset are stored in the same transaction. Needs the tables
 * of `consumerTables`.
 */
export class Projection {
  private readonly commits = new EventEmitter().setMaxListeners(0);
  private readonly faults = new FaultWatch();
  private readonly waits = new Map<string, SequenceWaits>();

  constructor(private readonly options: ProjectionOptions) {}

  /**
   * Applies a batch. Records that cannot be read or applied are parked, see {@link SequenceGate}.
   *
   * @throws when the database is away, or the view's code or SQL fails on one key after the other; nothing is stored then.
   */
  async apply<E extends { readonly sequence: number }>(
    batch: ReceivedBatch,
    handlers: ProjectionHandlers<E>,
  ): Promise<void> {
    for (const portion of portionsOf(batch)) {
      if (batch.isStale()) return;
      await this.applyPortion(portion, handlers);
    }
  }

  private async applyPortion<E extends { readonly sequence: number }>(
    batch: ReceivedBatch,
    handlers: ProjectionHandlers<E>,
  ): Promise<void> {
    let applied: readonly ReceivedEvent<E>[];
    try {
      applied = await this.transact(batch, handlers, applyTogether);
    } catch (error) {
      if (!isDataError(error)) throw error;
      // Rare: again from the start, by halves, to find out which of them it was.
      applied = await this.transact(batch, handlers, applyApart);
    }
    this.committed();
    if (applied.length === 0) return;
    try {
      await handlers.afterCommit?.(applied);
    } catch (error) {
      this.options.logger.error({ err: error, view: this.options.view }, 'the work after a commit failed');
    }
  }

  /**
   * Tries the parked records again, in order per key; what still does not fit stays parked with its reason.
   *
   * @param handlers records of topics without any are left alone
   */
  async replayParked(handlers: HandlersByTopic): Promise<ReplayResult> {
    const { pool, view } = this.options;
    const { rows } = await pool.query<{ topic: string; partition: number }>(
      'select distinct topic, partition from parked_record where view = $1 order by 1, 2',
      [view],
    );
    const result = { replayed: 0, left: 0 };
    for (const { topic, partition } of rows) {
      const topicHandlers = handlersOf(handlers, topic);
      if (topicHandlers === undefined) continue;
      const { replayed, left, applied } = await replayPartition(pool, { view, topic, partition }, topicHandlers);
      result.replayed += replayed;
      result.left += left;
      this.committed();
      if (applied.length > 0) await topicHandlers.afterCommit?.(applied);
    }
    return result;
  }

  /**
   * Lets parked records go for good that will never be applied, see {@link mayGo}.
   *
   * @param before is told of each that goes, in the transaction that removes it
   * @returns how many went
   * @throws {Error} for a topic that is none of this view
   */
  async discardParked(
    places: readonly Place[],
    handlers: HandlersByTopic,
    before?: (tx: PoolClient, record: DiscardedRecord) => Promise<void>,
  ): Promise<number> {
    const { pool, view } = this.options;
    let gone = 0;
    for (const { topic, partition, offset } of places) {
      const order = handlersOf(handlers, topic);
      if (order === undefined) throw new Error(`${topic} is no topic of ${view}`);
      const key = { view, topic, partition };
      // A place that nobody reads has no checkpoint, and gets none by being named.
      if (!(await isParked(pool, key, offset))) continue;
      const { record } = await atCheckpoint(pool, key, { keys: [], sequenced: false }, async (tx) => {
        const taken = await takeParked(tx, key, offset, (parked) => mayGo(parked, order));
        if (taken !== undefined) await before?.(tx, taken);
        return { record: taken, update: undefined };
      });
      if (record !== undefined) gone += 1;
    }
    return gone;
  }

  /** For health and metrics. */
  async parked(): Promise<ParkedSummary> {
    const { rows } = await this.options.pool.query<{ count: number; oldest: Date | null }>(
      `select count(*)::int as count, (select min(parked_at) from parked_record where view = $1) as oldest
         from (select from parked_record where view = $1 limit ${String(COUNTED)}) as parked`,
      [this.options.view],
    );
    return { count: rows[0]?.count ?? 0, oldest: rows[0]?.oldest ?? undefined };
  }

  /** What its topics have lost before this view had read it. */
  gaps(): Promise<readonly NotedGap[]> {
    return gapsOf(this.options.pool, this.options.view);
  }

  /** Where the consumer of this view goes on. */
  offsets(): OffsetReader {
    const { pool, view } = this.options;
    return {
      nextOffsets: async (topic) => {
        const { rows } = await pool.query<{ partition: number; next_offset: string }>(
          'select partition, next_offset from consumer_offset where view = $1 and topic = $2',
          [view, topic],
        );
        return new Map(rows.map((row) => [row.partition, BigInt(row.next_offset)]));
      },
      begin: (facts, partitions, stood) => begin(this.options, facts, partitions, stood),
    };
  }

  /**
   * Waits until the view has processed these offsets, as a publisher returned them.
   *
   * @throws after `timeoutMs`, naming the partition that is behind
   */
  async whenProcessed(topic: string, positions: ReadonlyMap<number, bigint>, timeoutMs = 5_000): Promise<void> {
    const reader = this.offsets();
    let behind = '';
    const reached = await this.until(timeoutMs, async () => {
      const stored = await reader.nextOffsets(topic);
      const late = [...positions].find(([partition, offset]) => (stored.get(partition) ?? 0n) < offset);
      behind =
        late === undefined
          ? ''
          : `partition ${String(late[0])} is at ${String(stored.get(late[0]) ?? 0n)} of ${String(late[1])}`;
      return late === undefined;
    });
    if (!reached) throw new Error(`${this.options.view} has not processed ${topic}: ${behind}`);
  }

  /** Waits until a sequenced key has come as far as `sequence`, for at most `timeoutMs`; see {@link SequenceWaits}. */
  whenSequence(topic: string, key: string, sequence: number, timeoutMs = 5_000): Promise<Waited> {
    const waits = this.waits.get(topic) ?? new SequenceWaits(this.options.pool, this.options.view, topic);
    this.waits.set(topic, waits);
    return waits.until(key, sequence, timeoutMs);
  }

  private committed(): void {
    this.commits.emit('commit');
    for (const waits of this.waits.values()) waits.look();
  }

  private async transact<E extends { readonly sequence: number }>(
    batch: ReceivedBatch,
    handlers: ProjectionHandlers<E>,
    applyAll: ApplyAll,
  ): Promise<readonly ReceivedEvent<E>[]> {
    const { pool, view, logger } = this.options;
    const { topic, partition } = batch;
    const key = { view, topic, partition };
    const sequenced = handlers.sequenced === true;
    const keys =
      handlers.unordered === true
        ? []
        : [
            ...new Set(
              batch.messages
                .map((message) => message.key)
                .filter(isUsableKey)
                .map(storedKey),
            ),
          ];
    const { applied, parked } = await atCheckpoint(pool, key, { keys, sequenced }, async (tx, checkpoint) => {
      refuseGap(batch, checkpoint);
      const fresh = batch.messages.filter(({ offset }) => offset >= checkpoint.offset);
      const last = fresh.at(-1);
      if (last === undefined) return { applied: [], parked: [] };

      if (sequenced) await readAppliedIds(tx, key, fresh, checkpoint.keys);
      const gate = new SequenceGate<E>((m) => handlers.read(m), handlers, checkpoint.keys);
      const events = await applyAll(tx, fresh, gate, handlers);
      this.faults.judge(topic, events.length, gate.parked);
      if (gate.parked.length > 0) await park(tx, key, gate.parked);
      const update = { nextOffset: last.offset + 1n, advanced: gate.advanced };
      return { applied: events, parked: gate.parked, update };
    });
    for (const rejection of parked) this.logRejection(batch, rejection);
    logger.debug({ view, topic, partition, applied: applied.length }, 'batch applied');
    return applied;
  }

  private logRejection({ topic, partition }: ReceivedBatch, { message, code, reason }: Rejection): void {
    const fields = {
      view: this.options.view,
      topic,
      partition,
      offset: String(message.offset),
      key: message.key,
      code,
    };
    if (code === 'key.waiting') this.options.logger.warn(fields, 'record waits behind a parked one');
    else this.options.logger.error({ ...fields, reason }, 'record parked');
  }

  /** Looks at once, after each commit of this process, and every 20 ms for those of other replicas. */
  private async until(timeoutMs: number, isReached: () => Promise<boolean>): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      if (await isReached()) return true;
      const left = deadline - performance.now();
      if (left <= 0) return false;
      await once(this.commits, 'commit', { signal: AbortSignal.timeout(Math.ceil(Math.min(left, 20))) }).catch(
        () => undefined,
      );
    }
  }
}

/**
 * A batch has as many records as a writer puts into a mebibyte, which may be a hundred thousand that cannot be read: longer than a
 * transaction may take, and everybody else waits meanwhile.
 */
const PORTION = 5_000;

function* portionsOf(batch: ReceivedBatch): Generator<ReceivedBatch> {
  let { position } = batch;
  for (let from = 0; from < batch.messages.length; from += PORTION) {
    const messages = batch.messages.slice(from, from + PORTION);
    yield { ...batch, messages, position };
    position = (messages.at(-1)?.offset ?? 0n) + 1n;
  }
}

type ApplyAll = <E extends { readonly sequence: number }>(
  tx: PoolClient,
  fresh: readonly ReceivedMessage[],
  gate: SequenceGate<E>,
  handlers: ProjectionHandlers<E>,
) => Promise<readonly ReceivedEvent<E>[]>;

const applyTogether: ApplyAll = async (tx, fresh, gate, handlers) => {
  const ready = fresh.map((message) => gate.admit(message)).filter((received) => received !== undefined);
  if (ready.length > 0) await handlers.apply(tx, ready);
  return ready;
};

const applyApart: ApplyAll = async (tx, fresh, gate, handlers) => {
  const admitted = fresh.map((message) => gate.admit(message)).filter((received) => received !== undefined);
  const applied = await applyByHalves(tx, handlers, gate, admitted);
  gate.settle();
  return applied;
};

/** Keys on which one fault after the other, with nothing applied in between, is no longer bound to the records. */
const FAULTY_KEYS = 3;

/**
 * Tells faults that are bound to a record, which is parked, from those of our own code, which would park a whole topic: those
 * happen on one key after the other, and nothing is applied in between.
 */
class FaultWatch {
  private readonly faulty = new Map<string, Set<string>>();

  /** @throws {Error} with the fault as its cause, when it is ours */
  judge(topic: string, applied: number, parked: readonly Rejection[]): void {
    const faults = parked.filter(({ fault }) => fault !== undefined);
    if (applied > 0) this.faulty.delete(topic);
    const [first] = faults;
    if (applied > 0 || first === undefined) return;
    const keys = this.faulty.get(topic) ?? new Set<string>();
    this.faulty.set(topic, keys);
    for (const { message } of faults) keys.add(storedKey(message.key ?? ''));
    if (keys.size < FAULTY_KEYS) return;
    throw new Error(`every record of ${topic} fails alike: ${first.reason}`, { cause: first.fault });
  }
}

/** What lies between the stored offset and the batch would be lost, and a topic that is shorter was made anew. */
function refuseGap(
  { topic, partition, position, highWatermark, incarnation }: ReceivedBatch,
  { offset: stored, incarnation: of }: Pick<Checkpoint, 'offset' | 'incarnation'>,
): void {
  const where = `${topic}/${String(partition)}`;
  if (incarnation !== undefined && of !== undefined && incarnation !== of) {
    throw new Error(`${where} was read in another incarnation, ${incarnation}, than is stored, ${of}`);
  }
  if (position !== undefined && position > stored) {
    throw new Error(`the stored offset of ${where} was set back to ${String(stored)}`);
  }
  if (highWatermark < stored) {
    throw new Error(`${where} ends at ${String(highWatermark)}, before the stored offset ${String(stored)}`);
  }
}
