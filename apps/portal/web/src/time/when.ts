/** Times in words. Dates are the reader's, in the zone given or the browser's own; "12 s ago" stands beside, never instead. */

const parts = new Map<string, Intl.DateTimeFormat>();

function format(at: Date, zone: string | undefined): Record<string, string> {
  const key = zone ?? '';
  let formatter = parts.get(key);
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat('en-GB', {
      ...(zone !== undefined && { timeZone: zone }),
      weekday: 'short',
      day: 'numeric',
      month: 'short',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      fractionalSecondDigits: 3,
      hourCycle: 'h23',
    });
    parts.set(key, formatter);
  }
  return Object.fromEntries(formatter.formatToParts(at).map(({ type, value }) => [type, value]));
}

const dayOf = (at: Date, now: Date, zone: string | undefined): string => {
  const { weekday = '', day = '', month = '', year = '' } = format(at, zone);
  const shortMonth = month.slice(0, 3);
  return year === format(now, zone).year ? `${weekday} ${day} ${shortMonth}` : `${day} ${shortMonth} ${year}`;
};

/** "Thu 26 Nov, 09:14"; of another year "26 Nov 2025, 09:14" */
export const dayAndTime = (at: Date, now: Date, zone?: string): string => {
  const { hour = '', minute = '' } = format(at, zone);
  return `${dayOf(at, now, zone)}, ${hour}:${minute}`;
};

/** "Thu 26 Nov, 09:14:03" */
export const dayAndSecond = (at: Date, now: Date, zone?: string): string =>
  `${dayAndTime(at, now, zone)}:${format(at, zone).second ?? ''}`;

/** "Thu 26 Nov" */
export const dayOnly = (at: Date, now: Date, zone?: string): string => dayOf(at, now, zone);

/** "12:03:04" */
export const clock = (at: Date, zone?: string): string => {
  const { hour = '', minute = '', second = '' } = format(at, zone);
  return `${hour}:${minute}:${second}`;
};

/** "12:03:04.120" */
export const preciseClock = (at: Date, zone?: string): string =>
  `${clock(at, zone)}.${format(at, zone).fractionalSecond ?? ''}`;

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "12 s", "3 min", "26 h", "4 days"; hours up to two days, since "yesterday" hides how long it is quiet. */
export function lasting(milliseconds: number): string {
  const span = Math.max(0, milliseconds);
  if (span < MINUTE) return `${Math.floor(span / SECOND)} s`;
  if (span < HOUR) return `${Math.floor(span / MINUTE)} min`;
  if (span < 2 * DAY) return `${Math.floor(span / HOUR)} h`;
  return `${Math.floor(span / DAY)} days`;
}

/** "just now", "12 s ago"; a time that the other clock has not reached yet is now, too. */
export function ago(at: Date, now: Date): string {
  const span = now.getTime() - at.getTime();
  return span < 2 * SECOND ? 'just now' : `${lasting(span)} ago`;
}

/** "86 ms", "2.4 s" */
export const took = (milliseconds: number): string =>
  milliseconds < 1000 ? `${Math.max(0, Math.round(milliseconds))} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
