import { FairQueue, QueueFull } from './fair-queue.js';

/** Work that ends when it is told to, and the order in which it began. */
class Bench {
  readonly began: string[] = [];
  readonly shed: string[] = [];
  private readonly ends: (() => void)[] = [];

  constructor(private readonly queue: FairQueue) {}

  async come(source: string, name: string): Promise<void> {
    const done = this.queue.run(source, () => {
      this.began.push(name);
      return new Promise<void>((resolve) => this.ends.push(resolve));
    });
    done.catch((error: unknown) => {
      if (error instanceof QueueFull) this.shed.push(name);
    });
    await settled();
  }

  async end(times = 1): Promise<void> {
    for (let n = 0; n < times; n++) {
      this.ends.shift()?.();
      await settled();
    }
  }
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

const benchOf = (limits: Partial<ConstructorParameters<typeof FairQueue>[0]> = {}) =>
  new Bench(new FairQueue({ atOnce: 2, perSource: 3, inTotal: 5, ...limits }));

describe('a fair queue', () => {
  it('runs so many at once and the next when one is done', async () => {
    const bench = benchOf();
    for (const name of ['1', '2', '3']) await bench.come('a', name);
    expect(bench.began).toEqual(['1', '2']);
    await bench.end();
    expect(bench.began).toEqual(['1', '2', '3']);
  });

  it('goes on after work that failed', async () => {
    const queue = new FairQueue({ atOnce: 1, perSource: 1, inTotal: 1 });
    await expect(queue.run('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(queue.run('a', () => Promise.resolve('yes'))).resolves.toBe('yes');
  });

  it('gives each source a turn, so that who floods waits behind itself', async () => {
    const bench = benchOf({ atOnce: 1 });
    for (const name of ['a1', 'a2', 'a3', 'a4']) await bench.come('a', name);
    await bench.come('b', 'b1');
    await bench.end(4);
    expect(bench.began).toEqual(['a1', 'a2', 'b1', 'a3', 'a4']);
  });

  it('sheds what is too much of one source, and takes it again later', async () => {
    const bench = benchOf({ atOnce: 1, perSource: 1 });
    for (const name of ['a1', 'a2', 'a3']) await bench.come('a', name);
    expect(bench.shed).toEqual(['a3']);
    await bench.end(2);
    await bench.come('a', 'a4');
    expect(bench.began).toEqual(['a1', 'a2', 'a4']);
  });

  it('takes the last place of the longest line for a source that has a shorter one', async () => {
    const bench = benchOf({ atOnce: 1, perSource: 3, inTotal: 4 });
    for (const name of ['a1', 'a2', 'a3', 'a4']) await bench.come('a', name);
    await bench.come('b', 'b1');
    await bench.come('c', 'c1');
    expect(bench.shed).toEqual(['a4']);
    await bench.end(4);
    expect(bench.began).toEqual(['a1', 'a2', 'b1', 'c1', 'a3']);
  });

  it('sheds who comes last where every line is as long', async () => {
    const bench = benchOf({ atOnce: 1, inTotal: 2 });
    await bench.come('a', 'a1');
    await bench.come('a', 'a2');
    await bench.come('b', 'b1');
    await bench.come('c', 'c1');
    expect(bench.shed).toEqual(['c1']);
    await bench.end(2);
    expect(bench.began).toEqual(['a1', 'a2', 'b1']);
  });
});
