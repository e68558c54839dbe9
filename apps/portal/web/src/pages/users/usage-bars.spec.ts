import { lastDays, lastHours, usageBars } from './usage-bars.js';

const now = Date.parse('2026-11-27T11:12:30.500Z');
const hours = lastHours(now);
const box = { width: 300, height: 50 };

describe('bars of usage', () => {
  const at = (time: string, calls = 1, refused = 0) => ({ at: time, calls, refused });

  it('sums hours up to spans', () => {
    const starts = ['2026-11-25T12:00:00Z', '2026-11-26T12:00:00Z'].map((start) => Date.parse(start));
    const { bars, calls, refused, most } = usageBars(
      [at('2026-11-27T11:00:00Z', 4, 1), at('2026-11-26T12:00:00Z', 3), at('2026-11-26T11:00:00Z', 10)],
      starts,
      box,
    );
    expect(bars).toHaveLength(2);
    expect(bars[1]).toMatchObject({ from: starts[1], calls: 7, refused: 1, x: 150 });
    expect(bars[0]).toMatchObject({ calls: 10, refused: 0, answered: 50, refusedHeight: 0 });
    expect({ calls, refused, most }).toEqual({ calls: 17, refused: 1, most: 10 });
  });

  it('are the last 24 hours, the present one last', () => {
    expect(hours).toHaveLength(24);
    expect([hours[0], hours[23]]).toEqual(['2026-11-26T12:00Z', '2026-11-27T11:00Z'].map((start) => Date.parse(start)));
  });

  it('are days of the zone of whoever looks, each once, also where clocks change', () => {
    const starts = lastDays(new Date(2026, 2, 31, 23, 30).getTime());
    const days = Array.from({ length: 30 }, (_, index) => new Date(2026, 2, 2 + index).getTime());
    expect(starts).toEqual(days);
  });

  it('leave out what lies before', () => {
    const { calls, most } = usageBars([at('2026-11-26T11:00:00Z', 5)], hours, box);
    expect({ calls, most }).toEqual({ calls: 0, most: 0 });
  });

  it('keeps a single refusal in sight beside a million calls', () => {
    const { bars } = usageBars([{ at: '2026-11-27T11:00:00Z', calls: 1_000_000, refused: 1 }], hours, box);
    expect(bars[23]?.refusedHeight).toBe(2);
  });

  it('draws nothing where nothing happened', () => {
    const { bars } = usageBars([], hours, box);
    expect(bars.every(({ answered, refusedHeight }) => answered === 0 && refusedHeight === 0)).toBe(true);
  });
});
