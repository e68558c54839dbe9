import { setTimeout as delay } from 'node:timers/promises';
import { withClient } from './system.mjs';

const COUNT = `
  select query, calls::int as calls from pg_stat_statements
   where userid = (select oid from pg_roles where rolname = $1)
     and dbid = (select oid from pg_database where datname = current_database())
     and query !~* '^(begin|commit|rollback|set|listen)'`;

/**
 * Statements of a role per call of `load`, by pg_stat_statements. What the service does anyway, counted over a quiet
 * time of the same length, is taken off.
 *
 * @param load runs about `seconds` and answers `{total}` calls
 */
export async function statementsPerCall(superuserUrl, role, seconds, load) {
  return withClient(superuserUrl, async (client) => {
    const during = async (work) => {
      await client.query('select pg_stat_statements_reset()');
      const result = await work();
      const { rows } = await client.query(COUNT, [role]);
      return [new Map(rows.map(({ query, calls }) => [query, calls])), result];
    };
    const [quiet] = await during(() => delay(seconds * 1_000));
    const [busy, { total }] = await during(load);
    let [reads, writes] = [0, 0];
    for (const [query, calls] of busy) {
      // Work on a timer falls into one of the two times once more or less.
      const extra = calls - (quiet.get(query) ?? 0);
      if (extra <= Math.max(2, (quiet.get(query) ?? 0) * 0.2)) continue;
      if (/^\s*(with|select)/i.test(query) && !/\b(insert into|update|delete from)\b/i.test(query)) reads += extra;
      else writes += extra;
    }
    return { reads, writes, readsPerCall: reads / total, writesPerCall: writes / total };
  });
}
