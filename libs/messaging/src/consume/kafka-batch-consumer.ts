import kafkajs, { type Consumer, type EachBatchPayload, type Kafka, type KafkaMessage } from 'kafkajs';
import type {
  BatchConsumer,
  BatchHandler,
  ConsumerStatus,
  OffsetReader,
  PartitionStatus,
  ReceivedBatch,
  ReceivedMessage,
} from './batch-consumer.js';
import { disconnected } from '../deadline.js';
import { OUTLIVE_OUTAGES, cancellableClient } from '../kafka-client.js';
import { messageOf, type Logger } from '../logger.js';
import { TopicReader } from '../topic-facts.js';

export interface KafkaBatchConsumerOptions {
  readonly kafka: Kafka;
  /** `app.view`: the principal's ACL covers groups that begin with its name and a dot. */
  readonly groupId: string;
  readonly handlers: ReadonlyMap<string, BatchHandler>;
  readonly offsets: OffsetReader;
  readonly logger: Logger;
  /** Called when it cannot go on: this consumer is to be stopped, and another to be made. */
  readonly onCrash: (error: Error) => void;
  /** A consumer that neither fetches nor joins for so long cannot go on. Default 30 s. */
  readonly silentMs?: number | undefined;
  /**
   * How much a fetch waits for, and how long at most: fewer batches, each of more records, for a view that may be that
   * late. By default a fetch returns with the first record.
   */
  readonly gather?: { readonly bytes: number; readonly forMs: number } | undefined;
}

interface Partition {
  readonly topic: string;
  readonly partition: number;
  /** Undefined until the stored offset has been loaded after an assignment or a failure. */
  position: bigint | undefined;
  /** What the topic was when reading began; undefined where offsets are kept without it. */
  began: { readonly incarnation: string; readonly partitions: number } | undefined;
  highWatermark: bigint;
  failures: number;
  error: string | undefined;
}

/** Partitions handled at once; each needs a database connection. */
const CONCURRENCY = 3;
const SESSION_HEARTBEAT_MS = 1_500;
/** Longer than joining takes while the group waits for a lost member. */
const SILENT_MS = 30_000;
/** So often a reader asks whether its topics are still those that it began with. */
const LOOK_AGAIN_MS = 5_000;

/**
 * {@link BatchConsumer} on kafkajs. Offsets live where the views live, never in Kafka: on every assignment the partitions
 * are paused, their stored offsets loaded and sought. A failing handler pauses its partition alone; kafkajs never sees
 * the error, because it counts errors over the consumer's whole life and then crashes it.
 */
export class KafkaBatchConsumer implements BatchConsumer {
  private readonly consumer: Consumer;
  private readonly topics: TopicReader;
  private readonly partitions = new Map<string, Partition>();
  private readonly timers = new Set<NodeJS.Timeout>();
  /** Counts assignments, so that what was begun under an earlier one is known to be stale. */
  private generation = 0;
  private joined = false;
  private stopped = false;
  private watchdog: NodeJS.Timeout | undefined;
  private lookout: NodeJS.Timeout | undefined;
  private lastError: { at: Date; message: string } | undefined;

  constructor(private readonly options: KafkaBatchConsumerOptions) {
    this.topics = new TopicReader(options.kafka);
    this.consumer = cancellableClient(options.kafka, () => !this.stopped).consumer({
      groupId: options.groupId,
      // The least that brokers allow: as long as what a frozen member read has to wait.
      sessionTimeout: 6_000,
      rebalanceTimeout: 20_000,
      heartbeatInterval: SESSION_HEARTBEAT_MS,
      minBytes: options.gather?.bytes ?? 1,
      // What arrives ends the wait at once; each empty fetch costs client and broker alike.
      maxWaitTimeInMs: options.gather?.forMs ?? 500,
      maxBytes: 4_194_304,
      maxBytesPerPartition: 1_048_576,
      allowAutoTopicCreation: false,
      retry: { ...OUTLIVE_OUTAGES, restartOnFailure: () => Promise.resolve(!this.stopped) },
    });
  }

