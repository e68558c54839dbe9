import { counted, grouped, lasting, took } from './lasting.js';

describe('spans and counts in words', () => {
  it.each([
    [0, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [3_600_000, '1 h'],
    [26 * 3_600_000, '26 h'],
    [48 * 3_600_000, '2 days'],
    [-5, '0 s'],
  ])('says how long %p ms are: %p', (milliseconds, words) => {
    expect(lasting(milliseconds)).toBe(words);
  });

  it('says how long something took', () => {
    expect(took(86.4)).toBe('86 ms');
    expect(took(2400)).toBe('2.4 s');
  });

  it('counts one and many', () => {
    expect(counted(1, 'token')).toBe('1 token');
    expect(counted(0, 'token')).toBe('0 tokens');
    expect(counted(2, 'entry', 'entries')).toBe('2 entries');
    expect(counted(1204, 'call')).toBe('1\u00a0204 calls');
  });

  it('groups digits by three', () => {
    expect(grouped('91204')).toBe('91\u00a0204');
    expect(grouped(999)).toBe('999');
    expect(grouped(1_234_567)).toBe('1\u00a0234\u00a0567');
  });
});
