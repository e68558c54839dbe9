import { inDatabase } from './databases.js';

export interface Multitude {
  readonly customerId: string;
  /** Users of the customer. */
  readonly users: number;
  /** Entries of all customers; half of them are the customer's. */
  readonly entries: number;
  /** Other customers, each with ten users. */
  readonly others: number;
}

/** A UUID as version 7 makes them: in the order of `time`, a timestamp, and with a rest that depends on `seed`, a text. */
const uuid7 = (time: string, seed: string) => `(
  overlay(overlay(lpad(to_hex((extract(epoch from ${time}) * 1000)::bigint), 12, '0') placing '-' from 9 for 0)
    placing '-7' from 14 for 0) || substr(md5(${seed}), 1, 3) || '-8' || substr(md5(${seed}), 4, 3) || '-'
    || substr(md5(${seed}), 7, 12))::uuid`;
/** A user number `n` of a customer: made a minute before the next one. */
const userId = (customer: string, n: string) =>
  uuid7(`(timestamptz '2026-01-01 00:00Z' + ${n} * interval '1 minute')`, `'user' || ${n} || ${customer}`);

/** Fills the tables that the pages read, as the owner of each database; as many at once as one statement can. */
export async function bringMultitude({ customerId, users, entries, others }: Multitude): Promise<void> {
  const crowd = `(
    select $1::uuid as customer_id, n from generate_series(1, $2::int) as n
    union all select md5('customer' || c)::uuid, n from generate_series(1, $3::int) as c, generate_series(1, 10) as n) as crowd`;
  const values = [customerId, users, others];
  await inDatabase('identity', async (db) => {
    await db.query(
      `insert into user_v1 (customer_id, id, type, owner, status, username, label, role_id, role_name, created_at, status_sequence)
       select customer_id, id, case when n % 5 = 0 then 'portal' else 'api' end, false,
              case when n % 7 = 0 then 'inactive' else 'active' end,
              case when n % 5 > 0 then id || '@api.rebelcore.local' end,
              case when n % 5 > 0 then 'service ' || n || ' · production' end,
              '0198a1de-0000-7000-8000-000000000003', 'RebelCore_AgentUser', timestamptz '2026-01-01 00:00Z' + n * interval '1 minute', 1
         from (select *, ${userId('customer_id', 'n')} as id from ${crowd}) as numbered`,
      values,
    );
    await db.query(`
      insert into portal_user_private (customer_id, portal_user_id, email, first_name, last_name)
      select customer_id, id, id || '@example.test', 'Person', substr(id::text, 25) from user_v1 where type = 'portal'
      on conflict do nothing`);
    await db.query(`
      insert into enforcement_v1 (api_user_id, customer_id, sequence, state, applied_at, state_since)
      select id, customer_id, 1, status, created_at, created_at from user_v1 where type = 'api' on conflict do nothing`);
    await db.query('analyze user_v1, portal_user_private, enforcement_v1');
  });
  await inDatabase('audit', async (db) => {
    await db.query(
      `insert into usage_v1 (customer_id, api_user_id, created_at, active, last_used_at, last_used_ip)
       select customer_id, ${userId('customer_id', 'n')}, timestamptz '2026-01-01 00:00Z' + n * interval '1 minute',
              n % 7 > 0, case when n % 3 > 0 then now() - n * interval '1 minute' end, '192.0.2.1'
         from ${crowd} where n % 5 > 0`,
      values,
    );
    const since = `now() - interval '60 days'`;
    await db.query(
      `select ensure_activity_months(array(select generate_series(date_trunc('month', ${since}), now(), '1 month')::date))`,
    );
    // An entry every five seconds of sixty days, at a million.
    await db.query(
      `insert into activity (customer_id, occurred_at, id, user_id, event_type, outcome, description, metadata, correlation_id)
       select customer_id, at, ${uuid7('at', `'entry' || n`)}, user_id,
              case when n % 4 = 0 then 'api.authorize' else 'api.call' end,
              case when n % 50 = 0 then 'refused' else 'success' end,
              case when n % 4 = 0 then 'API user ' || user_id || ' was authorized'
                   else 'API user ' || user_id || ' called POST /api/v1/infer' end,
              '{"ip":"192.0.2.1","status":200}', md5('correlation' || n)
         from (select *, ${userId('customer_id', 'who')} as user_id
                 from (select n, ${since} + n * (interval '60 days' / $2::int) as at,
                              -- Whoever is no multiple of five is an API user.
                              case when n % 2 = 0 then (n / 2 % ($3::int / 5)) * 5 + 1 else 1 end as who,
                              case when n % 2 = 0 then $1::uuid else md5('customer' || (1 + n % $4::int))::uuid end as customer_id
                         from generate_series(1, $2::int) as n) as when_and_whose) as entry`,
      [customerId, entries, users, others],
    );
    await db.query('vacuum analyze activity');
    await db.query('analyze usage_v1');
  });
}
