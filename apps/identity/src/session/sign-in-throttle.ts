/** So many failures are free, and one more after each `refillMs` without any. */
export interface ThrottleLimits {
  readonly burst: number;
  readonly refillMs: number;
}

export interface SignInThrottleLimits {
  /** Of one account from one source: who mistypes is one person at one place. */
  readonly accountAndSource: ThrottleLimits;
  /** From one source for whichever accounts: an office may be one, and so may somebody who tries a list of addresses. */
  readonly source: ThrottleLimits;
  /** How many of both are remembered; those that were quiet longest are forgotten first. */
  readonly remembered: number;
}

const LIMITS: SignInThrottleLimits = {
  accountAndSource: { burst: 10, refillMs: 60_000 },
  source: { burst: 100, refillMs: 6_000 },
  remembered: 50_000,
};

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
 * Slows guessing down by counting failures, by account and source and by source alone: the owner of an account is not
 * locked out by somebody elsewhere who knows the address. What has begun counts as failed until it ends, or a thousand
 * guesses at the same moment would all be before the first failure. In this process's memory, as a replica's share.
 */
export class SignInThrottle {
  /** In the order of their last use. */
  private readonly counts = new Map<string, FailureCount>();

  constructor(
    private readonly limits: SignInThrottleLimits = LIMITS,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @param account any name that is the same for every spelling of the address, known or not */
  begin(account: string, source: string): Attempt | Throttled {
    const now = this.now();
    const { accountAndSource, source: ofSource } = this.limits;
    const own = this.countOf(`${source} ${account}`, accountAndSource);
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
