import { Temporal } from 'temporal-polyfill';
import { clock, clockMs, day, dayAndTime, dayInFull, isRepeated, offsetName } from '../../ui/time-format.js';
import { instantOf, isTimeZone, localText, localTime, NotATime } from './zoned-time.js';

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
    expect(localText(instant, zone)).toBe(localTime(instant, zone));
  });

  it.each(['2026-10-25T00:30:00.000Z', '2026-10-25T01:30:00.000Z'])(
    'is read as it is shown in an hour that comes twice: %s',
    (instant) => {
      expect(localTime(instant, BERLIN)).toBe('2026-10-25 02:30:00.000');
      expect(instantOf(Temporal, localText(instant, BERLIN), BERLIN)).toBe(instant);
    },
  );
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
    expect(offsetName('2026-07-27T12:00:00Z', 'Asia/Kathmandu')).toBe('GMT+5:45');
  });

  const NEW_YORK = 'America/New_York';
  const LORD_HOWE = 'Australia/Lord_Howe';

  it.each([
    [NEW_YORK, '2026-11-01T04:59:59.999Z', false],
    [NEW_YORK, '2026-11-01T05:00:00.000Z', true],
    [NEW_YORK, '2026-11-01T05:59:59.999Z', true],
    [NEW_YORK, '2026-11-01T06:00:00.000Z', true],
    [NEW_YORK, '2026-11-01T06:59:59.999Z', true],
    [NEW_YORK, '2026-11-01T07:00:00.000Z', false],
    // Put forward: an hour is missing, and none comes twice.
    [NEW_YORK, '2026-03-08T06:59:59.999Z', false],
    [NEW_YORK, '2026-03-08T07:00:00.000Z', false],
    // By half an hour.
    [LORD_HOWE, '2026-04-04T14:29:59.999Z', false],
    [LORD_HOWE, '2026-04-04T14:30:00.000Z', true],
    [LORD_HOWE, '2026-04-04T15:29:59.999Z', true],
    [LORD_HOWE, '2026-04-04T15:30:00.000Z', false],
    ['Asia/Kathmandu', '2026-11-01T05:30:00.000Z', false],
    ['UTC', '2026-11-01T05:30:00.000Z', false],
  ])('in %s is one of two that look alike at %s: %j', (zone, instant, repeated) => {
    expect(isRepeated(instant, zone)).toBe(repeated);
  });

  it('says its offset where the clock shows it twice, and only there', () => {
    const [first, second, later] = ['2026-11-01T05:30:04.120Z', '2026-11-01T06:30:04.120Z', '2026-11-01T07:30:04.120Z'];
    expect([first, second, later].map((at) => clockMs(at, NEW_YORK))).toEqual([
      '01:30:04.120 GMT-4',
      '01:30:04.120 GMT-5',
      '02:30:04.120',
    ]);
    expect(clock(second, NEW_YORK)).toBe('01:30:04 GMT-5');
    expect(dayAndTime(second, NEW_YORK)).toMatch(/1 Nov.*, 01:30 GMT-5$/);
  });

  it('has the year of its zone beside it when that is not this one', () => {
    const eve = '2026-12-31T12:00:00Z';
    expect(day(eve, 'Pacific/Kiritimati', Date.parse(eve) - 86_400_000)).toBe('Fri 1 Jan 2027');
    expect(day(eve, 'Pacific/Kiritimati', Date.parse(eve))).toBe('Fri 1 Jan');
    expect(day(eve, 'UTC', Date.parse(eve))).toBe('Thu 31 Dec');
  });

  it('knows a zone by its name only', () => {
    expect([isTimeZone(BERLIN), isTimeZone('Mars/Olympus')]).toEqual([true, false]);
  });
});
