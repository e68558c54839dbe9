/** So many failures are free, and one more after each `refillMs` without any. */
export interface ThrottleLimits {
  readonly burst: number;
  readonly refillMs: number;
}

export interface FailureLimits {
  /** Of one name from one source: who mistypes is one person, or one application, at one place. */
  readonly nameAndSource: ThrottleLimits;
  /** From one source for whichever names: an office may be one, and so may somebody who tries a list of names. */
  readonly source: ThrottleLimits;
  /** How many of both are remembered; those that were quiet longest are forgotten first. */
  readonly remembered: number;
}

/** Not now. `failures`: too many of them, else too many whose outcome is open. Seconds. */
export interface Throttled {
  readonly because: 'failures' | 'in-flight';
  readonly retryAfter: number;
}

/** To be ended once, whatever comes of it. */
export interface Attempt {
  end(outcome: 'failed' | 'passed' | 'undecided'): void;
}

/**
 * Slows guessing down by counting failures, by name and source and by source alone: the owner of a name is not locked out by
 * somebody elsewhere who knows it. In this process's memory, as a replica's share.
 *
 * Where checking costs much, an attempt is refused before it (`begin`): what has begun counts as failed until it ends, or a thousand
 * guesses at the same moment would all be before the first failure. Where it costs little, it is checked first and only what failed
 * is counted (`failed`), so that who is right is never refused.
 */
export class FailureThrottle {
  /** In the order of their last use. */
  private readonly counts = new Map<string, FailureCount>();

  constructor(
    private readonly limits: FailureLimits,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @param name short, and the same for every spelling, known or not */
  begin(name: string, source: string): Attempt | Throttled {
    const now = this.now();
    const { nameAndSource, source: ofSource } = this.limits;
    const own = this.countOf(`${source} ${name}`, nameAndSource);
    const all = this.countOf(source, ofSource);
    const throttled = [own, all].map((count) => count.throttled(now)).filter((each) => each !== undefined);
    const longest = throttled.sort((a, b) => b.retryAfter - a.retryAfter)[0];
    if (longest !== undefined) return longest;
    own.inFlight++;
    all.inFlight++;
    return {
      end: (outcome) => {
        own.end(outcome === 'failed', this.now());
        all.end(outcome === 'failed', this.now());
        // Whoever is in was no guesser; what others did from there still counts for the source.
        if (outcome === 'passed') own.forget();
      },
    };
  }

  /** Counts what was checked and has failed. Seconds to wait, when there were too many before it; undefined otherwise. */
  failed(name: string, source: string): number | undefined {
    const attempt = this.begin(name, source);
    if ('because' in attempt) return attempt.retryAfter;
    attempt.end('failed');
    return undefined;
  }

  private countOf(key: string, limits: ThrottleLimits): FailureCount {
    const count = this.counts.get(key) ?? new FailureCount(limits);
    this.counts.delete(key);
    this.counts.set(key, count);
    if (this.counts.size > this.limits.remembered) this.forgetOldest();
    return count;
  }

  private forgetOldest(): void {
    for (const [key, { inFlight }] of this.counts) {
      if (inFlight > 0) continue;
      this.counts.delete(key);
      return;
    }
  }
}

class FailureCount {
  inFlight = 0;
  private failures = 0;
  private countedAt = 0;

  constructor(private readonly limits: ThrottleLimits) {}

  throttled(now: number): Throttled | undefined {
    const { burst, refillMs } = this.limits;
    const failures = this.failuresAt(now);
    if (failures > burst - 1) {
      return { because: 'failures', retryAfter: Math.ceil(((failures - burst + 1) * refillMs) / 1000) };
    }
    return failures + this.inFlight > burst - 1 ? { because: 'in-flight', retryAfter: 1 } : undefined;
  }

  end(isFailure: boolean, now: number): void {
    this.inFlight--;
    if (!isFailure) return;
    this.failures = this.failuresAt(now) + 1;
    this.countedAt = now;
  }

  forget(): void {
    this.failures = 0;
  }

  private failuresAt(now: number): number {
    return Math.max(0, this.failures - (now - this.countedAt) / this.limits.refillMs);
  }
}
