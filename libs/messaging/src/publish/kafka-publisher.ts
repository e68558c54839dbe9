import kafkajs, {
  type ICustomPartitioner,
  type Kafka,
  type Message,
  type PartitionMetadata,
  type Producer,
} from 'kafkajs';
import { disconnected, within } from '../deadline.js';
import { cancellableClient } from '../kafka-client.js';
import { messageOf, type Logger } from '../logger.js';
import {
  PublishFailed,
  type OutgoingRecord,
  type PublishedOffsets,
  type PublishOptions,
  type Publisher,
} from './publisher.js';

/** Long enough for a broker's failover, which stops writes for about three seconds. */
const DEFAULT_TIMEOUT_MS = 20_000;

const CONNECT_WITHIN_MS = 3_000;
const RETRY = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 20 };

/** One kafkajs producer and what we know of it. */
interface Session {
  readonly producer: Producer;
  readonly openedAt: number;
  readonly connected: Promise<void>;
  /** Where each message of the current send went; kafkajs tells only the first offset per partition. */
  readonly chosen: Map<Message, number>;
  /** Aborted when the session is discarded; kafkajs's own retries then end at the next attempt. */
  readonly discarded: AbortController;
}

/**
 * {@link Publisher} on kafkajs: idempotent, acks from all in-sync replicas, one request in flight.
 *
 * After a send that failed or timed out its producer is thrown away. kafkajs takes the sequence numbers of a failed send
 * back although the broker may have written it; the next batch would carry the same numbers, and the broker would
 * acknowledge and drop it as a duplicate.
 */
export class KafkaPublisher implements Publisher {
  private session: Session | undefined;
  // One call after the other. A queue of p-queue does the same at seven times the cost and with two more packages.
  private last: Promise<unknown> = Promise.resolve();
  private closed = false;

  constructor(
    private readonly kafka: Kafka,
    private readonly logger?: Logger,
  ) {}

  /** Connects ahead of the first publish, which otherwise does it. */
  async connect(): Promise<void> {
    await this.current().connected;
  }

  publish(records: readonly OutgoingRecord[], options: PublishOptions = {}): Promise<PublishedOffsets> {
    if (records.length === 0) return Promise.resolve(new Map());
    const deadline = performance.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const published = this.last.then(() => this.send(records, deadline));
    this.last = published.catch(() => undefined);
    return before(deadline, published);
  }

  async close(): Promise<void> {
    await this.last;
    this.closed = true;
    const { session } = this;
    if (session === undefined) return;
    this.session = undefined;
    session.discarded.abort();
    await disconnected(session.producer.disconnect());
  }

  private async send(records: readonly OutgoingRecord[], deadline: number): Promise<PublishedOffsets> {
    if (this.closed) throw new PublishFailed('publish.closed', 'the publisher is closed');
    if (performance.now() >= deadline) throw new PublishFailed('publish.timeout', 'earlier records took all the time');
    const session = this.current();
    // Nothing has been sent while it connects: running out of time here does not taint the producer, but it may be at a
    // broker that accepts connections and answers nothing; the next one begins with another.
    await before(deadline, session.connected).catch((error: unknown) => {
      if (performance.now() - session.openedAt > CONNECT_WITHIN_MS) void this.discard(session);
      throw asPublishFailed(error);
    });
    const sending = this.sendBatch(session, records);
    try {
      return await before(deadline, sending);
    } catch (error) {
      this.discardWithRetries(session, sending);
      throw asPublishFailed(error);
    }
  }

  private async sendBatch(session: Session, records: readonly OutgoingRecord[]): Promise<PublishedOffsets> {
    session.chosen.clear();
    const byTopic = new Map<string, Message[]>();
    for (const { topic, key, headers, value } of records) {
      const messages = byTopic.get(topic);
      const message: Message = { key, headers, value };
      if (messages === undefined) byTopic.set(topic, [message]);
      else messages.push(message);
    }
    const metadata = await session.producer.sendBatch({
      acks: -1,
      topicMessages: [...byTopic].map(([topic, messages]) => ({ topic, messages })),
    });

    const first = new Map<string, Map<number, bigint>>();
    for (const { topicName, partition, baseOffset } of metadata) {
      const partitions = first.get(topicName) ?? new Map<number, bigint>();
      const offset = BigInt(baseOffset ?? '-1');
      if (offset > (partitions.get(partition) ?? -1n)) partitions.set(partition, offset);
      first.set(topicName, partitions);
    }
    const published = new Map<string, Map<number, bigint>>();
    for (const [topic, messages] of byTopic) {
      const next = new Map<number, bigint>();
      for (const message of messages) {
        const partition = session.chosen.get(message) ?? -1;
        const offset = next.get(partition) ?? first.get(topic)?.get(partition);
        // When a partition's leader moves between kafkajs's own retries, kafkajs can leave the partition out and
        // still report success: its new leader had already answered for other partitions.
        if (offset === undefined) {
          throw new Error(`partition ${String(partition)} of ${topic} was not acknowledged`);
        }
        next.set(partition, offset + 1n);
      }
      published.set(topic, next);
    }
    return published;
  }

