import { usageBars } from './usage-bars.js';

const now = Date.parse('2026-11-27T11:12:30.500Z');
const days = { count: 30, spanHours: 24 };
const box = { width: 300, height: 50 };

describe('bars of usage', () => {
  it('sums hours up to spans that end with the present hour', () => {
    const { bars, calls, refused, most } = usageBars(
      [
        { at: '2026-11-27T11:00:00Z', calls: 4, refused: 1 },
        { at: '2026-11-26T12:00:00Z', calls: 3, refused: 0 },
        { at: '2026-11-26T11:00:00Z', calls: 10, refused: 0 },
      ],
      now,
      days,
      box,
    );
    expect(bars).toHaveLength(30);
    expect(bars[29]).toMatchObject({ from: Date.parse('2026-11-26T12:00:00Z'), calls: 7, refused: 1, x: 290 });
    expect(bars[28]).toMatchObject({ calls: 10, refused: 0, answered: 50, refusedHeight: 0 });
    expect({ calls, refused, most }).toEqual({ calls: 17, refused: 1, most: 10 });
  });

  it('leaves out what lies before and after', () => {
    const { calls, most } = usageBars(
      [
        { at: '2026-10-27T11:00:00Z', calls: 5, refused: 0 },
        { at: '2026-11-27T12:00:00Z', calls: 5, refused: 0 },
      ],
      now,
      days,
      box,
    );
    expect({ calls, most }).toEqual({ calls: 0, most: 0 });
  });

  it('keeps a single refusal in sight beside a million calls', () => {
    const { bars } = usageBars([{ at: '2026-11-27T11:00:00Z', calls: 1_000_000, refused: 1 }], now, days, box);
    expect(bars[29]?.refusedHeight).toBe(2);
  });

  it('draws nothing where nothing happened', () => {
    const { bars } = usageBars([], now, { count: 24, spanHours: 1 }, box);
    expect(bars.every(({ answered, refusedHeight }) => answered === 0 && refusedHeight === 0)).toBe(true);
  });
});
