import { randomUUID } from 'node:crypto';

/** Reads topics as the principals that may, from remembered offsets up to the present end. */
export class Topics {
  #kafka;
  #admin;

  constructor(kafka) {
    this.#kafka = kafka;
  }

  async ends(topic) {
    this.#admin ??= this.#connect();
    return (await this.#admin).fetchTopicOffsets(topic);
  }

  /** True when every partition has a leader and all of its replicas are in sync. */
  async inSync() {
    this.#admin ??= this.#connect();
    const { topics } = await (await this.#admin).fetchTopicMetadata();
    return topics
      .flatMap(({ partitions }) => partitions)
      .every(({ leader, isr, replicas }) => leader >= 0 && isr.length === replicas.length);
  }

  async #connect() {
    const admin = this.#kafka('admin').admin();
    await admin.connect();
    return admin;
  }

  /** Records `{partition, offset, key, headers, value}`, per partition in order. `from` is an earlier answer of {@link ends}. */
  async readAll(topic, principal, from) {
    const ends = await this.ends(topic);
    const begin = new Map(from.map(({ partition, high }) => [partition, BigInt(high)]));
    const left = new Map(
      ends
        .filter(({ partition, high }) => BigInt(high) > (begin.get(partition) ?? 0n))
        .map(({ partition, high }) => [partition, BigInt(high)]),
    );
    const records = [];
    if (left.size === 0) return records;
    const consumer = this.#kafka(principal).consumer({
      groupId: `${principal}.faults-${randomUUID()}`,
      maxWaitTimeInMs: 50,
    });
    await consumer.connect();
    try {
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      await new Promise((resolve, reject) => {
        consumer.on(consumer.events.CRASH, ({ payload }) => {
          if (!payload.restart) reject(payload.error);
        });
        consumer
          .run({
            autoCommit: false,
            eachBatch: ({ batch: { partition, messages } }) => {
              for (const { offset, key, headers, value } of messages) {
                if (BigInt(offset) < (begin.get(partition) ?? 0n)) continue;
                const text = Object.entries(headers ?? {}).map(([name, header]) => [name, String(header)]);
                records.push({ partition, offset, key: key?.toString(), headers: Object.fromEntries(text), value });
                if (BigInt(offset) + 1n >= (left.get(partition) ?? 0n)) left.delete(partition);
              }
              if (left.size === 0) resolve();
              return Promise.resolve();
            },
          })
          .catch(reject);
        for (const [partition, offset] of begin) consumer.seek({ topic, partition, offset: String(offset) });
      });
    } finally {
      await consumer.disconnect();
    }
    return records;
  }

  async close() {
    await (await this.#admin)?.disconnect();
  }
}
