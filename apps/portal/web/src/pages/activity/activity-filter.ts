import { isTimeZone } from './zoned-time.js';

export const RANGES = { '1h': 3_600_000, '24h': 86_400_000, '7d': 604_800_000, '30d': 2_592_000_000 } as const;
export type Range = keyof typeof RANGES | 'all';
export type Outcome = 'success' | 'refused' | 'failed';
const OUTCOMES: readonly string[] = ['success', 'refused', 'failed'] satisfies Outcome[];

/** The address of the page: every filter, and which entry is open. */
export interface ActivitySearch {
  /** A span up to now; `from` and `to` are absent then. */
  readonly range?: Range;
  /** RFC 3339 UTC. */
  readonly from?: string;
  readonly to?: string;
  /** Event types, separated by commas. */
  readonly type?: string;
  readonly outcome?: Outcome;
  readonly user?: string;
  readonly actor?: string;
  readonly correlation?: string;
  readonly q?: string;
  readonly tz?: string;
  readonly entry?: string;
  readonly live?: 1;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const isRange = (text: string): text is Range => text in RANGES || text === 'all';
const isOutcome = (text: string): text is Outcome => OUTCOMES.includes(text);
const isInstant = (text: string): boolean => /^\d{4}-/.test(text) && !Number.isNaN(Date.parse(text));

/** What an address says that means something; the rest of it is left out, since a link may be old or made up. */
export function readSearch(raw: Readonly<Record<string, unknown>>): ActivitySearch {
  const text = (name: string, accepts: (value: string) => boolean): Record<string, string> => {
    const value = raw[name];
    // The router makes a number of what looks like one.
    const given =
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
    return given !== '' && accepts(given) ? { [name]: given } : {};
  };
  const span = { ...text('from', isInstant), ...text('to', isInstant) };
  return {
    ...(Object.keys(span).length > 0 ? span : text('range', isRange)),
    ...text('type', (value) => /^[a-z_.,]{1,500}$/.test(value)),
    ...text('outcome', isOutcome),
    ...text('user', (value) => UUID.test(value)),
    ...text('actor', (value) => UUID.test(value)),
    ...text('correlation', (value) => value.length <= 128),
    ...text('q', (value) => value.length <= 200),
    ...text('tz', isTimeZone),
    ...text('entry', (value) => UUID.test(value)),
    ...(String(raw['live']) === '1' && { live: 1 }),
  };
}

export const DEFAULT_RANGE: Range = '24h';

/** The filter as the server takes it. `now` in milliseconds since 1970: where a span that ends now begins is counted from it. */
export function toQuery(search: ActivitySearch, now: number): Record<string, string> {
  const { from, to, range = DEFAULT_RANGE } = search;
  const spanned = from !== undefined || to !== undefined || range === 'all';
  const given: Record<string, string | undefined> = {
    from: spanned ? from : new Date(now - RANGES[range]).toISOString(),
    to,
    event_type: search.type,
    outcome: search.outcome,
    user_id: search.user,
    actor_id: search.actor,
    correlation_id: search.correlation,
    q: search.q,
  };
  return Object.fromEntries(
    Object.entries(given).filter((member): member is [string, string] => member[1] !== undefined),
  );
}

/** What narrows the list beyond its span; the names are those of {@link ActivitySearch}. */
export const NARROWING = ['type', 'outcome', 'user', 'actor', 'correlation', 'q'] as const;

export const isNarrowed = (search: ActivitySearch): boolean => NARROWING.some((name) => search[name] !== undefined);
