import { beginningOf } from './beginning.js';

const [A, B] = ['a', 'b'];
const at = (offset: bigint, incarnation?: string) => ({ offset, incarnation });

describe('where a reader begins', () => {
  it('goes on at the stored offset of the same topic, also at its very end and at one stored without a name.', () => {
    expect(beginningOf(at(5n, A), A, { low: 0n, high: 9n })).toEqual({ position: 5n, gaps: [] });
    expect(beginningOf(at(9n, A), A, { low: 9n, high: 9n })).toEqual({ position: 9n, gaps: [] });
    expect(beginningOf(at(5n), A, { low: 0n, high: 9n })).toEqual({ position: 5n, gaps: [] });
    expect(beginningOf(undefined, A, { low: 0n, high: 9n })).toEqual({ position: 0n, gaps: [] });
  });

  it('reports what a truncated topic has lost, also to somebody who never read it.', () => {
    expect(beginningOf(at(5n, A), A, { low: 7n, high: 9n })).toEqual({
      position: 7n,
      gaps: [{ kind: 'truncated', from: 5n, to: 7n }],
    });
    expect(beginningOf(undefined, A, { low: 7n, high: 9n }).gaps).toEqual([{ kind: 'truncated', from: 0n, to: 7n }]);
  });

  it('reports a topic that ends before the stored offset, and reads what comes instead.', () => {
    expect(beginningOf(at(5n, A), A, { low: 0n, high: 2n }, 3n)).toEqual({
      position: 2n,
      gaps: [{ kind: 'shortened', from: 2n, to: 5n }],
    });
  });

  it('takes it for none where another reader has come further since the topic was asked', () => {
    expect(beginningOf(at(5n, A), A, { low: 0n, high: 4n }, 4n)).toEqual({ position: 5n, gaps: [] });
    expect(beginningOf(at(1n, A), A, { low: 0n, high: 0n })).toEqual({ position: 1n, gaps: [] });
  });

  it('reads a topic that was made anew from its first record, however far the former one had come.', () => {
    expect(beginningOf(at(5n, A), B, { low: 0n, high: 90n })).toEqual({
      position: 0n,
      gaps: [{ kind: 'made-anew', from: 5n, to: undefined }],
    });
    expect(beginningOf(at(5n, A), B, { low: 3n, high: 90n })).toMatchObject({
      position: 3n,
      gaps: [{ kind: 'made-anew' }, { kind: 'truncated', from: 0n, to: 3n }],
    });
  });
});
