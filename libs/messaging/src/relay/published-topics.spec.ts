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

  it('goes on with what is published, and with what others have published meanwhile', () => {
    ends.advance([record(key), record(key)], end(43n), ends.now());
    ends.advance([record(key)], end(50n), ends.now());
    expect([ends.of('t', 'a'), ends.of('t', 'b')]).toEqual([at(50n), []]);
    ends.note([now('a', ...at(45n))]);
    expect(ends.of('t', 'a')).toEqual(at(50n));
  });

  it('takes what it has sent itself, and has seen before the answer came, for no loss', () => {
    const before = ends.now();
    ends.note([now('a', ...at(43n))]);
    ends.advance([record(key), record(key)], end(43n), before);
    expect(ends.of('t', 'a')).toEqual(at(43n));
  });

  it('shows a topic that became shorter and has grown again past its former end', () => {
    expect(() => {
      ends.advance([record(key), record(key)], end(42n), ends.now());
    }).toThrow(new TopicShortened('t', 'a', `t/${String(partition)} took a record at 40, but was published up to 41`));
  });

  it('begins anew with a topic that was made anew, and knows nothing of one that it was never told of', () => {
    ends.note([now('b', 0n, 0n)]);
    ends.advance(
      [record(key), { ...record(key), topic: 'other' }],
      new Map([...end(1n), ['other', new Map([[0, 1n]])]]),
      ends.now(),
    );
    expect(ends.of('t', 'b')).toEqual(at(1n));
  });
});
