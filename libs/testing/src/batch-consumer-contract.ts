import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type {
  BatchConsumer,
  BatchHandler,
  OffsetReader,
  ReceivedBatch,
} from '@rebelcore/messaging/consume/batch-consumer';
import { until } from './until.js';

/** What the suite needs of an implementation. */
export interface BatchConsumersUnderTest {
  /** An existing, empty topic with three partitions. */
  readonly topic: string;
  /** Another member of one and the same group. */
  consumer(handler: BatchHandler, offsets: OffsetReader): BatchConsumer;
  publish(records: readonly { key: string; value: string }[]): Promise<void>;
  dispose(): Promise<void>;
}

interface Seen {
  readonly partition: number;
  readonly offset: bigint;
  readonly value: string;
}

/** The behaviour every {@link BatchConsumer} has. */
export function batchConsumerContract(name: string, make: () => Promise<BatchConsumersUnderTest>): void {
  describe(`${name} keeps the contract of a batch consumer`, () => {
    let subject: BatchConsumersUnderTest;
    let started: BatchConsumer[];
    /** Stored as a view would store them: by the handler, at the end of its work. */
    let stored: Map<number, bigint>;
    let seen: Seen[];
    /** Records handed over, also those that were handled before. */
    let delivered: number;

    const offsets: OffsetReader = { nextOffsets: () => Promise.resolve(new Map(stored)) };
    const note = (batch: ReceivedBatch) => {
      delivered += batch.messages.length;
      for (const { offset, value } of batch.messages) {
        if (offset < (stored.get(batch.partition) ?? 0n)) continue;
        seen.push({ partition: batch.partition, offset, value: String(value) });
        stored.set(batch.partition, offset + 1n);
      }
      return Promise.resolve();
    };
    const start = async (handler: BatchHandler) => {
      const consumer = subject.consumer(handler, offsets);
      started.push(consumer);
      await consumer.start();
      return consumer;
    };
    const records = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => ({ key: `key ${String((from + i) % 7)}`, value: String(from + i) }));
    const values = () => seen.map(({ value }) => Number(value)).toSorted((a, b) => a - b);

    beforeEach(async () => {
      subject = await make();
      started = [];
      stored = new Map();
      seen = [];
      delivered = 0;
    });
    afterEach(async () => {
      await Promise.all(started.map((consumer) => consumer.stop()));
      await subject.dispose();
    });

    it('delivers every record of every partition, in order, from the first one on.', async () => {
      await subject.publish(records(0, 50));
      const consumer = await start(note);
      await subject.publish(records(50, 100));
      await until(() => seen.length >= 100, 'all records');

      expect(values()).toEqual(Array.from({ length: 100 }, (_, i) => i));
      for (const partition of Map.groupBy(seen, (s) => s.partition).values()) {
        expect(partition.map(({ offset }) => offset)).toEqual(partition.map((_, i) => BigInt(i)));
      }
      await until(() => consumer.status().lag === 0, 'no lag');
      expect(consumer.status()).toMatchObject({ joined: true, lag: 0 });
    });

    it('begins at the stored offsets, whatever it has read before.', async () => {
      await subject.publish(records(0, 30));
      const first = await start(note);
      await until(() => seen.length === 30, 'all records');
      await first.stop();

      const [[partition, next] = [0, 0n]] = stored;
      stored.set(partition, next - 1n);
      seen = [];
      delivered = 0;
      await start(note);
      await until(() => seen.length > 0, 'the record after the stored offset');
      expect(delivered).toBe(1);
      expect(seen).toEqual([expect.objectContaining({ partition, offset: next - 1n })]);
    });

    it('delivers a batch again whose handler failed, and meanwhile goes on with the other partitions.', async () => {
      let broken: number | undefined;
      let failures = 0;
      const consumer = await start((batch) => {
        broken ??= batch.partition;
        if (batch.partition === broken && failures < 3) {
          failures += 1;
          return Promise.reject(new TypeError('the handler is broken'));
        }
        return note(batch);
      });
      await subject.publish(records(0, 60));
      await until(() => failures === 1, 'the first failure');
      await until(() => consumer.status().lastError !== undefined, 'the status to tell it');
      await until(() => seen.length === 60, 'all records');

      expect(failures).toBe(3);
      expect(values()).toEqual(Array.from({ length: 60 }, (_, i) => i));
      const atFirst = seen.findIndex((s) => s.partition === broken);
      expect(seen.slice(0, atFirst).length).toBeGreaterThan(0);
    });

    it('hands the partitions of a member that leaves over to another one.', async () => {
      const first = await start(note);
      const second = await start(note);
      const shares = () => [first, second].map((c) => c.status().partitions.length);
      await until(
        () => shares().every((n) => n > 0) && shares().reduce((a, b) => a + b) === 3,
        'both to have partitions',
      );
      await subject.publish(records(0, 40));
      await until(() => seen.length === 40, 'all records');

      await first.stop();
      await until(() => second.status().partitions.length === 3, 'the second to have all partitions');
      await subject.publish(records(40, 80));
      await until(() => seen.length >= 80, 'the records after the handover');
      expect(values()).toEqual(Array.from({ length: 80 }, (_, i) => i));
    });
  });
}
