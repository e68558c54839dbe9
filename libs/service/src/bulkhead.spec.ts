import { Bulkhead } from './bulkhead.js';

/** Work that is under way until it is told to end. */
function work() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let hasBegun = false;
  const begin = () => {
    hasBegun = true;
    return promise;
  };
  return { begin, end: resolve, fail: reject, hasBegun: () => hasBegun };
}

describe('a bulkhead', () => {
  it('has what is too much of one party wait for its turn, and nobody else', async () => {
    const bulkhead = new Bulkhead({ atOnce: 2, waitMs: 60_000 });
    const all = [work(), work(), work(), work()] as const;
    const done = all.map(({ begin }) => bulkhead.run('a', begin));
    expect(all.map((each) => each.hasBegun())).toEqual([true, true, false, false]);
    expect(await bulkhead.run('b', () => Promise.resolve('b'))).toBe('b');
    all[1].end('second');
    expect(await done[1]).toBe('second');
    expect(all.map((each) => each.hasBegun())).toEqual([true, true, true, false]);
    all[0].fail(new Error('not to be had'));
    await expect(done[0]).rejects.toThrow('not to be had');
    expect(all[3].hasBegun()).toBe(true);
    all[2].end('third');
    all[3].end('fourth');
    expect(await Promise.all(done.slice(2))).toEqual(['third', 'fourth']);
    // A place that was handed over is free again as well.
    expect([1, 2, 3].map(() => bulkhead.tryEnter('a') !== undefined)).toEqual([true, true, false]);
  });

  it('refuses what has waited long enough, which takes no turn any more', async () => {
    const bulkhead = new Bulkhead({ atOnce: 1, waitMs: 10 });
    const [first, refused] = [work(), work()];
    const done = bulkhead.run('a', first.begin);
    await expect(bulkhead.run('a', refused.begin)).rejects.toMatchObject({
      status: 429,
      code: 'request.crowded',
      retryAfter: 1,
    });
    first.end('first');
    expect(await done).toBe('first');
    expect(await bulkhead.run('a', () => Promise.resolve('next'))).toBe('next');
    expect(refused.hasBegun()).toBe(false);
  });

  it('lets in at once, or not at all, who does not wait', () => {
    const bulkhead = new Bulkhead({ atOnce: 1 });
    const leave = bulkhead.tryEnter('a');
    expect(bulkhead.tryEnter('a')).toBeUndefined();
    expect(bulkhead.tryEnter('b')).toBeDefined();
    leave?.();
    expect(bulkhead.tryEnter('a')).toBeDefined();
  });
});
