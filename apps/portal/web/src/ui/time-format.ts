/**
 * Points in time as the portal writes them. Every function takes RFC 3339 or milliseconds and a zone of the IANA
 * database, the browser's own by default.
 */
export type Instant = string | number | Date;

const formats = new Map<string, Intl.DateTimeFormat>();

function format(options: Intl.DateTimeFormatOptions, zone: string | undefined): Intl.DateTimeFormat {
  const key = JSON.stringify([options, zone]);
  const known = formats.get(key);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-GB', {
    ...options,
    hourCycle: 'h23',
    ...(zone !== undefined && { timeZone: zone }),
  });
  formats.set(key, made);
  return made;
}

const CLOCK = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const;

/** `12:03:04`; where the clock shows that twice, `01:03:04 GMT-4`. */
export const clock = (at: Instant, zone?: string): string =>
  format(CLOCK, zone).format(new Date(at)) + whichOfTwo(at, zone);

/** `12:03:04.120`, and nothing that would tell two equal ones apart. */
export const bareClockMs = (at: Instant, zone?: string): string =>
  format({ ...CLOCK, fractionalSecondDigits: 3 }, zone).format(new Date(at));

/** `12:03:04.120`; where the clock shows that twice, `01:03:04.120 GMT-4`. */
export const clockMs = (at: Instant, zone?: string): string => bareClockMs(at, zone) + whichOfTwo(at, zone);

/** `Sat 28 Nov, 11:40`, with the year when it is not this one; where the clock shows that twice, `01:40 GMT-4`. */
export function dayAndTime(at: Instant, zone?: string): string {
  const date = new Date(at);
  const time = format({ hour: '2-digit', minute: '2-digit' }, zone).format(date);
  return `${day(date, zone)}, ${time}${whichOfTwo(at, zone)}`;
}

/** `Sat 28 Nov`, with the year when it is not this one. */
export function day(at: Instant, zone?: string, now = Date.now()): string {
  const yearOf = (instant: Instant) => format({ year: 'numeric' }, zone).format(new Date(instant));
  const date = new Date(at);
  const year = yearOf(date) === yearOf(now) ? {} : ({ year: 'numeric' } as const);
  return format({ weekday: 'short', day: 'numeric', month: 'short', ...year }, zone)
    .format(date)
    .replace(',', '');
}

/** `GMT+1`, `GMT+5:45`, `GMT`: what the zone is ahead of UTC at that moment. */
export function offsetName(at: Instant, zone?: string): string {
  const parts = format({ timeZoneName: 'shortOffset' }, zone).formatToParts(new Date(at));
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
}

const OFFSET = /^GMT(?:([+\-−])(\d+)(?::(\d\d))?)?/;

/** Minutes that the zone is ahead of UTC at that moment. */
export function offsetMinutes(at: Instant, zone?: string): number {
  const [, sign = '+', hours = '0', minutes = '0'] = OFFSET.exec(offsetName(at, zone)) ?? [];
  return (sign === '+' ? 1 : -1) * (Number(hours) * 60 + Number(minutes));
}

const MINUTE = 60_000;
/** No clock is put back by more. */
const REACH = 180 * MINUTE;

/** Does a clock of the zone show the same day and time at another moment as well, because it is put back between the two? */
export function isRepeated(at: Instant, zone?: string): boolean {
  const moment = new Date(at).getTime();
  const offset = offsetMinutes(moment, zone);
  return [moment - REACH, moment + REACH].some((near) => {
    const other = offsetMinutes(near, zone);
    return other !== offset && offsetMinutes(moment + (offset - other) * MINUTE, zone) === other;
  });
}

const whichOfTwo = (at: Instant, zone: string | undefined): string =>
  isRepeated(at, zone) ? ` ${offsetName(at, zone)}` : '';

const DAY_IN_FULL = { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' } as const;

/** `Saturday, 28 November 2026` */
export const dayInFull = (at: Instant, zone?: string): string => format(DAY_IN_FULL, zone).format(new Date(at));

/** `Saturday, 28 November 2026 at 11:40:05 CET`, to be read as a whole. */
export const inFull = (at: Instant, zone?: string): string =>
  format({ ...DAY_IN_FULL, ...CLOCK, timeZoneName: 'short' }, zone).format(new Date(at));

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', MINUTE],
] as const;
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });

/** `3 min. ago`, `in 2 hr.`, `yesterday`; within a minute `just now`. */
export function fromNow(at: Instant, now = Date.now()): string {
  const distance = new Date(at).getTime() - now;
  for (const [unit, size] of UNITS) {
    if (Math.abs(distance) >= size) return relative.format(Math.trunc(distance / size), unit);
  }
  return distance > 0 ? 'in a moment' : 'just now';
}

/** `4 min 20 s`, `48 s`, for what counts down. Seconds in. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole < 60) return `${String(whole)} s`;
  const minutes = Math.floor(whole / 60);
  return whole % 60 === 0 ? `${String(minutes)} min` : `${String(minutes)} min ${String(whole % 60)} s`;
}
