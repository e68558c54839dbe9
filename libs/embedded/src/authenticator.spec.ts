import { jest } from '@jest/globals';
import { Authenticator } from './authenticator.js';

/** The key and codes of RFC 6238, appendix B, of which six digits are the last ones. */
const RFC_KEY = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

describe('Authenticator', () => {
  afterEach(() => jest.useRealTimers());

  it.each([
    [59, '287082'],
    [1_111_111_109, '081804'],
    [20_000_000_000, '353130'],
  ])('shows the code of RFC 6238 for second %d', (second, code) => {
    expect(new Authenticator(RFC_KEY).shown(second * 1000)).toMatchObject({ code });
  });

  it('says for how many seconds its code holds', () => {
    const authenticator = new Authenticator(RFC_KEY);
    expect(authenticator.shown(30_000).seconds).toBe(30);
    expect(authenticator.shown(59_001).seconds).toBe(1);
  });

  it('gives the code before, the current one and the next at once, and then waits for one', async () => {
    jest.useFakeTimers({ now: 1_800_000_010_000 });
    const authenticator = new Authenticator(RFC_KEY);
    const at = (offset: number) => authenticator.shown(1_800_000_010_000 + offset).code;
    expect(await authenticator.nextCode()).toBe(at(-30_000));
    expect(await authenticator.nextCode()).toBe(at(0));
    expect(await authenticator.nextCode()).toBe(at(30_000));
    let fourth: string | undefined;
    void authenticator.nextCode().then((code) => (fourth = code));
    await jest.advanceTimersByTimeAsync(19_999);
    expect(fourth).toBeUndefined();
    await jest.advanceTimersByTimeAsync(1);
    expect(fourth).toBe(at(60_000));
  });

  it('begins with the current code where others use the key as well', async () => {
    const authenticator = new Authenticator(RFC_KEY, { usedElsewhere: true });
    expect(await authenticator.nextCode()).toBe(authenticator.shown().code);
  });

  it('leaves out the code before where it would be over before it arrives', async () => {
    jest.useFakeTimers({ now: 1_800_000_028_500 });
    const authenticator = new Authenticator(RFC_KEY);
    expect(await authenticator.nextCode()).toBe(authenticator.shown().code);
  });
});
