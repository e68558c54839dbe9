import { ArrivalClock } from './arrival-clock.js';

describe('when a request came at the earliest', () => {
  let clock: number;
  let arrivals: ArrivalClock;
  const tickAt = (at: number) => {
    clock = at;
    arrivals.tick();
  };

  beforeEach(() => {
    clock = 10_000;
    arrivals = new ArrivalClock(() => clock);
  });

  it('is at the last tick of a process that runs, however late that was', () => {
    tickAt(10_250);
    tickAt(11_150);
    clock = 11_300;
    expect(arrivals.earliest()).toBe(11_150);
  });

  it('is before a standstill for what is read when it ends', () => {
    tickAt(10_250);
    clock = 40_250;
    expect(arrivals.earliest()).toBe(10_250);
  });

  it('is before the standstill for what is read in the ticks that follow', () => {
    tickAt(10_250);
    tickAt(40_250);
    tickAt(40_500);
    clock = 42_200;
    expect(arrivals.earliest()).toBe(10_250);
  });

  it('is at the last tick again when all that came in the standstill has been read', () => {
    tickAt(10_250);
    for (let at = 40_250; at <= 42_250; at += 250) tickAt(at);
    clock = 42_400;
    expect(arrivals.earliest()).toBe(42_250);
  });
});
