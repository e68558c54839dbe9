import { sharedRun } from './shared-run.js';

describe('a run that is shared', () => {
  let runs: PromiseWithResolvers<number>[];
  const run = () => {
    const begun = Promise.withResolvers<number>();
    runs.push(begun);
    return begun.promise;
  };
  beforeEach(() => {
    runs = [];
  });

  it('serves all who ask while it is under way, and those who come later by another', async () => {
    const ask = sharedRun(run);
    const first = [ask(), ask()];
    runs[0]?.resolve(1);
    expect(await Promise.all(first)).toEqual([1, 1]);
    const second = ask();
    runs[1]?.resolve(2);
    expect([await second, runs.length]).toEqual([2, 2]);
  });

  it('is kept for as long as its result says', async () => {
    const ask = sharedRun(run, (result) => (result === 1 ? 60_000 : 0));
    const first = ask();
    runs[0]?.resolve(1);
    expect([await first, await ask(), runs.length]).toEqual([1, 1, 1]);
  });

  it('is not kept when it has failed', async () => {
    const ask = sharedRun(run, () => 60_000);
    const failed = [ask(), ask()];
    runs[0]?.reject(new Error('away'));
    for (const asked of failed) await expect(asked).rejects.toThrow('away');
    const again = ask();
    runs[1]?.resolve(2);
    expect([await again, runs.length]).toEqual([2, 2]);
  });
});
