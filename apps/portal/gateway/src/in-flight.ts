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
  private all = 0;
  private readonly ofParty = new Map<string, number>();

  constructor(private readonly bounds: InFlightBounds) {}

  /** Until what it returns is called, once. */
  begin(): (() => void) | Crowded {
    if (this.all >= this.bounds.most) return 'all';
    this.all += 1;
    return () => {
      this.all -= 1;
    };
  }

  /** The same on behalf of a party, besides. */
  beginFor(party: string): (() => void) | Crowded {
    const count = this.ofParty.get(party) ?? 0;
    if (count >= this.bounds.mostOfOne) return 'party';
    this.ofParty.set(party, count + 1);
    return () => {
      const left = (this.ofParty.get(party) ?? 1) - 1;
      if (left === 0) this.ofParty.delete(party);
      else this.ofParty.set(party, left);
    };
  }
}
