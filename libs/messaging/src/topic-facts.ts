import { createRequire } from 'node:module';
import kafkajs, { type Kafka } from 'kafkajs';
import { disconnected, within } from './deadline.js';
import { cancellableClient } from './kafka-client.js';

/** What a topic is at one moment. */
export interface TopicFacts {
  readonly topic: string;
  /** Kafka's id of the topic, as a UUID: a topic that is deleted and created again has the same name and another id. */
  readonly incarnation: string;
  /** By the number of the partition. */
  readonly partitions: readonly PartitionBounds[];
}

export interface PartitionBounds {
  /** The offset of the first record that is still there. */
  readonly low: bigint;
  /** The offset after the last record. */
  readonly high: bigint;
}

const TIMEOUT_MS = 3_000;

/** Asks for {@link TopicFacts} on one connection of its own, made with the first question and again after an error. */
export class TopicReader {
  private connecting: Promise<Cluster> | undefined;
  private closed = false;

  constructor(private readonly kafka: Kafka) {}

  /** @throws when Kafka does not answer in 3 s, or a topic does not exist */
  async facts(topics: readonly string[]): Promise<TopicFacts[]> {
    this.connecting ??= this.connect();
    const { connecting } = this;
    try {
      const asking = connecting.then((cluster) => factsOf(cluster, topics));
      return await within(TIMEOUT_MS, asking, () => new Error('Kafka did not tell about its topics in time'));
    } catch (error) {
      if (this.connecting === connecting) this.connecting = undefined;
      void connecting.then((cluster) => disconnected(cluster.disconnect())).catch(() => undefined);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    const cluster = await this.connecting?.catch(() => undefined);
    if (cluster !== undefined) await disconnected(cluster.disconnect());
  }

  private async connect(): Promise<Cluster> {
    const cluster = clusterOf(cancellableClient(this.kafka, () => !this.closed));
    await cluster.connect();
    return cluster;
  }
}

async function factsOf(cluster: Cluster, topics: readonly string[]): Promise<TopicFacts[]> {
  if (topics.length === 0) return [];
  await cluster.addMultipleTargetTopics([...topics]);
  await cluster.refreshMetadata();
  const before = await topicIds(cluster, topics);
  const partitions = topics.map((topic) =>
    cluster.findTopicPartitionMetadata(topic).map(({ partitionId: partition }) => ({ partition })),
  );
  const offsets = async (fromBeginning: boolean) => {
    const asked = topics.map((topic, n) => ({ topic, fromBeginning, partitions: partitions[n] ?? [] }));
    const answer = await cluster.fetchTopicsOffset(asked);
    return new Map(
      answer.map(({ topic, partitions: found }) => [topic, new Map(found.map((p) => [p.partition, BigInt(p.offset)]))]),
    );
  };
  const [low, high] = [await offsets(true), await offsets(false)];
  // Offsets are asked for by name: they are of this incarnation when it is still the same one.
  const after = await topicIds(cluster, topics);
  return topics.map((topic, n) => {
    const incarnation = after.get(topic) ?? '';
    if (incarnation !== before.get(topic)) throw new Error(`${topic} is being made anew`);
    const bounds = (partitions[n] ?? []).map(({ partition }) => partition).toSorted((a, b) => a - b);
    return {
      topic,
      incarnation,
      partitions: bounds.map((partition) => ({
        low: low.get(topic)?.get(partition) ?? 0n,
        high: high.get(topic)?.get(partition) ?? 0n,
      })),
    };
  });
}

// kafkajs speaks Metadata up to version 6; topic ids came with version 10. What follows sends version 12 on a connection of
// kafkajs, with its encoder and decoder.

/** The part of kafkajs's cluster that is used here. */
interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addMultipleTargetTopics(topics: string[]): Promise<void>;
  refreshMetadata(): Promise<void>;
  findTopicPartitionMetadata(topic: string): { partitionId: number }[];
  fetchTopicsOffset(
    topics: { topic: string; fromBeginning: boolean; partitions: { partition: number }[] }[],
  ): Promise<{ topic: string; partitions: { partition: number; offset: string }[] }[]>;
  findControllerBroker(): Promise<{ connectionPool: { send(request: unknown): Promise<unknown> } }>;
}

