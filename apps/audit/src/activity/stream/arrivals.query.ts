import { withinCustomer } from '@rebelcore/event-store/customer-scope';
import type { Pool } from 'pg';
import type { ActivityItem } from '../activity.query.js';

/** An entry with what filters ask of it besides what is shown. */
export type ArrivedEntry = ActivityItem & { readonly actor_id: string | null };

/**
 * A place in the order in which the entries of one customer arrived: after the entry with this index among those that
 * came with the position.
 */
export interface Place {
  readonly position: number;
  readonly index: number;
}

/** The index after all entries of a position. */
export const WHOLE = 2 ** 31;

/** An entry with the place after it. */
export interface Arrival extends Place {
  readonly entry: ArrivedEntry;
}

export interface ArrivedPage {
  readonly arrivals: readonly Arrival[];
  /** Everything up to here is on the page. */
  readonly end: number;
}

/** Positions on a page; each holds what one batch brought. */
const PAGE = 8;

/** Reads entries in the order of their arrival, which no late entry escapes: the log's own order is that of time. */
export class ArrivalsQuery {
  constructor(private readonly pool: Pool) {}

  /** The newest position of each of these customers; those without any entry are absent. */
  async heads(customerIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.pool.query<{ customer_id: string; position: string }>({
      name: 'arrivals.heads',
      text: 'select customer_id, position from activity_head where customer_id = any($1::uuid[])',
      values: [customerIds],
    });
    return new Map(rows.map((row) => [row.customer_id, Number(row.position)]));
  }

  /** What came at `position` and after it, as far as one page goes. */
  async from(customerId: string, position: number): Promise<ArrivedPage> {
    const { rows } = await withinCustomer(this.pool, customerId, (tx) =>
      tx.query<ArrivedEntry & { position: string; index: string }>({
        name: 'arrivals.from',
        text: `
          select a.position, n.index, e.id, e.customer_id, e.user_id, e.actor_id, e.event_type, e.occurred_at, e.outcome, e.description,
                 e.metadata, e.correlation_id
            from (select * from activity_arrival where customer_id = $1 and position >= $2
                   order by position limit ${PAGE}) a
           cross join lateral unnest(a.occurred, a.ids) with ordinality as n (occurred_at, id, index)
            join activity e on (e.customer_id, e.occurred_at, e.id) = (a.customer_id, n.occurred_at, n.id)
           order by a.position, n.index`,
        values: [customerId, position],
      }),
    );
    const arrivals = rows.map(({ position: at, index, ...entry }) => ({
      position: Number(at),
      index: Number(index),
      entry,
    }));
    return { arrivals, end: arrivals.at(-1)?.position ?? position };
  }
}
