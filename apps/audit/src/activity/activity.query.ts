import { withinCustomer } from '@rebelcore/event-store/customer-scope';
import { Cursors, cutPage } from '@rebelcore/service/cursor';
import { foldedSql } from '@rebelcore/service/text';
import type { Pool, PoolClient } from 'pg';
import { z } from 'zod';
import type { ActivityFilter } from './activity-filter.js';
import type { EventType, Outcome } from './entry.js';

/** An entry as auditors see it. */
export interface ActivityItem {
  readonly id: string;
  readonly customer_id: string;
  readonly user_id: string | null;
  readonly event_type: EventType;
  readonly occurred_at: Date;
  readonly outcome: Outcome;
  readonly description: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly correlation_id: string;
}

export interface ActivityPage {
  readonly items: readonly ActivityItem[];
  readonly next_cursor: string | null;
}

/** After an entry in the order of the log; `at` in milliseconds since 1970. */
const listPosition = z.object({ at: z.int(), id: z.uuid() });
type ListPosition = z.infer<typeof listPosition>;

const COLUMNS = 'id, customer_id, user_id, event_type, occurred_at, outcome, description, metadata, correlation_id';
const NEWEST_FIRST = 'order by occurred_at desc, id desc';

/** Entries that one page of a text search looks at; the next page goes on where it ended. */
const SEARCHED_AT_ONCE = 20_000;

/** Reads the log of one customer at a time, newest first. */
export class ActivityQuery {
  private readonly cursors: Cursors<ListPosition>;

  constructor(
    private readonly pool: Pool,
    cursorKey: Buffer,
  ) {
    this.cursors = new Cursors(cursorKey, 'activity', listPosition);
  }

  /**
   * One page. The position in the log is the cursor's alone, so entries that arrive meanwhile move nothing. With `q` a page
   * may hold fewer entries than asked for, even none; the end is where `next_cursor` is null.
   *
   * @throws {ProblemException} 400 for a cursor that was not made for this customer and filter
   */
  async page(
    customerId: string,
    filter: ActivityFilter,
    cursor: string | undefined,
    limit: number,
  ): Promise<ActivityPage> {
    const after = this.cursors.decode(cursor, customerId, filter);
    const { items, next } = await withinCustomer(this.pool, customerId, async (tx) => {
      const where = conditions(customerId, filter, after);
      const { q } = filter;
      return q === undefined ? list(tx, where, limit) : search(tx, where, q, limit);
    });
    return { items, next_cursor: next === undefined ? null : this.cursors.encode(next, customerId, filter) };
  }

  /** Undefined as well when the entry is another customer's. */
  async byId(customerId: string, id: string): Promise<ActivityItem | undefined> {
    const sql = `select ${COLUMNS} from activity where customer_id = $1 and id = $2 limit 1`;
    return withinCustomer(
      this.pool,
      customerId,
      async (tx) => (await tx.query<ActivityItem>(sql, [customerId, id])).rows[0],
    );
  }
}

interface Found {
  readonly items: readonly ActivityItem[];
  /** Where the next page begins; undefined at the end. */
  readonly next: ListPosition | undefined;
}

async function list(tx: PoolClient, where: Conditions, limit: number): Promise<Found> {
  const sql = newest(where, limit + 1);
  return pageOf((await tx.query<ActivityItem>(sql, where.values)).rows, limit);
}

/**
 * Looks for a text in the next entries that the other filters let through, a bounded number of them at once: in descriptions,
 * and as our id of a request or the caller's. What a caller calls its requests only ever adds to what is found.
 */
async function search(tx: PoolClient, where: Conditions, q: string, limit: number): Promise<Found> {
  const text = where.add(q);
  const isFound = `strpos(${foldedSql('description')}, ${foldedSql(text)}) > 0
                   or correlation_id = ${text} or metadata ->> 'caller_correlation_id' = ${text}`;
  const sql = `
    with searched as materialized (
      ${newest(where, SEARCHED_AT_ONCE)}
    ), found as (
      select * from searched where ${isFound}
      ${NEWEST_FIRST} limit ${limit + 1}
    ), last as (
      select * from searched order by occurred_at, id limit 1
    )
    select true as is_match, * from found
    union all
    select false, * from last where (select count(*) from searched) = ${SEARCHED_AT_ONCE}`;
  const { rows } = await tx.query<ActivityItem & { is_match?: boolean }>(sql, where.values);
  const last = rows.find((row) => row.is_match === false);
  const matches = rows.filter((row) => row !== last);
  for (const row of matches) delete row.is_match;
  if (matches.length > limit) return pageOf(matches, limit);
  return { items: matches, next: last && positionOf(last) };
}

/**
 * The newest entries that match. Each of several types is one range of the index, read as far as the whole may need it:
 * asked for together, rare types would have Postgres look through all the others.
 */
function newest({ text, types }: Conditions, limit: number): string {
  const select = `select ${COLUMNS} from activity where ${text}`;
  if (types === undefined) return `${select} ${NEWEST_FIRST} limit ${limit}`;
  return `select ${COLUMNS} from unnest(${types}::text[]) as one_type cross join lateral
    (${select} and event_type = one_type ${NEWEST_FIRST} limit ${limit}) as of_type ${NEWEST_FIRST} limit ${limit}`;
}

interface Conditions {
  readonly text: string;
  /** How the SQL names the event types, where they are several. */
  readonly types: string | undefined;
  readonly values: unknown[];
  /** Adds a parameter and returns how the SQL names it. */
  add(value: unknown): string;
}

function conditions(customerId: string, filter: ActivityFilter, after: ListPosition | undefined): Conditions {
  const values: unknown[] = [];
  const add = (value: unknown) => `$${values.push(value)}`;
  const all = [`customer_id = ${add(customerId)}`];
  if (filter.from !== undefined) all.push(`occurred_at >= ${add(filter.from)}`);
  if (filter.to !== undefined) all.push(`occurred_at < ${add(filter.to)}`);
  const [one, ...more] = filter.event_type ?? [];
  if (one !== undefined && more.length === 0) all.push(`event_type = ${add(one)}`);
  const types = more.length === 0 ? undefined : add([one, ...more]);
  if (filter.user_id !== undefined) all.push(`user_id = ${add(filter.user_id)}`);
  if (filter.actor_id !== undefined) all.push(`actor_id = ${add(filter.actor_id)}`);
  if (filter.correlation_id !== undefined) all.push(`correlation_id = ${add(filter.correlation_id)}`);
  if (filter.outcome !== undefined) all.push(`outcome = ${add(filter.outcome)}`);
  // Says again what the line before implies, so that the partial index of the rare outcomes is considered.
  if (filter.outcome !== undefined && filter.outcome !== 'success') all.push(`outcome <> 'success'`);
  if (after !== undefined) {
    const at = add(new Date(after.at));
    // A comparison of pairs alone leaves out no partition.
    all.push(`occurred_at <= ${at}`, `(occurred_at, id) < (${at}, ${add(after.id)})`);
  }
  return { text: all.join(' and '), types, values, add };
}

function pageOf(found: readonly ActivityItem[], limit: number): Found {
  const { rows, last } = cutPage(found, limit);
  return { items: rows, next: last && positionOf(last) };
}

const positionOf = ({ occurred_at, id }: ActivityItem): ListPosition => ({ at: occurred_at.getTime(), id });
