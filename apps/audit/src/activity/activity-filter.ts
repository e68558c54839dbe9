import { limited } from '@rebelcore/service/text';
import { z } from 'zod';
import { EVENT_TYPES, OUTCOMES, type EventType, type Outcome } from './entry.js';

/** What a reader of the log may ask for; what is not given lets everything through. */
export interface ActivityFilter {
  /** Entries at or after it. RFC 3339 UTC, milliseconds. */
  readonly from?: string | undefined;
  /** Entries before it. */
  readonly to?: string | undefined;
  /** Sorted, each once. */
  readonly event_type?: readonly EventType[] | undefined;
  readonly user_id?: string | undefined;
  /** The portal user who made the change that an entry tells. */
  readonly actor_id?: string | undefined;
  readonly correlation_id?: string | undefined;
  readonly outcome?: Outcome | undefined;
  /** The correlation id of entries, ours or the caller's, or part of their description. */
  readonly q?: string | undefined;
}

/** RFC 3339 as Postgres takes it too: offsets that are in use somewhere, and no more digits than a nanosecond has. */
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-](0\d|1[0-5]):[0-5]\d)$/;
const [FIRST, LAST] = [Date.parse('0001-01-01T00:00:00Z'), Date.parse('9999-12-31T00:00:00Z')];

/** A moment in UTC, whatever zone and precision it came in; the log knows milliseconds. */
const moment = z
  .string()
  // RFC 3339 knows small letters as well.
  .toUpperCase()
  .refine((text) => MOMENT.test(text) && DATETIME.safeParse(text).success, {
    error: 'must be an RFC 3339 time, such as 2026-11-23T07:00:00Z',
  })
  .refine((text) => Date.parse(text) >= FIRST && Date.parse(text) <= LAST, {
    error: 'must be in the years 1 to 9999',
    when: ({ issues }) => issues.length === 0,
  })
  .meta({ format: 'date-time' })
  .transform((text) => {
    // Nothing lies between two milliseconds: what begins after the one begins with the other.
    const isBetween = /\.\d{3}\d*[1-9]/.test(text);
    return new Date(Date.parse(text) + (isBetween ? 1 : 0)).toISOString();
  });

const DATETIME = z.iso.datetime({ offset: true });

/** `a,b` and `a` twice with another name are the same list. */
const eventTypes = z
  .union([z.string(), z.array(z.string())])
  .transform((given) => [...new Set([given].flat().flatMap((list) => list.split(',')))].sort())
  .pipe(
    z.array(z.string()).refine((types): types is EventType[] => types.every(isEventType), {
      error: 'is not an event type of this log',
    }),
  )
  .meta({ description: 'Any of these types; several are separated by commas, or the parameter is repeated.' });

const isEventType = (type: string): type is EventType => (EVENT_TYPES as readonly string[]).includes(type);

const text = limited({ min: 1, max: 200 });
const uuid = z.uuid({ error: 'must be a UUID' }).toLowerCase();

/** The filters of the log as they stand in a query; all of them are optional. */
export const activityFilter = {
  from: moment.optional(),
  to: moment.optional(),
  event_type: eventTypes.optional(),
  user_id: uuid.optional().meta({ description: 'The user that an entry is about, or who called.' }),
  actor_id: uuid.optional().meta({ description: 'The portal user who made the change.' }),
  correlation_id: text.optional(),
  outcome: z.enum(OUTCOMES, { error: `must be one of ${OUTCOMES.join(', ')}` }).optional(),
  q: text.optional().meta({ description: 'A correlation id, ours or the caller’s, or part of a description.' }),
};

/** To be refined with {@link isForwards}. */
export const isForwards = ({ from, to }: Pick<ActivityFilter, 'from' | 'to'>): boolean =>
  from === undefined || to === undefined || from <= to;
export const BACKWARDS = { path: ['to'], error: 'must not be before from' };
