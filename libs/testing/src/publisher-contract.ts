import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { OutgoingRecord, Publisher } from '@rebelcore/messaging/publish/publisher';

/** What the suite needs of an implementation. */
export interface PublisherUnderTest {
  readonly publisher: Publisher;
  /** An existing, empty topic with several partitions. */
  readonly topic: string;
  /** Reads everything there is, per partition in order. */
  readAll(): Promise<{ partition: number; key: string; value: string; headers: Record<string, string> }[]>;
  dispose(): Promise<void>;
}

/** The behaviour every {@link Publisher} has. */
export function publisherContract(name: string, make: () => Promise<PublisherUnderTest>): void {
  describe(`${name} keeps the contract of a publisher`, () => {
    let subject: PublisherUnderTest;
    const record = (key: string, value: string): OutgoingRecord => ({
      topic: subject.topic,
      key,
      value,
      headers: { ce_id: value },
    });

    beforeEach(async () => {
      subject = await make();
    });
    afterEach(() => subject.dispose());

    it('writes key, value and headers as they are given, and answers with the next offset of each partition.', async () => {
      const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
      const published = await subject.publisher.publish(keys.map((key) => record(key, `value of ${key} ✓`)));

      const all = await subject.readAll();
      expect(
        all.map(({ key, value, headers }) => ({ key, value, headers })).toSorted((x, y) => (x.key < y.key ? -1 : 1)),
      ).toEqual(keys.map((key) => ({ key, value: `value of ${key} ✓`, headers: { ce_id: `value of ${key} ✓` } })));
      const counted = Map.groupBy(all, ({ partition }) => partition);
      expect(published.get(subject.topic)).toEqual(
        new Map([...counted].map(([partition, records]) => [partition, BigInt(records.length)])),
      );
    });

    it('keeps the order of the calls and of the records in a call, also when calls are not awaited.', async () => {
      await Promise.all(
        Array.from({ length: 20 }, (_, call) =>
          subject.publisher.publish([record('k', `${String(call)}.0`), record('k', `${String(call)}.1`)]),
        ),
      );
      expect((await subject.readAll()).map(({ value }) => value)).toEqual(
        Array.from({ length: 20 }, (_, call) => [`${String(call)}.0`, `${String(call)}.1`]).flat(),
      );
    });

    it('answers an empty call without writing anything.', async () => {
      expect(await subject.publisher.publish([])).toEqual(new Map());
      expect(await subject.readAll()).toEqual([]);
    });

    it('refuses to publish once it is closed.', async () => {
      await subject.publisher.close();
      await expect(subject.publisher.publish([record('k', 'v')])).rejects.toMatchObject({ code: 'publish.closed' });
    });
  });
}
