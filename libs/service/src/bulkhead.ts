import { ProblemException } from './problem.js';

export interface BulkheadLimits {
  /** Of one party. */
  readonly atOnce: number;
  /** Milliseconds that what comes beyond them waits for a place. */
  readonly waitMs?: number;
}

interface Places {
  taken: number;
  /** Each takes over the place of somebody who leaves, first come first. */
  readonly queue: Set<() => void>;
}

/**
 * Lets only so much of one kind of work be under way at once for each party, such as a customer, so that none of them takes all of
 * what everybody needs. A place is free again when its work is done: hanging up frees none.
 */
export class Bulkhead {
  private readonly parties = new Map<string, Places>();

  constructor(
    private readonly limits: BulkheadLimits,
    private readonly refusal: () => ProblemException = tooManyOfYours,
  ) {}

  /** @throws {ProblemException} the refusal, where no place became free in time */
  async run<T>(party: string, work: () => Promise<T>): Promise<T> {
    const leave = this.tryEnter(party) ?? (await this.nextPlace(party));
    try {
      return await work();
    } finally {
      leave();
    }
  }

  /** The way out, to be taken once; undefined where no place is free. */
  tryEnter(party: string): (() => void) | undefined {
    const places = this.placesOf(party);
    if (places.taken >= this.limits.atOnce) return undefined;
    places.taken += 1;
    return this.wayOut(party, places);
  }

  private nextPlace(party: string): Promise<() => void> {
    const places = this.placesOf(party);
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    const enter = () => {
      clearTimeout(timer);
      resolve(this.wayOut(party, places));
    };
    const timer = setTimeout(() => {
      places.queue.delete(enter);
      reject(this.refusal());
    }, this.limits.waitMs);
    places.queue.add(enter);
    return promise;
  }

  private placesOf(party: string): Places {
    const places = this.parties.get(party) ?? { taken: 0, queue: new Set() };
    this.parties.set(party, places);
    return places;
  }

  private wayOut(party: string, places: Places): () => void {
    return () => {
      const [next] = places.queue;
      if (next !== undefined) {
        places.queue.delete(next);
        next();
        return;
      }
      places.taken -= 1;
      if (places.taken === 0) this.parties.delete(party);
    };
  }
}

function tooManyOfYours(): ProblemException {
  const detail = 'Too many of your requests are under way; please try again.';
  return new ProblemException(429, 'request.crowded', detail, { retryAfter: 1 });
}
