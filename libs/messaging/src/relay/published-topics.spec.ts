import { whyNotTo } from './published-topics.js';

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
