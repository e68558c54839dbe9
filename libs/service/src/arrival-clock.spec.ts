import { ArrivalClock } from './arrival-clock.js';

describe('when a request came at the earliest', () => {
  let clock: number;
  let arrivals: ArrivalClock;
  const turnAt = (at: number) => {
    clock = at;
    arrivals.tick();
  };

  beforeEach(() => {
    clock = 10_000;
    arrivals = new ArrivalClock(() => clock);
  });

  it('is at the last turn of a process that runs, however late that was', () => {
    turnAt(10_250);
    turnAt(11_150);
    clock = 11_300;
    expect(arrivals.earliest()).toBe(11_150);
  });

  it('is before a standstill for what is read when it ends', () => {
    turnAt(10_250);
    clock = 40_250;
    expect(arrivals.earliest()).toBe(10_250);
  });

  it('is before the standstill for what is read in the turns that follow', () => {
    turnAt(10_250);
    turnAt(40_250);
    turnAt(40_500);
    clock = 42_200;
    expect(arrivals.earliest()).toBe(10_250);
  });

  it('is at the last turn again when all that came in the standstill has been read', () => {
    turnAt(10_250);
    for (let at = 40_250; at <= 42_250; at += 250) turnAt(at);
    clock = 42_400;
    expect(arrivals.earliest()).toBe(42_250);
  });
});
