import type { Kafka } from 'kafkajs';
import { randomUUID } from 'node:crypto';
import type { ReceivedBatch } from '../consume/batch-consumer.js';
import { KafkaBatchConsumer } from '../consume/kafka-batch-consumer.js';
import type { Logger } from '../logger.js';
import type { Projection } from '../project/projection.js';
import type { ProjectionHandlers } from '../project/projection-handlers.js';
import { ReadLimits, type TopicOffsets } from './read-limits.js';

/** How each topic is applied. */
export type TopicHandlers = Readonly<Record<string, ProjectionHandlers<{ readonly sequence: number }>>>;

export interface BoundedReaderOptions {
  readonly kafka: Kafka;
  readonly logger: Logger;
  /** Nobody else applies anything to it. */
  readonly projection: Projection;
  /** The reader joins a group of its own, whose name begins so. */
  readonly groupPrefix: string;
  readonly topics: readonly string[];
}

/** Batches written at the same time; each needs a database connection. */
export const WRITERS = 3;

/** Larger than for consuming what has just happened: a backlog lies ready, and each batch is a transaction. */
export const BACKLOG = { concurrency: 3, fetchBytes: { all: 16_777_216, partition: 2_097_152 } };

/** Reads topics from their beginning, each time as far as it is told; what a rebuild fills its view with. */
export class BoundedReader {
  /** Records applied so far. */
  records = 0;
  private readonly limits = new ReadLimits();
  private readonly consumer: KafkaBatchConsumer;
  private readonly failure = Promise.withResolvers<never>();
  private failed = false;
  private readonly writing = new Set<Promise<void>>();
  /** The last batch of each partition. */
  private readonly last = new Map<string, Promise<void>>();
  private handlers: TopicHandlers = {};

  constructor(private readonly options: BoundedReaderOptions) {
    const { kafka, logger, projection, groupPrefix, topics } = options;
    // Seen by whoever waits for a read; between two of them nobody does.
    this.failure.promise.catch(() => undefined);
    this.consumer = new KafkaBatchConsumer({
      kafka,
      logger,
      ...BACKLOG,
      limits: this.limits,
      groupId: `${groupPrefix}-${randomUUID()}`,
      handlers: new Map(topics.map((topic) => [topic, (batch: ReceivedBatch) => this.enqueue(batch)])),
      offsets: projection.offsets(),
      onCrash: (error) => {
        this.fail(error);
      },
    });
  }

  async start(): Promise<void> {
    await Promise.race([this.consumer.start(), this.failure.promise]);
  }

  async stop(): Promise<void> {
    this.fail(new Error('the reader was stopped'));
    await this.consumer.stop();
    await Promise.all(this.writing);
  }

  /**
   * Applies the records before these offsets that were not applied yet.
   *
   * @throws when a batch could not be applied or Kafka could not be read; this reader is of no more use then
   */
  async readTo(offsets: TopicOffsets, handlers: TopicHandlers): Promise<void> {
    this.handlers = handlers;
    await Promise.race([this.limits.raise(offsets), this.failure.promise]);
    await Promise.race([Promise.all(this.writing), this.failure.promise]);
  }

  /** How many offsets lie between what was read and these. */
  distanceTo(offsets: TopicOffsets): number {
    let sum = 0n;
    for (const [topic, partitions] of offsets) {
      for (const [partition, offset] of partitions) sum += offset - this.limits.of(topic, partition);
    }
    return Number(sum);
  }

  /**
   * Has a batch written and answers as soon as the next one may be read: kafkajs reads nothing while a handler works.
   * Batches of one partition are written one after the other; a batch that was taken is written, or reading fails.
   */
  private async enqueue(batch: ReceivedBatch): Promise<void> {
    const handlers = this.handlers[batch.topic];
    const place = `${batch.topic}/${String(batch.partition)}`;
    const write = async () => {
      if (handlers === undefined) throw new TypeError(`nothing is known of ${batch.topic}`);
      // Kafka goes on sending what was asked for; after a failure nothing more is applied, of whichever partition.
      await this.options.projection.apply({ ...batch, isStale: () => this.failed }, handlers);
      this.records += batch.messages.length;
    };
    const written = (this.last.get(place) ?? Promise.resolve()).then(write).catch((error: unknown) => {
      this.fail(error);
    });
    this.last.set(place, written);
    this.writing.add(written);
    void written.then(() => this.writing.delete(written));
    while (this.writing.size > WRITERS) await Promise.race(this.writing);
  }

  private fail(error: unknown): void {
    this.failed = true;
    this.failure.reject(error);
  }
}
