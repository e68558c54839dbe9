import type { TopicFacts } from '../topic-facts.js';

/** One record as the broker delivered it; nothing is parsed. */
export interface ReceivedMessage {
  readonly offset: bigint;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>;
  readonly value: Buffer | null;
  /** Milliseconds since 1970, as the producer stamped it. */
  readonly timestamp: number;
}

/** Consecutive records of one partition, in order; compaction may have left holes between the offsets. */
export interface ReceivedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly ReceivedMessage[];
  /** The offset after the partition's last record when this batch was fetched. */
  readonly highWatermark: bigint;
  /**
   * Where this reader stood: records before it were handled already. A stored offset below it means somebody has moved
   * the stored offset back, and this batch must not hide what lies between.
   */
  readonly position?: bigint | undefined;
  /** Kafka's id of the topic that the offsets count in; a stored offset of another one is not of this topic. */
  readonly incarnation?: string | undefined;
  /** True once the partition may belong to another reader; what is then applied is only work done twice. */
  isStale(): boolean;
}

/**
 * Handles one batch. It resolves once the batch is durably applied together with its offset; a rejection has the batch
 * delivered again, from the stored offset, after a pause.
 */
export type BatchHandler = (batch: ReceivedBatch) => Promise<unknown>;

/** Where a reader goes on: the offsets stored beside what was applied. */
export interface OffsetReader {
  /** The next offset of each partition that has one; a missing partition starts at its first record. */
  nextOffsets(topic: string): Promise<ReadonlyMap<number, bigint>>;
  /**
   * Asked before reading begins: compares what is stored with what the topic is now, notes what is lost, and answers
   * where to read each of these partitions. Without it reading goes on at {@link nextOffsets}, whatever they count.
   *
   * @param stood the {@link nextOffsets} from before the facts were asked
   */
  begin?(
    facts: TopicFacts,
    partitions: readonly number[],
    stood: ReadonlyMap<number, bigint>,
  ): Promise<ReadonlyMap<number, bigint>>;
}

export interface PartitionStatus {
  readonly topic: string;
  readonly partition: number;
  /** The offset it will read next, as decimal text: a status goes into JSON. */
  readonly position: string;
  /** Records known to be waiting, from the last batch seen. */
  readonly lag: number;
  /** Why the partition is waiting to be tried again. */
  readonly error?: string | undefined;
}

export interface ConsumerStatus {
  readonly groupId: string;
  /** True between joining the group and losing it. */
  readonly joined: boolean;
  readonly partitions: readonly PartitionStatus[];
  /** The sum of the partitions' lags. */
  readonly lag: number;
  readonly lastError?: { readonly at: Date; readonly message: string } | undefined;
}

/** Reads topics as a member of a group, one batch per partition at a time, several partitions at once. */
export interface BatchConsumer {
  /** Resolves when the group is joined for the first time. */
  start(): Promise<void>;
  /** Resolves when running handlers are done and the group is left. */
  stop(): Promise<void>;
  status(): ConsumerStatus;
}
