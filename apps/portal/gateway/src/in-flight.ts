import { Bulkhead } from '@rebelcore/service/bulkhead';

/** What bounds the requests of a group of routes that a service has yet to answer. */
export interface InFlightBounds {
  /** All together. */
  readonly most: number;
  /** Of one party: a session, a customer. */
  readonly mostOfOne: number;
}

/** Who asked has too many requests under way, or all together have. */
export type Crowded = 'party' | 'all';

/**
 * Counts requests that are under way to a service, so that neither a queue grows without end nor one customer fills it. What
 * is too much is refused at once: nothing waits here.
 */
export class InFlight {
  private readonly all: Bulkhead;
  private readonly parties: Bulkhead;

  constructor({ most, mostOfOne }: InFlightBounds) {
    this.all = new Bulkhead({ atOnce: most });
    this.parties = new Bulkhead({ atOnce: mostOfOne });
  }

  /** Until what it returns is called, once. */
  begin(): (() => void) | Crowded {
    return this.all.tryEnter('') ?? 'all';
  }

  /** The same on behalf of a party, besides. */
  beginFor(party: string): (() => void) | Crowded {
    return this.parties.tryEnter(party) ?? 'party';
  }
}
