import { partitionOf } from '../publish/kafka-publisher.js';
import { KnownEnds, TopicShortened, whyNotTo } from './published-topics.js';

const published = { topic: 't', incarnation: 'a', nextOffsets: [5n, 0n] };
const now = (incarnation: string, ...highs: bigint[]) => ({
  topic: 't',
  incarnation,
  partitions: highs.map((high) => ({ low: 0n, high })),
});

describe('a topic may be published to', () => {
  it('while it is the one that was published to, and holds at least that', () => {
    expect(whyNotTo(published, now('a', 5n, 0n))).toBeUndefined();
    expect(whyNotTo(published, now('a', 9n, 3n))).toBeUndefined();
  });
  it('not when it was made anew, was cut off, has another number of partitions, or waits to be filled', () => {
    expect(whyNotTo(published, now('b', 9n, 9n))).toContain('made anew');
    expect(whyNotTo(published, now('a', 4n, 9n))).toContain('t/0 ends at 4, but was published up to 5');
    expect(whyNotTo(published, now('a', 9n, 9n, 0n))).toContain('t has 3 partitions instead of 2');
    expect(whyNotTo({ ...published, nextOffsets: [] }, now('a', 9n, 9n, 0n))).toBeUndefined();
    expect(whyNotTo({ ...published, incarnation: undefined }, now('b', 0n, 0n))).toContain('npm run republish');
  });
});

describe('how far a topic is known to have grown', () => {
  const record = (key: string) => ({ topic: 't', key, headers: {}, value: '' });
  const key = 'customer';
  const partition = partitionOf(key, 2);
  const end = (next: bigint) => new Map([['t', new Map([[partition, next]])]]);
  const at = (next: bigint) => (partition === 0 ? [next, 0n] : [0n, next]);
  let ends: KnownEnds;
  beforeEach(() => {
    ends = new KnownEnds();
    ends.note([now('a', ...at(41n))]);
  });

  const publish = (count: number, next: bigint, meanwhile?: () => void) =>
    ends.advance(
      Array.from({ length: count }, () => record(key)),
      () => {
        meanwhile?.();
        return Promise.resolve(end(next));
      },
    );

  it('goes on with what is published, and with what others have published meanwhile', async () => {
    await publish(2, 43n);
    await publish(1, 50n);
    expect([ends.of('t', 'a'), ends.of('t', 'b')]).toEqual([at(50n), []]);
    ends.note([now('a', ...at(45n))]);
    expect(ends.of('t', 'a')).toEqual(at(50n));
  });

  it('takes what it sends itself, and sees before the answer comes, for no loss', async () => {
    await publish(2, 43n, () => {
      ends.note([now('a', ...at(43n))]);
    });
    expect(ends.of('t', 'a')).toEqual(at(43n));
  });

  it('shows a topic that became shorter and has grown again past its former end', async () => {
    await expect(publish(2, 42n)).rejects.toThrow(
      new TopicShortened('t', 'a', `t/${String(partition)} took a record at 40, but was published up to 41`),
    );
  });

  it('begins anew with a topic that was made anew, and knows nothing of one that it was never told of', async () => {
    ends.note([now('b', 0n, 0n)]);
    const toBoth = new Map([...end(1n), ['other', new Map([[0, 1n]])]]);
    await ends.advance([record(key), { ...record(key), topic: 'other' }], () => Promise.resolve(toBoth));
    expect(ends.of('t', 'b')).toEqual(at(1n));
  });
});