interface Encoder {
  writeBoolean(value: boolean): Encoder;
  writeInt64(value: number): Encoder;
  writeUVarIntString(value: string): Encoder;
  writeUVarIntArray(values: Encoder[]): Encoder;
  writeUVarIntBytes(): Encoder;
}

interface Decoder {
  readInt16(): number;
  readInt32(): number;
  readBoolean(): boolean;
  readBytes(length: number): Buffer;
  readUVarIntString(): string;
  readUVarIntArray<T>(read: (decoder: Decoder) => T): T[];
  readTaggedFields(): void;
}

const load = createRequire(import.meta.url);
const protocol = {
  Encoder: load('kafkajs/src/protocol/encoder.js') as new () => Encoder,
  Decoder: load('kafkajs/src/protocol/decoder.js') as new (raw: unknown) => Decoder,
};

function clusterOf(kafka: Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find((each) => each.description === 'private:Kafka:createCluster');
  const create = symbol && (Reflect.get(kafka, symbol) as (options: object) => Cluster);
  if (create === undefined) throw new TypeError('this version of kafkajs makes its clusters in another way');
  return create({ allowAutoTopicCreation: false, metadataMaxAge: 0 });
}

async function topicIds(cluster: Cluster, topics: readonly string[]): Promise<Map<string, string>> {
  const { connectionPool } = await cluster.findControllerBroker();
  const answer = (await connectionPool.send({
    request: { apiKey: 3, apiVersion: 12, apiName: 'Metadata', encode: () => Promise.resolve(metadataRequest(topics)) },
    response: {
      decode: (raw: unknown) => Promise.resolve(metadataTopics(raw)),
      parse: (found: unknown) => Promise.resolve(found),
    },
  })) as Topic[];
  return new Map(
    answer.map(({ error, name, id }) => {
      if (error !== 0) {
        throw new kafkajs.KafkaJSError(
          `the broker does not know ${name} (error ${String(error)}); "node apps/launcher/dist/topics.js" makes topics that are missing`,
        );
      }
      return [name, id];
    }),
  );
}

const metadataRequest = (topics: readonly string[]): Encoder =>
  new protocol.Encoder()
    .writeUVarIntBytes() // no tagged fields in the header
    .writeUVarIntArray(
      topics.map((topic) =>
        new protocol.Encoder().writeInt64(0).writeInt64(0).writeUVarIntString(topic).writeUVarIntBytes(),
      ),
    )
    .writeBoolean(false) // allow_auto_topic_creation
    .writeBoolean(false) // include_topic_authorized_operations
    .writeUVarIntBytes();

interface Topic {
  readonly error: number;
  readonly name: string;
  readonly id: string;
}

function metadataTopics(raw: unknown): Topic[] {
  const decoder = new protocol.Decoder(raw);
  decoder.readTaggedFields();
  decoder.readInt32(); // throttle_time_ms
  decoder.readUVarIntArray((broker) => {
    broker.readInt32();
    broker.readUVarIntString();
    broker.readInt32();
    broker.readUVarIntString();
    broker.readTaggedFields();
  });
  decoder.readUVarIntString(); // cluster_id
  decoder.readInt32(); // controller_id
  return decoder.readUVarIntArray((topic) => {
    const found = { error: topic.readInt16(), name: topic.readUVarIntString(), id: uuidOf(topic.readBytes(16)) };
    topic.readBoolean(); // is_internal
    topic.readUVarIntArray((partition) => {
      partition.readInt16();
      for (let n = 0; n < 3; n += 1) partition.readInt32();
      for (let n = 0; n < 3; n += 1) partition.readUVarIntArray((replica) => replica.readInt32());
      partition.readTaggedFields();
    });
    topic.readInt32(); // topic_authorized_operations
    topic.readTaggedFields();
    return found;
  });
}

const uuidOf = (bytes: Buffer): string =>
  bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
