const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Milliseconds as "12 s", "3 min", "26 h", "4 days"; hours up to two days, since "1 day" hides how long it is quiet. */
export function lasting(milliseconds: number): string {
  const span = Math.max(0, milliseconds);
  if (span < MINUTE) return `${String(Math.floor(span / SECOND))} s`;
  if (span < HOUR) return `${String(Math.floor(span / MINUTE))} min`;
  if (span < 2 * DAY) return `${String(Math.floor(span / HOUR))} h`;
  return `${String(Math.floor(span / DAY))} days`;
}

/** Milliseconds as "86 ms", "2.4 s". */
export const took = (milliseconds: number): string =>
  milliseconds < SECOND
    ? `${String(Math.max(0, Math.round(milliseconds)))} ms`
    : `${(milliseconds / SECOND).toFixed(1)} s`;

/** "1 token", "3 tokens", "1 204 calls": digits in groups that no language reads as a fraction. */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${grouped(count)} ${count === 1 ? one : many}`;

/** "91 204", never broken between two lines. */
export const grouped = (count: number | string): string => String(count).replace(/\B(?=(\d{3})+$)/g, '\u00a0');
