export interface Hour {
  /** The beginning of the hour, RFC 3339. */
  readonly at: string;
  readonly calls: number;
  readonly refused: number;
}

/** One bar of the chart, in its own coordinates: `width` wide from 0, `height` high from the top. */
export interface Bar {
  /** The beginning of the span in milliseconds. */
  readonly from: number;
  readonly calls: number;
  readonly refused: number;
  readonly x: number;
  /** Heights of both parts; refusals stand on top of the calls that were answered. */
  readonly answered: number;
  readonly refusedHeight: number;
}

export interface Bars {
  readonly bars: readonly Bar[];
  readonly barWidth: number;
  /** The most calls of one span; 0 when there were none. */
  readonly most: number;
  readonly calls: number;
  readonly refused: number;
}

const HOUR = 3_600_000;

/** When each of the last 24 hours began, the present one last; on the clock of UTC, as hours are counted. */
export const lastHours = (now: number): number[] =>
  Array.from({ length: 24 }, (_, index) => (Math.floor(now / HOUR) + index - 23) * HOUR);

/** When each of the last 30 days began where the browser is, today last; one on which clocks change is longer or shorter. */
export function lastDays(now: number): number[] {
  const today = new Date(now);
  const [year, month, day] = [today.getFullYear(), today.getMonth(), today.getDate()];
  return Array.from({ length: 30 }, (_, index) => new Date(year, month, day + index - 29).getTime());
}

/**
 * Sums hours up to spans, and gives each a place. An hour belongs to the span in which it begins.
 *
 * @param starts when each span begins, the last of which is not over
 * @param box width and height of the drawing; a span with anything in it is at least `MIN_HEIGHT` high
 */
export function usageBars(
  hours: readonly Hour[],
  starts: readonly number[],
  box: { readonly width: number; readonly height: number },
): Bars {
  const sums = starts.map(() => ({ calls: 0, refused: 0 }));
  for (const { at, calls, refused } of hours) {
    const sum = sums[starts.findLastIndex((start) => start <= Date.parse(at))];
    if (sum === undefined) continue;
    sum.calls += calls;
    sum.refused += refused;
  }
  const most = Math.max(0, ...sums.map(({ calls, refused }) => calls + refused));
  const step = box.width / starts.length;
  const heightOf = (n: number): number =>
    n === 0 ? 0 : Math.max(MIN_HEIGHT, Math.round((n / most) * box.height * 10) / 10);
  return {
    bars: sums.map(({ calls, refused }, index) => ({
      from: starts[index] ?? 0,
      calls,
      refused,
      x: Math.round(index * step * 100) / 100,
      answered: heightOf(calls),
      refusedHeight: heightOf(refused),
    })),
    barWidth: Math.round(Math.max(1, step - GAP) * 100) / 100,
    most,
    calls: sums.reduce((sum, { calls }) => sum + calls, 0),
    refused: sums.reduce((sum, { refused }) => sum + refused, 0),
  };
}

const MIN_HEIGHT = 2;
const GAP = 2;
