/** Offsets by topic and partition. */
export type TopicOffsets = ReadonlyMap<string, ReadonlyMap<number, bigint>>;

/**
 * How far a consumer may read for now: of each partition the records before its limit. What lies beyond stays with the
 * broker until the limits are raised. A partition without a limit is not read.
 */
export class ReadLimits {
  private limits: TopicOffsets = new Map();
  private waiting = new Set<string>();
  private allReached = Promise.withResolvers<undefined>();
  private readonly listeners: (() => void)[] = [];

  of(topic: string, partition: number): bigint {
    return this.limits.get(topic)?.get(partition) ?? 0n;
  }

  /** Sets new limits and resolves once the consumer has handled everything before them. Limits never go down. */
  async raise(limits: TopicOffsets): Promise<void> {
    this.waiting = new Set();
    for (const [topic, partitions] of limits) {
      for (const [partition, limit] of partitions) {
        if (limit > this.of(topic, partition)) this.waiting.add(keyOf(topic, partition));
      }
    }
    if (this.waiting.size === 0) return;
    this.limits = limits;
    this.allReached = Promise.withResolvers();
    for (const listener of this.listeners) listener();
    await this.allReached.promise;
  }

  /** For the consumer: a partition has been handled up to its limit. */
  reached(topic: string, partition: number): void {
    if (this.waiting.delete(keyOf(topic, partition)) && this.waiting.size === 0) this.allReached.resolve(undefined);
  }

  /** For the consumer: told when the limits were raised. */
  onRaise(listener: () => void): void {
    this.listeners.push(listener);
  }
}

const keyOf = (topic: string, partition: number): string => `${topic}/${String(partition)}`;