  async start(): Promise<void> {
    const { consumer } = this;
    const firstJoin = new Promise<void>((resolve) => {
      consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
        // What kafkajs stops while it joins would join all the same, and hold partitions that nobody reads.
        if (this.stopped) throw new kafkajs.KafkaJSNonRetriableError('stopped while it joined');
        this.assigned(payload.memberAssignment);
        resolve();
      });
    });
    consumer.on(consumer.events.REBALANCING, () => {
      this.joined = false;
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      this.joined = false;
      this.recordError(payload.error);
      if (!payload.restart) this.crash(payload.error);
    });
    // kafkajs would ask the same broker again and again, though others coordinate the group and lead the topics by now.
    consumer.on(consumer.events.REQUEST_TIMEOUT, ({ payload }) => {
      this.crash(new Error(`${payload.apiName} was not answered by ${payload.broker}`));
    });
    this.watch();
    await consumer.connect();
    await consumer.subscribe({ topics: [...this.options.handlers.keys()], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: CONCURRENCY,
      eachBatch: (payload) => this.handle(payload),
    });
    await firstJoin;
    if (this.options.offsets.begin === undefined) return;
    this.lookout = setInterval(() => void this.lookAgain(), LOOK_AGAIN_MS).unref();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const timer of this.timers) clearTimeout(timer);
    clearInterval(this.watchdog);
    clearInterval(this.lookout);
    await Promise.all([disconnected(this.consumer.disconnect()), this.topics.close()]);
    this.joined = false;
    this.partitions.clear();
  }

  status(): ConsumerStatus {
    const partitions = [...this.partitions.values()].map(partitionStatus);
    return {
      groupId: this.options.groupId,
      joined: this.joined,
      partitions,
      lag: partitions.reduce((sum, { lag }) => sum + lag, 0),
      ...(this.lastError !== undefined && { lastError: this.lastError }),
    };
  }

  /** kafkajs can also stop without a word: after a crash it waits for a broker that stands still to close its connection. */
  private watch(): void {
    const { consumer, options } = this;
    const silentMs = options.silentMs ?? SILENT_MS;
    let lastSign = performance.now();
    for (const event of [consumer.events.FETCH, consumer.events.HEARTBEAT, consumer.events.GROUP_JOIN] as const) {
      consumer.on(event as typeof consumer.events.FETCH, () => {
        lastSign = performance.now();
      });
    }
    this.watchdog = setInterval(() => {
      const silence = performance.now() - lastSign;
      if (silence > silentMs) this.crash(new Error(`no sign of the consumer for ${String(Math.round(silence))} ms`));
    }, silentMs / 10).unref();
  }

  private crash(error: Error): void {
    if (this.stopped) return;
    this.options.logger.error({ err: error, groupId: this.options.groupId }, 'the consumer cannot go on');
    this.options.onCrash(error);
  }

  /** Runs inside kafkajs's join, before the next fetch: what is paused here is not delivered from a wrong offset. */
  private assigned(assignment: Readonly<Record<string, readonly number[]>>): void {
    this.generation += 1;
    this.joined = true;
    this.partitions.clear();
    for (const [topic, numbers] of Object.entries(assignment)) {
      if (numbers.length > 0) this.consumer.pause([{ topic, partitions: [...numbers] }]);
      for (const partition of numbers) {
        const state = {
          topic,
          partition,
          position: undefined,
          began: undefined,
          highWatermark: 0n,
          failures: 0,
          error: undefined,
        };
        this.partitions.set(keyOf(topic, partition), state);
      }
    }
    void this.resume([...this.partitions.values()], this.generation);
  }

  /** Seeks the partitions to their stored offsets and resumes them. */
  private async resume(partitions: readonly Partition[], generation: number, failures = 0): Promise<void> {
    const isCurrent = () => generation === this.generation && !this.stopped;
    const refused = (those: readonly Partition[], error: unknown) => {
      this.recordError(error);
      for (const state of those) state.error = messageOf(error);
      const level = failures === 0 ? 'error' : 'warn';
      const fields = {
        err: error,
        groupId: this.options.groupId,
        topics: [...new Set(those.map(({ topic }) => topic))],
      };
      this.options.logger[level](fields, 'reading could not begin at the stored offsets; it is tried again');
      this.later(failures, () => {
        if (isCurrent()) void this.resume(those, generation, failures + 1);
      });
    };
    try {
      const starts = await this.starts(partitions);
      if (!isCurrent()) return;
      for (const state of partitions) {
        const { topic, partition } = state;
        const start = starts.get(topic);
        if (start === undefined || start instanceof Error) continue;
        state.position = start.offsets.get(partition) ?? 0n;
        state.began = start.began;
        state.error = undefined;
        this.consumer.seek({ topic, partition, offset: state.position.toString() });
        this.consumer.resume([{ topic, partitions: [partition] }]);
      }
      // One topic that cannot be read is no reason not to read the others.
      for (const [topic, error] of starts) {
        if (error instanceof Error)
          refused(
            partitions.filter((state) => state.topic === topic),
            error,
          );
      }
    } catch (error) {
      if (isCurrent()) refused(partitions, error);
    }
  }

  /** By topic: where each partition goes on and what the topic is, or why it cannot be read. */
  private async starts(partitions: readonly Partition[]) {
    const { offsets } = this.options;
    const byTopic = Map.groupBy(partitions, ({ topic }) => topic);
    const stood = new Map<string, ReadonlyMap<number, bigint>>();
    for (const topic of byTopic.keys()) stood.set(topic, await offsets.nextOffsets(topic));
    const facts = offsets.begin === undefined ? [] : await this.topics.facts([...byTopic.keys()]);
    const starts = new Map<string, { offsets: ReadonlyMap<number, bigint>; began: Partition['began'] } | Error>();
    for (const [topic, members] of byTopic) {
      const found = facts.find((each) => each.topic === topic);
      const numbers = members.map(({ partition }) => partition);
      // The group shared out what the topic had before it was made anew; kafkajs would notice minutes later.
      const gone = found && numbers.find((partition) => partition >= found.partitions.length);
      if (gone !== undefined) this.crash(new Error(`${keyOf(topic, gone)} is no longer there`));
      try {
        const before = stood.get(topic) ?? new Map<number, bigint>();
        const next = found && (await offsets.begin?.(found, numbers, before));
        starts.set(topic, {
          offsets: next ?? (await offsets.nextOffsets(topic)),
          began: found && { incarnation: found.incarnation, partitions: found.partitions.length },
        });
      } catch (error) {
        starts.set(topic, error instanceof Error ? error : new Error(String(error)));
      }
    }
    return starts;
  }

  /** Begins again where a topic is no longer the one that is being read, or the stored offset was set back. */
  private async lookAgain(): Promise<void> {
    const { generation } = this;
    const reading = [...this.partitions.values()].filter(({ position }) => position !== undefined);
    const topics = [...new Set(reading.map(({ topic }) => topic))];
    const setBack = await this.setBack(reading, topics).catch(() => new Set());
    const facts = await this.topics.facts(topics).catch(() => []);
    if (generation !== this.generation) return;
    const changed = reading.filter((state) => {
      if (setBack.has(state)) return true;
      const found = facts.find(({ topic }) => topic === state.topic);
      if (found === undefined) return false;
      const { high = 0n } = found.partitions[state.partition] ?? {};
      const isOther =
        found.incarnation !== state.began?.incarnation || found.partitions.length !== state.began.partitions;
      return isOther || high < (state.position ?? 0n);
    });
    if (changed.length > 0) this.beginAgain(changed, generation);
  }

  /** Where the database of the view went back and nothing new comes, nobody else would notice. */
  private async setBack(reading: readonly Partition[], topics: readonly string[]): Promise<ReadonlySet<Partition>> {
    // Before the stored offsets are read, for those go on first.
    const stood = reading.map((state) => ({ state, position: state.position ?? 0n }));
    const stored = new Map<string, ReadonlyMap<number, bigint>>();
    for (const topic of topics) stored.set(topic, await this.options.offsets.nextOffsets(topic));
    const behind = stood.filter(
      ({ state, position }) => (stored.get(state.topic)?.get(state.partition) ?? 0n) < position,
    );
    return new Set(behind.map(({ state }) => state));
  }

  private beginAgain(partitions: readonly Partition[], generation: number): void {
    for (const state of partitions) {
      state.position = undefined;
      this.consumer.pause([{ topic: state.topic, partitions: [state.partition] }]);
    }
    void this.resume(partitions, generation);
  }

  private async handle(payload: EachBatchPayload): Promise<void> {
    const { topic, partition, messages, highWatermark } = payload.batch;
    const { generation } = this;
    const state = this.partitions.get(keyOf(topic, partition));
    const handler = this.options.handlers.get(topic);
    if (state?.position === undefined || handler === undefined) return;
    // kafkajs goes to the beginning without a word when an offset is no longer there.
    const { fetchedOffset } = payload.batch as unknown as { fetchedOffset: string };
    if (this.options.offsets.begin !== undefined && (await this.hasJumped(state, BigInt(fetchedOffset)))) {
      this.beginAgain([state], generation);
      return;
    }
    const batch: ReceivedBatch = {
      topic,
      partition,
      messages: messages.map(receivedMessage),
      highWatermark: BigInt(highWatermark),
      position: state.position,
      incarnation: state.began?.incarnation,
      isStale: () => generation !== this.generation || !payload.isRunning() || payload.isStale(),
    };
    const last = batch.messages.at(-1);
    if (last === undefined || batch.isStale()) return;
    state.highWatermark = batch.highWatermark;

    // kafkajs keeps the membership alive between batches only; a long batch would lose it.
    const heartbeat = setInterval(() => {
      payload.heartbeat().catch(() => undefined);
    }, SESSION_HEARTBEAT_MS);
    try {
      await handler(batch);
      if (batch.isStale()) return;
      payload.resolveOffset(last.offset.toString());
      state.position = last.offset + 1n;
      state.failures = 0;
      state.error = undefined;
    } catch (error) {
      if (!batch.isStale()) this.failed(state, generation, error);
    } finally {
      clearInterval(heartbeat);
    }
  }

  /** True when this was not read from where the reader stood. Compaction leaves holes that are none. */
  private async hasJumped({ topic, partition, position = 0n }: Partition, fetchedOffset: bigint): Promise<boolean> {
    if (fetchedOffset === position) return false;
    if (fetchedOffset < position) return true;
    const [facts] = await this.topics.facts([topic]).catch(() => []);
    return facts === undefined || (facts.partitions[partition]?.low ?? 0n) > position;
  }

  private failed(state: Partition, generation: number, error: unknown): void {
    const { topic, partition, failures } = state;
    this.recordError(error);
    this.options.logger.error(
      { err: error, groupId: this.options.groupId, topic, partition, position: String(state.position), failures },
      'a batch could not be applied; it is tried again from the stored offset',
    );
    state.error = messageOf(error);
    state.failures += 1;
    state.position = undefined;
    this.consumer.pause([{ topic, partitions: [partition] }]);
    this.later(failures, () => {
      if (generation === this.generation) void this.resume([state], generation);
    });
  }

  /** Back-off: 100 ms doubled per failure, at most 5 s. */
  private later(failures: number, work: () => void): void {
    if (this.stopped) return;
    const timer = setTimeout(
      () => {
        this.timers.delete(timer);
        work();
      },
      Math.min(100 * 2 ** failures, 5_000),
    );
    this.timers.add(timer);
  }

  private recordError(error: unknown): void {
    this.lastError = { at: new Date(), message: messageOf(error) };
  }
}

const keyOf = (topic: string, partition: number): string => `${topic}/${String(partition)}`;

export const receivedMessage = ({ offset, key, value, headers, timestamp }: KafkaMessage): ReceivedMessage => ({
  offset: BigInt(offset),
  key: key === null ? null : key.toString(),
  headers: headers ?? {},
  value,
  timestamp: Number(timestamp),
});

function partitionStatus({ topic, partition, position, highWatermark, error }: Partition): PartitionStatus {
  const at = position ?? 0n;
  const lag = position !== undefined && highWatermark > at ? Number(highWatermark - at) : 0;
  return { topic, partition, position: at.toString(), lag, ...(error !== undefined && { error }) };
}
