import type { Temporal as TemporalApi } from 'temporal-polyfill';
import { bareClockMs, isRepeated, offsetMinutes } from '../../ui/time-format.js';

type Temporal = typeof TemporalApi;

/** The browser's own, or else the polyfill, fetched when it is first needed. */
export const loadTemporal = async (): Promise<Temporal> =>
  (globalThis as { Temporal?: Temporal }).Temporal ?? (await import('temporal-polyfill')).Temporal;

/** What somebody typed is no time in this zone; `rule` is shown at the field. */
export class NotATime extends Error {
  constructor(readonly rule: 'format' | 'skipped') {
    super(rule);
    this.name = 'NotATime';
  }
}

const HAS_OFFSET = /(?:Z|[+-]\d{2}:?\d{2})$/i;

/**
 * The instant that somebody means by `2026-11-27`, `2026-11-27 12:03`, `2026-11-27T12:03:04.120` in a zone, or by any of
 * them with an offset of its own. Of an hour that a clock goes through twice it is the first.
 *
 * @returns RFC 3339 UTC with milliseconds
 * @throws {NotATime} `skipped` for an hour that the clocks of that zone leave out
 */
export function instantOf(Temporal: Temporal, typed: string, timeZone: string): string {
  const text = typed.trim().replace(' ', 'T');
  try {
    if (text.includes('T') && HAS_OFFSET.test(text)) return atMillisecond(Temporal.Instant.from(text));
    const local = Temporal.PlainDateTime.from(text);
    const zoned = local.toZonedDateTime(timeZone, { disambiguation: 'compatible' });
    if (!zoned.toPlainDateTime().equals(local)) throw new NotATime('skipped');
    return atMillisecond(zoned.toInstant());
  } catch (error) {
    throw error instanceof NotATime ? error : new NotATime('format');
  }
}

const atMillisecond = (instant: TemporalApi.Instant): string => new Date(instant.epochMilliseconds).toISOString();

/** `2026-11-27 12:03:04.120` */
export function localTime(at: string, timeZone: string): string {
  const options = { year: 'numeric', month: '2-digit', day: '2-digit', timeZone } as const;
  const parts = new Intl.DateTimeFormat('en-GB', options).formatToParts(new Date(at));
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? '';
  return `${part('year')}-${part('month')}-${part('day')} ${bareClockMs(at, timeZone)}`;
}

/** {@link localTime} as {@link instantOf} reads it again: in an hour that comes twice with its offset, `…-05:00`. */
export const localText = (at: string, timeZone: string): string =>
  localTime(at, timeZone) + (isRepeated(at, timeZone) ? offsetText(offsetMinutes(at, timeZone)) : '');

/** `-05:00` */
function offsetText(minutes: number): string {
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${minutes < 0 ? '-' : '+'}${[hours, rest].map((each) => String(each).padStart(2, '0')).join(':')}`;
}

export const BROWSER_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
