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

/** `12:03:04` */
export const clock = (at: Instant, zone?: string): string => format(CLOCK, zone).format(new Date(at));

/** `12:03:04.120` */
export const clockMs = (at: Instant, zone?: string): string =>
  format({ ...CLOCK, fractionalSecondDigits: 3 }, zone).format(new Date(at));

/** `Sat 28 Nov, 11:40`, with the year when it is not this one. */
export function dayAndTime(at: Instant, zone?: string): string {
  const date = new Date(at);
  return `${day(date, zone)}, ${format({ hour: '2-digit', minute: '2-digit' }, zone).format(date)}`;
}

/** `Sat 28 Nov`, with the year when it is not this one. */
export function day(at: Instant, zone?: string): string {
  const date = new Date(at);
  const isThisYear = date.getFullYear() === new Date().getFullYear();
  const year = isThisYear ? {} : ({ year: 'numeric' } as const);
  return format({ weekday: 'short', day: 'numeric', month: 'short', ...year }, zone)
    .format(date)
    .replace(',', '');
}

const DAY_IN_FULL = { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' } as const;

/** `Saturday, 28 November 2026` */
export const dayInFull = (at: Instant, zone?: string): string => format(DAY_IN_FULL, zone).format(new Date(at));

/** `Saturday, 28 November 2026 at 11:40:05 CET`, to be read as a whole. */
export const inFull = (at: Instant, zone?: string): string =>
  format({ ...DAY_IN_FULL, ...CLOCK, timeZoneName: 'short' }, zone).format(new Date(at));

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
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
