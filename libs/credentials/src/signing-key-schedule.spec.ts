import { LEAD_MS, publishedAt, RETIRED_AFTER_MS, signingAt, type KeyTimes } from './signing-key-schedule.js';

const HOUR = 3_600_000;
const first = { kid: 'first', signsFrom: 0, withdrawn: false };
const second = { kid: 'second', signsFrom: 100 * HOUR, withdrawn: false };
const keys = [second, first];
const published = (now: number) => publishedAt(keys, now).map(({ kid }) => kid);

describe('the time of a signing key', () => {
  it('begins when it signs and ends when the next one does', () => {
    expect(signingAt(keys, second.signsFrom - 1)).toBe(first);
    expect(signingAt(keys, second.signsFrom)).toBe(second);
    expect(signingAt(keys, -1)).toBeUndefined();
    expect(signingAt<KeyTimes>([], 0)).toBeUndefined();
  });

  it('is announced at least an hour before its first signature', () => {
    expect(LEAD_MS).toBeGreaterThanOrEqual(HOUR);
    expect(published(second.signsFrom - LEAD_MS)).toEqual(['second', 'first']);
  });

  it('lasts 25 hours beyond its last signature, so that no token outlives its key', () => {
    expect(RETIRED_AFTER_MS).toBe(25 * HOUR);
    expect(published(second.signsFrom + 25 * HOUR - 1)).toEqual(['second', 'first']);
    expect(published(second.signsFrom + 25 * HOUR)).toEqual(['second']);
    expect(published(second.signsFrom + 1_000 * HOUR)).toEqual(['second']);
  });

  it('ends at once with its withdrawal, and its predecessor, though published, does not sign again', () => {
    const leaked = [first, { ...second, withdrawn: true }];
    expect(signingAt(leaked, second.signsFrom + 1)).toBeUndefined();
    expect(publishedAt(leaked, second.signsFrom + 1)).toEqual([first]);
    expect(publishedAt(leaked, second.signsFrom + 25 * HOUR)).toEqual([]);
  });

  it('is decided alike by all where two keys begin at the same moment', () => {
    const twins = [
      { kid: 'b', signsFrom: 5, withdrawn: false },
      { kid: 'a', signsFrom: 5, withdrawn: false },
    ];
    expect(signingAt(twins, 5)?.kid).toBe('b');
    expect(signingAt(twins.toReversed(), 5)?.kid).toBe('b');
  });
});
