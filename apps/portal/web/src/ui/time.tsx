import { clockMs, dayAndTime, fromNow, inFull, type Instant } from './time-format.js';

/** A point in time; the whole of it under the pointer and for those who ask. */
export function Time({
  at,
  as = 'day',
  zone,
}: {
  at: Instant;
  /** `day`: Sat 28 Nov, 11:40. `clock`: 12:03:04.120. `relative`: 3 min. ago. */
  as?: 'day' | 'clock' | 'relative';
  zone?: string;
}) {
  const text = { day: dayAndTime, clock: clockMs, relative: (instant: Instant) => fromNow(instant) }[as](at, zone);
  return (
    <time dateTime={new Date(at).toISOString()} title={inFull(at, zone)}>
      {text}
    </time>
  );
}
