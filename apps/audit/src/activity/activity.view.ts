import type { Pool, PoolClient } from 'pg';
import { usageOf } from '../usage/usage-fold.js';
import type { ActivityEntry } from './entry.js';

/** Name of the view and, after `audit.`, of its consumer group. */
export const ACTIVITY_VIEW = 'activity-v1';

const MONTHS_AHEAD = 3;

/** Makes the partitions of this month and the next ones, so that hardly any batch has to. */
export async function ensureMonths(pool: Pool): Promise<void> {
  await pool.query(
    `select ensure_activity_months(array(
       select (date_trunc('month', now() at time zone 'utc') + n * interval '1 month')::date
         from generate_series(0, $1) as n))`,
    [MONTHS_AHEAD],
  );
}

/**
 * One call for all entries, which go as one JSON text: that costs Node and Postgres less than an array per column. What
 * they add to the usage of API users goes with them, and again without those that turn out to be there already.
 */
export async function append(tx: PoolClient, entries: readonly ActivityEntry[]): Promise<void> {
  const months = new Set(entries.map(({ occurredAt }) => `${occurredAt.slice(0, 7)}-01`));
  await tx.query({
    name: 'activity.months',
    text: 'select ensure_activity_months($1::date[])',
    values: [[...months]],
  });
  const customers = new Set(entries.map(({ customerId }) => customerId));
  const { rows } = await tx.query<{ fresh: string[] | null }>({
    name: 'activity.append',
    text: 'select append_activity($1, $2, $3) as fresh',
    values: [JSON.stringify(entries), [...customers], asDeltas(entries)],
  });
  const fresh = rows[0]?.fresh;
  if (fresh === null || fresh === undefined) return;
  const ids = new Set(fresh);
  // A record may hold the same entry twice.
  const once = entries.filter(({ id }) => ids.delete(id));
  const deltas = asDeltas(once);
  if (deltas !== null) await tx.query({ name: 'usage.add', text: 'select add_new_usage($1)', values: [deltas] });
}

function asDeltas(entries: readonly ActivityEntry[]): string | null {
  const usage = usageOf(entries);
  return usage.isEmpty ? null : JSON.stringify(usage);
}
