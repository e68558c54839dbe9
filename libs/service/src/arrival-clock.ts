const TICK_MS = 250;
const STANDSTILL_MS = 1_000;
/** So long after a standstill what came in it is still being read. */
const AFTERMATH_MS = 2_000;

/**
 * When the request that is being read came at the earliest, by the clock `now`. A process that was stopped and goes on
 * reads what has lain in its sockets meanwhile, and cannot see how long; whoever sent it has given up, and may have asked
 * another replica for the opposite since.
 */
export class ArrivalClock {
  private tickedAt: number;
  private standstill = { since: 0, readUntil: -Infinity };

  constructor(private readonly now: () => number) {
    this.tickedAt = now();
  }

  /** For this process, by the clock of `performance.now()`. */
  static ofProcess(): ArrivalClock {
    const arrivals = new ArrivalClock(() => performance.now());
    setInterval(() => {
      arrivals.tick();
    }, TICK_MS).unref();
    return arrivals;
  }

  earliest(): number {
    const { since, readUntil } = this.standstill;
    return this.now() < readUntil ? since : this.tickedAt;
  }

  /** To be called every {@link TICK_MS}: when it was not, the process stood still. */
  tick(): void {
    const now = this.now();
    if (now - this.tickedAt > STANDSTILL_MS) this.standstill = { since: this.tickedAt, readUntil: now + AFTERMATH_MS };
    this.tickedAt = now;
  }
}
