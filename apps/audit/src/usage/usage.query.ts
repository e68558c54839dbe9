import { withinCustomer } from '@rebelcore/event-store/customer-scope';
import { Cursors, cutPage } from '@rebelcore/service/cursor';
import type { Pool, PoolClient } from 'pg';
import { z } from 'zod';

export const USAGE_FLAGS = ['unused', 'never_used', 'stopped_calling', 'refused_from_new_place'] as const;
export type UsageFlag = (typeof USAGE_FLAGS)[number];

/** How one API user is used, as lists show it. */
export interface UsageItem {
  readonly id: string;
  readonly last_used_at: Date | null;
  readonly last_used_ip: string | null;
  readonly last_refused_at: Date | null;
  readonly calls_30d: number;
  readonly refused_30d: number;
  readonly live_tokens: number;
  readonly last_expiry: Date | null;
  readonly flags: readonly UsageFlag[];
}

export interface UsageOfOne extends UsageItem {
  readonly last_used_agent: string | null;
  readonly last_refused_ip: string | null;
  readonly last_refused_reason: string | null;
  /** 30 days, oldest first; only hours in which something happened. */
  readonly hours: readonly { readonly at: Date; readonly calls: number; readonly refused: number }[];
  /** 20 at most. Those that were ever let in come first, so that nobody hides them by being refused; the newest first of each. */
  readonly callers: readonly {
    readonly ip: string;
    readonly user_agent: string;
    readonly first_at: Date;
    readonly last_at: Date;
    readonly calls: number;
    readonly refused: number;
  }[];
}

export interface UsagePage {
  readonly items: readonly UsageItem[];
  readonly next_cursor: string | null;
}

export const DEFAULT_UNUSED_DAYS = 30;

const listPosition = z.object({ id: z.uuid() });

/** The hours that count; what is older may have been forgotten. */
const SINCE = `now() - interval '30 days'`;

/** Each of `$2` is a number of days. */
const FLAGS: Readonly<Record<UsageFlag, string>> = {
  unused: `coalesce(u.last_used_at, u.created_at) < now() - $2::int * interval '1 day'`,
  never_used: 'u.last_used_at is null',
  // An hourly job is missed after a day, a nightly one after three.
  stopped_calling: `(u.last_used_at < now() - interval '24 hours' and exists (
    select from (select count(*) as hours, max(pause) as longest
      from (select hour - lag(hour) over (order by hour) as pause from usage_hour_v1 h
             where (h.customer_id, h.api_user_id) = (u.customer_id, u.api_user_id) and h.calls > 0
               and hour > ${SINCE}) as called) as habit
     where hours >= 10 and now() - u.last_used_at > 3 * longest))`,
  refused_from_new_place: `(u.last_refused_at > ${SINCE} and not exists (select from usage_caller_v1 c
     where (c.customer_id, c.api_user_id, c.ip) = (u.customer_id, u.api_user_id, u.last_refused_ip) and c.only_refused_at is null))`,
};

const ITEM = `u.api_user_id as id, u.last_used_at, u.last_used_ip, u.last_refused_at,
  coalesce(h.calls, 0)::float8 as calls_30d, coalesce(h.refused, 0)::float8 as refused_30d,
  coalesce(t.tokens, 0)::float8 as live_tokens, t.last_expiry,
  array_remove(array[${USAGE_FLAGS.map((flag) => `case when ${FLAGS[flag]} then '${flag}' end`).join(', ')}], null) as flags`;

/** Of API users alone: calls that bear another id leave something behind that has no beginning. */
const FROM = `from usage_v1 u
  left join lateral (select sum(calls) as calls, sum(refused) as refused from usage_hour_v1 h
    where (h.customer_id, h.api_user_id) = (u.customer_id, u.api_user_id) and hour > ${SINCE}) h on true
  left join lateral (select sum(tokens) as tokens, max(last_expiry) as last_expiry from usage_token_v1 t
    where (t.customer_id, t.api_user_id) = (u.customer_id, u.api_user_id) and t.last_expiry > now()) t on true
  where u.customer_id = $1 and u.created_at is not null`;

/** How the API users of one customer are used. It follows the log within about a second. */
export class UsageQuery {
  private readonly cursors: Cursors<z.infer<typeof listPosition>>;

  constructor(
    private readonly pool: Pool,
    cursorKey: Buffer,
  ) {
    this.cursors = new Cursors(cursorKey, 'usage', listPosition);
  }

  /** Undefined as well when the API user is another customer's. */
  ofOne(customerId: string, id: string): Promise<UsageOfOne | undefined> {
    return withinCustomer(this.pool, customerId, async (tx) => {
      const { rows } = await tx.query<Omit<UsageOfOne, 'hours' | 'callers'>>(
        `select ${ITEM}, u.last_used_agent, u.last_refused_ip, u.last_refused_reason ${FROM} and u.api_user_id = $3`,
        [customerId, DEFAULT_UNUSED_DAYS, id],
      );
      const [item] = rows;
      if (item === undefined) return undefined;
      return { ...item, hours: await hoursOf(tx, customerId, id), callers: await callersOf(tx, customerId, id) };
    });
  }

  /** Those of the ids that are API users of the customer, in no order. */
  ofMany(customerId: string, ids: readonly string[]): Promise<UsageItem[]> {
    return withinCustomer(this.pool, customerId, async (tx) => {
      const sql = `select ${ITEM} ${FROM} and u.api_user_id = any($3::uuid[])`;
      return (await tx.query<UsageItem>(sql, [customerId, DEFAULT_UNUSED_DAYS, ids])).rows;
    });
  }

  /**
   * With a flag, the active ones that have it; without, all. Newest first.
   *
   * @throws {ProblemException} 400 for a cursor that was not made for this customer and filter
   */
  async page(
    customerId: string,
    filter: { readonly flag?: UsageFlag | undefined; readonly unused_days: number },
    cursor: string | undefined,
    limit: number,
  ): Promise<UsagePage> {
    const { flag, unused_days: days } = filter;
    const after = this.cursors.decode(cursor, customerId, filter);
    const flagged = flag === undefined ? '' : `and u.active and ${FLAGS[flag]}`;
    const sql = `select ${ITEM} ${FROM} ${flagged} and ($3::uuid is null or u.api_user_id < $3::uuid)
      order by u.api_user_id desc limit ${limit + 1}`;
    const found = await withinCustomer(this.pool, customerId, (tx) =>
      tx.query<UsageItem>(sql, [customerId, days, after?.id ?? null]),
    );
    const { rows, last } = cutPage(found.rows, limit);
    return {
      items: rows,
      next_cursor: last === undefined ? null : this.cursors.encode({ id: last.id }, customerId, filter),
    };
  }
}

async function hoursOf(tx: PoolClient, customerId: string, id: string): Promise<UsageOfOne['hours']> {
  const sql = `select hour as at, calls::float8, refused::float8 from usage_hour_v1
    where customer_id = $1 and api_user_id = $2 and hour > ${SINCE} order by hour`;
  return (await tx.query<UsageOfOne['hours'][number]>(sql, [customerId, id])).rows;
}

async function callersOf(tx: PoolClient, customerId: string, id: string): Promise<UsageOfOne['callers']> {
  const sql = `select ip, agent as user_agent, first_at, last_at, calls::float8, refused::float8 from usage_caller_v1
    where customer_id = $1 and api_user_id = $2
    order by only_refused_at desc nulls first, last_at desc, ip, agent limit 20`;
  return (await tx.query<UsageOfOne['callers'][number]>(sql, [customerId, id])).rows;
}
