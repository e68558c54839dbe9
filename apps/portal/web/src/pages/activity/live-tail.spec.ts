import { emptyTail, heldCount, newestFirst, receive, type Tail, type Timed } from './live-tail.js';

const entry = (n: number): Timed => ({
  id: String(n).padStart(6, '0'),
  occurred_at: new Date(Date.UTC(2026, 10, 27) + n * 1000).toISOString(),
});
const entries = (from: number, count: number) => Array.from({ length: count }, (_, n) => entry(from + n));
const ids = (list: readonly Timed[]) => list.map(({ id }) => Number(id));
const empty: Tail<Timed> = emptyTail;

describe('entries that arrive while the log is open', () => {
  it('enter at the top, newest first, while their reader is there', () => {
    const tail = receive(receive(empty, entries(1, 2), true), [entry(3)], true);
    expect([ids(tail.shown), heldCount(tail)]).toEqual([[3, 2, 1], 0]);
  });

  it('wait, and are counted, while the reader is elsewhere', () => {
    const tail = receive(empty, entries(1, 3), false);
    expect([ids(tail.shown), heldCount(tail)]).toEqual([[], 3]);
  });

  it('wait behind those that wait already', () => {
    const tail = receive(receive(empty, [entry(1)], false), [entry(2)], true);
    expect([ids(tail.shown), heldCount(tail)]).toEqual([[], 2]);
  });

  it('are nothing new where the list has them by itself', () => {
    const tail = receive(empty, entries(1, 9), true, new Set(entries(1, 8).map(({ id }) => id)));
    expect([ids(tail.shown), heldCount(tail)]).toEqual([[9], 0]);
  });

  it('are summed up when more than five come within a second', () => {
    expect(ids(receive(empty, entries(1, 5), true).shown)).toEqual([5, 4, 3, 2, 1]);
    expect(heldCount(receive(empty, entries(1, 6), true))).toBe(6);
  });

  it('are counted in full, and kept up to a bound', () => {
    let tail = empty;
    for (let second = 0; second < 10; second++) tail = receive(tail, entries(second * 200, 200), true);
    expect([heldCount(tail), tail.held.length, tail.shown.length]).toEqual([2_000, 200, 0]);
  });

  it('come once, however often the stream repeats them', () => {
    const tail = receive(receive(empty, [entry(1)], true), [entry(1)], true);
    expect(receive(tail, [entry(1)], false)).toBe(tail);
  });

  it('take the place that their time gives them, also when they come late', () => {
    expect(ids(newestFirst([entry(3), entry(1), entry(2), entry(1)]))).toEqual([3, 2, 1]);
  });
});
