import { ago, clock, dayAndSecond, dayAndTime, dayOnly, lasting, preciseClock, took } from './when.js';

const now = new Date('2026-11-27T11:12:30.500Z');
const berlin = 'Europe/Berlin';

describe('times in words', () => {
  it('names the day, and the year only where it is another one', () => {
    expect(dayAndTime(new Date('2026-11-26T08:14:03.120Z'), now, berlin)).toBe('Thu 26 Nov, 09:14');
    expect(dayAndTime(new Date('2025-09-26T08:14:03.120Z'), now, berlin)).toBe('26 Sep 2025, 10:14');
    expect(dayAndSecond(new Date('2026-09-01T08:14:03.120Z'), now, 'UTC')).toBe('Tue 1 Sep, 08:14:03');
    expect(dayOnly(new Date('2026-11-26T23:14:03Z'), now, berlin)).toBe('Fri 27 Nov');
  });

  it('shows midnight as the beginning of a day', () => {
    expect(clock(new Date('2026-11-26T23:00:00Z'), berlin)).toBe('00:00:00');
  });

  it('shows milliseconds where a state is proven', () => {
    expect(preciseClock(new Date('2026-11-27T11:03:04.120Z'), berlin)).toBe('12:03:04.120');
    expect(preciseClock(new Date('2026-11-27T11:03:04.007Z'), berlin)).toBe('12:03:04.007');
  });

  it('tells the two hours apart that a clock shows twice', () => {
    const first = new Date('2026-10-25T00:30:00Z');
    const second = new Date('2026-10-25T01:30:00Z');
    expect(clock(first, berlin)).toBe(clock(second, berlin));
    expect(ago(first, now)).toBe('33 days ago');
    expect(lasting(second.getTime() - first.getTime())).toBe('1 h');
  });

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

  it('does not look into the future when two clocks differ', () => {
    expect(ago(new Date(now.getTime() + 5000), now)).toBe('just now');
    expect(ago(new Date(now.getTime() - 12_000), now)).toBe('12 s ago');
  });

  it('says how long something took', () => {
    expect(took(86.4)).toBe('86 ms');
    expect(took(2400)).toBe('2.4 s');
  });
});
