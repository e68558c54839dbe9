import kafkajs, { type Consumer, type EachBatchPayload, type Kafka } from 'kafkajs';
import { randomUUID } from 'node:crypto';
import { receivedMessage } from '../consume/kafka-batch-consumer.js';
import { disconnected } from '../deadline.js';
import { cancellableClient, OUTLIVE_OUTAGES } from '../kafka-client.js';
import type { ProjectionHandlers } from '../project/projection-handlers.js';
import type { Projection } from '../project/projection.js';

export interface PartitionOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

export interface BoundedReaderOptions {
  readonly kafka: Kafka;
  /** Nobody else applies anything to it meanwhile. Several partitions are written at once, as far as its pool goes. */
  readonly projection: Pick<Projection, 'apply' | 'offsets'>;
  /** How each topic is applied. */
  readonly handlers: Readonly<Record<string, ProjectionHandlers<{ readonly sequence: number }>>>;
  /** The reader is alone in a group of its own, whose name begins so. */
  readonly groupPrefix: string;
}

interface Partition {
  readonly topic: string;
  readonly partition: number;
  /** The next offset to read. */
  position: bigint;
  /** From here on it is paused. */
  limit: bigint;
  /** Resolves when the last batch that was read is written, and those before it; it never rejects. */
  written: Promise<unknown>;
  /** Resolves when everything before the limit is written. */
  done: PromiseWithResolvers<unknown>;
}

/**
 * Reads topics from where their projection stands, each time as far as it is told; what a rebuild fills its view with.
 * It does not outlive an error: whoever rebuilds can begin again.
 */
export class BoundedReader {
  private readonly consumer: Consumer;
  private readonly partitions = new Map<string, Partition>();
  private readonly failure = Promise.withResolvers<never>();
  private ended = false;

  constructor(private readonly options: BoundedReaderOptions) {
    // Seen by whoever waits for a read; between two of them nobody does.
    this.failure.promise.catch(() => undefined);
    this.consumer = cancellableClient(options.kafka, () => !this.ended).consumer({
      groupId: `${options.groupPrefix}-${randomUUID()}`,
      // Larger than for consuming what has just happened: a backlog lies ready, and each batch is a transaction.
      maxBytes: 16_777_216,
      maxBytesPerPartition: 2_097_152,
      // With all partitions paused, kafkajs looks as often whether one was resumed.
      maxWaitTimeInMs: 50,
      allowAutoTopicCreation: false,
      retry: { ...OUTLIVE_OUTAGES, restartOnFailure: () => Promise.resolve(false) },
    });
  }

  /** Resolves when it can be told how far to read. */
  async start(): Promise<void> {
    const { consumer } = this;
    const joined = new Promise<void>((resolve) => {
      consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
        // What kafkajs stops while it joins would join all the same.
        if (this.ended) throw new kafkajs.KafkaJSNonRetriableError('stopped while it joined');
        this.assigned(payload.memberAssignment);
        resolve();
      });
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      this.fail(payload.error);
    });
    consumer.on(consumer.events.REQUEST_TIMEOUT, ({ payload }) => {
      this.fail(new Error(`${payload.apiName} was not answered by ${payload.broker}`));
    });
    await this.unlessItFails(async () => {
      await consumer.connect();
      await consumer.subscribe({ topics: Object.keys(this.options.handlers), fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: 3,
        eachBatch: (payload) => this.read(payload),
      });
      await joined;
    });
  }

  /** Resolves when nothing is being written any more. */
  async stop(): Promise<void> {
    this.fail(new Error('the reader was stopped'));
    await disconnected(this.consumer.disconnect());
    await this.allWritten();
  }

  /**
   * Applies the records before these offsets that were not applied yet. One call at a time.
   *
   * @throws when a batch could not be applied or Kafka could not be read; this reader is of no more use then
   */
  async readTo(limits: readonly PartitionOffset[]): Promise<void> {
    for (const { topic, partition, offset } of limits) {
      const state = this.partitions.get(keyOf(topic, partition));
      if (state === undefined) throw new Error(`${keyOf(topic, partition)} does not exist`);
      state.limit = offset;
      state.done = Promise.withResolvers();
    }
    await this.unlessItFails(async () => {
      await this.resume();
      await Promise.all([...this.partitions.values()].map(({ done }) => done.promise));
    });
  }

  /** Runs inside kafkajs's join, before the next fetch, which would begin at a wrong offset. */
  private assigned(assignment: Readonly<Record<string, readonly number[]>>): void {
    for (const [topic, numbers] of Object.entries(assignment)) {
      this.consumer.pause([{ topic, partitions: [...numbers] }]);
      for (const partition of numbers) {
        const key = keyOf(topic, partition);
        if (this.partitions.has(key)) continue;
        const [written, done] = [Promise.resolve(), Promise.withResolvers<unknown>()];
        this.partitions.set(key, { topic, partition, position: 0n, limit: 0n, written, done });
      }
    }
    this.resume().catch((error: unknown) => {
      this.fail(error);
    });
  }

  /** Reads on from the stored offsets where they lie before the limit. */
  private async resume(): Promise<void> {
    await this.allWritten();
    const offsets = this.options.projection.offsets();
    for (const topic of Object.keys(this.options.handlers)) {
      const stored = await offsets.nextOffsets(topic);
      for (const state of this.partitions.values()) {
        if (state.topic !== topic) continue;
        const { partition } = state;
        state.position = stored.get(partition) ?? 0n;
        if (state.position < state.limit) {
          this.consumer.seek({ topic, partition, offset: String(state.position) });
          this.consumer.resume([{ topic, partitions: [partition] }]);
        } else state.done.resolve(undefined);
      }
    }
  }

  private async read(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const { topic, partition } = batch;
    const state = this.partitions.get(keyOf(topic, partition));
    const handlers = this.options.handlers[topic];
    if (state === undefined || handlers === undefined) return;
    const { position, limit } = state;
    const messages = batch.messages.filter(({ offset }) => BigInt(offset) < limit).map(receivedMessage);
    // kafkajs fetches nothing while a batch is being read: it goes on as soon as the batch before is written.
    await state.written;
    const last = messages.at(-1);
    if (last !== undefined) {
      // Kafka goes on sending what was asked for; after a failure nothing more is applied, of whichever partition.
      const isStale = () => this.ended;
      const received = { topic, partition, messages, position, highWatermark: BigInt(batch.highWatermark), isStale };
      state.written = this.options.projection.apply(received, handlers).catch((error: unknown) => {
        this.fail(error);
      });
      payload.resolveOffset(String(last.offset));
      state.position = last.offset + 1n;
    }
    // Compaction may have removed the record before the limit.
    if (messages.length < batch.messages.length) state.position = limit;
    if (state.position < limit) return;
    this.consumer.pause([{ topic, partitions: [partition] }]);
    state.done.resolve(state.written);
  }

  private async allWritten(): Promise<void> {
    await Promise.all([...this.partitions.values()].map(({ written }) => written));
  }

  private unlessItFails(work: () => Promise<void>): Promise<void> {
    return Promise.race([work(), this.failure.promise]);
  }

  private fail(error: unknown): void {
    this.ended = true;
    this.failure.reject(error);
  }
}

const keyOf = (topic: string, partition: number): string => `${topic}/${String(partition)}`;
