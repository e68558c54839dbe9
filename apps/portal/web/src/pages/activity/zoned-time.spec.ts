import { Temporal } from 'temporal-polyfill';
import { dayInFull } from '../../ui/time-format.js';
import { instantOf, isTimeZone, localText, NotATime, offsetName } from './zoned-time.js';

const BERLIN = 'Europe/Berlin';

describe('a typed time', () => {
  it.each([
    ['2026-11-27', '2026-11-26T23:00:00.000Z'],
    ['2026-11-27 12:03', '2026-11-27T11:03:00.000Z'],
    [' 2026-11-27T12:03:04.120 ', '2026-11-27T11:03:04.120Z'],
    ['2026-07-01 00:00', '2026-06-30T22:00:00.000Z'],
    ['2026-11-27T12:03:00Z', '2026-11-27T12:03:00.000Z'],
    ['2026-11-27T12:03:00+05:30', '2026-11-27T06:33:00.000Z'],
    // The clocks go back: this half hour comes twice, and the first is meant.
    ['2026-10-25 02:30', '2026-10-25T00:30:00.000Z'],
  ])('%j means %s in Berlin', (typed, instant) => {
    expect(instantOf(Temporal, typed, BERLIN)).toBe(instant);
  });

  it('is refused by name when the clocks leave it out', () => {
    expect(() => instantOf(Temporal, '2026-03-29 02:30', BERLIN)).toThrow(new NotATime('skipped'));
  });

  it.each(['', 'yesterday', '27.11.2026', '2026-13-01', '2026-11-27 25:00'])('is refused when it is %j', (typed) => {
    expect(() => instantOf(Temporal, typed, BERLIN)).toThrow(new NotATime('format'));
  });

  it.each([BERLIN, 'UTC', 'Asia/Kolkata', 'America/St_Johns'])('is read in %s as it is shown there', (zone) => {
    const instant = '2026-11-27T22:59:59.007Z';
    expect(instantOf(Temporal, localText(instant, zone), zone)).toBe(instant);
  });
});

describe('a time that is shown', () => {
  it('falls on the day of its zone', () => {
    const instant = '2026-11-27T23:30:04.120Z';
    expect(dayInFull(instant, BERLIN)).toMatch(/^Saturday,? 28 November 2026$/);
    expect(dayInFull(instant, 'UTC')).toMatch(/^Friday,? 27 November 2026$/);
  });

  it('says what the zone is ahead of UTC on that day', () => {
    expect(offsetName('2026-11-27T12:00:00Z', BERLIN)).toBe('GMT+1');
    expect(offsetName('2026-07-27T12:00:00Z', BERLIN)).toBe('GMT+2');
  });

  it('knows a zone by its name only', () => {
    expect([isTimeZone(BERLIN), isTimeZone('Mars/Olympus')]).toEqual([true, false]);
  });
});