  private current(): Session {
    this.session ??= this.open();
    return this.session;
  }

  private open(): Session {
    const chosen = new Map<Message, number>();
    const discarded = new AbortController();
    const choose = cachingPartitioner();
    const createPartitioner: ICustomPartitioner = () => (args) => {
      if (discarded.signal.aborted) throw new TypeError('this producer was discarded');
      const partition = choose(args);
      chosen.set(args.message, partition);
      return partition;
    };
    const producer = cancellableClient(this.kafka, () => !discarded.signal.aborted).producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner,
      retry: RETRY,
    });
    const session: Session = {
      producer,
      chosen,
      discarded,
      openedAt: performance.now(),
      connected: producer.connect(),
    };
    session.connected.catch((error: unknown) => {
      this.logger?.warn({ err: error }, 'the producer could not connect; the next publish tries again');
      // A connection may be open all the same, for example when the broker refused a producer id.
      void this.discard(session);
    });
    return session;
  }

  /** Takes the producer out of use. */
  private discard(session: Session): Promise<void> {
    session.discarded.abort();
    if (this.session === session) this.session = undefined;
    return session.producer.disconnect().catch((error: unknown) => {
      this.logger?.debug({ err: error }, 'a discarded producer did not disconnect cleanly');
    });
  }

  /** Ends the producer now, and again when its own retries have ended: they may have reconnected. */
  private discardWithRetries(session: Session, sending: Promise<unknown>): void {
    const discard = () => this.discard(session);
    void discard();
    sending.then(discard, discard).catch(() => undefined);
  }
}

/** Keys whose partition is cached. */
const CACHED_KEYS = 4_096;

/**
 * The partitions of Kafka's own clients, cached: the same customers come all the time, and kafkajs looks through the
 * whole topic and hashes the key for each record.
 */
function cachingPartitioner(): ReturnType<ICustomPartitioner> {
  const choose = kafkajs.Partitioners.DefaultPartitioner();
  const cached = new Map<string, number>();
  return (args) => {
    const { topic, partitionMetadata, message } = args;
    const cacheKey = `${String(message.key)}/${String(partitionMetadata.length)}/${topic}`;
    let partition = cached.get(cacheKey);
    if (partition === undefined) {
      partition = choose(args);
      if (cached.size >= CACHED_KEYS) cached.clear();
      cached.set(cacheKey, partition);
    }
    return partition;
  };
}

const partitioner = kafkajs.Partitioners.DefaultPartitioner();

/** The partition in which records with this key lie, among so many; as Kafka's own clients choose it. */
export const partitionOf = (key: string, partitions: number): number =>
  partitioner({
    topic: '',
    partitionMetadata: Array.from({ length: partitions }, (_, partitionId) => ({ partitionId }) as PartitionMetadata),
    message: { key, value: null },
  });

/** The work itself goes on when the time is over. */
const before = <T>(deadline: number, work: Promise<T>): Promise<T> =>
  within(deadline - performance.now(), work, () => new PublishFailed('publish.timeout', 'no acknowledgement in time'));

/** What the protocol calls a record that is wrong in itself. */
const REFUSED_FOR_GOOD: ReadonlySet<unknown> = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  'CORRUPT_MESSAGE',
]);

function asPublishFailed(error: unknown): PublishFailed {
  if (error instanceof PublishFailed) return error;
  let cause: unknown = error;
  while (cause instanceof Error && !REFUSED_FOR_GOOD.has(Reflect.get(cause, 'type'))) cause = cause.cause;
  const code = cause instanceof Error ? 'publish.refused' : 'publish.failed';
  return new PublishFailed(code, messageOf(error), { cause: error });
}
