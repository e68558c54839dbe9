import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The order in which entries arrive, and how each API user is used. */
export class Usage1795800240001 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      -- How far the log of each customer has come: one more with each batch that holds something of it. Whoever appends
      -- holds the row until the commit, so that a position is never seen before a smaller one.
      create table activity_head (
        customer_id uuid primary key,
        position bigint not null
      ) with (fillfactor = 50);
      insert into activity_head select distinct customer_id, 0 from activity;
      grant select on activity_head to audit;

      -- The entries that came with a position, for a day: what a stream tells. The log itself lies in order of time.
      create table activity_arrival (
        customer_id uuid not null,
        position bigint not null,
        arrived_at timestamptz not null default now(),
        occurred timestamptz(3)[] not null,
        ids uuid[] not null,
        primary key (customer_id, position)
      );
      create index activity_arrival_by_time on activity_arrival using brin (arrived_at);
      alter table activity_arrival enable row level security;
      create policy own_customer on activity_arrival for select
        using (customer_id = nullif(current_setting('rebelcore.customer_id', true), '')::uuid);
      grant select on activity_arrival to audit;

      -- Makes the tables of usage-v1 in the schema that comes first in the search path; a rebuild makes them in its own.
      create function make_usage_tables() returns void language plpgsql as $$
      declare
        made text;
      begin
        -- How is this API user used? Of two calls at the same moment the one with the greater id counts as the later.
        create table usage_v1 (
          customer_id uuid not null,
          api_user_id uuid not null,
          created_at timestamptz(3),
          active boolean not null default true,
          active_at timestamptz(3),
          active_id uuid,
          last_used_at timestamptz(3),
          last_used_id uuid,
          last_used_ip text,
          last_used_agent text,
          last_refused_at timestamptz(3),
          last_refused_id uuid,
          last_refused_ip text,
          last_refused_reason text,
          primary key (customer_id, api_user_id)
        ) with (fillfactor = 60);
        create table usage_hour_v1 (
          customer_id uuid not null,
          api_user_id uuid not null,
          hour timestamptz(0) not null,
          calls bigint not null,
          refused bigint not null,
          primary key (customer_id, api_user_id, hour)
        ) with (fillfactor = 60);
        create table usage_caller_v1 (
          customer_id uuid not null,
          api_user_id uuid not null,
          ip text collate "C" not null,
          agent text collate "C" not null,
          first_at timestamptz(3) not null,
          last_at timestamptz(3) not null,
          calls bigint not null,
          refused bigint not null,
          primary key (customer_id, api_user_id, ip, agent)
        ) with (fillfactor = 60);
        -- Tokens that were issued, by the minute in which they expire.
        create table usage_token_v1 (
          customer_id uuid not null,
          api_user_id uuid not null,
          minute timestamptz(0) not null,
          tokens bigint not null,
          last_expiry timestamptz(0) not null,
          primary key (customer_id, api_user_id, minute)
        ) with (fillfactor = 60);
        foreach made in array array['usage_v1', 'usage_hour_v1', 'usage_caller_v1', 'usage_token_v1'] loop
          execute format('alter table %I enable row level security', made);
          execute format('create policy own_customer on %I for select
            using (customer_id = nullif(current_setting(''rebelcore.customer_id'', true), '''')::uuid)', made);
          execute format('grant select on %I to audit', made);
        end loop;
      end $$;
      revoke all on function make_usage_tables() from public;
      select make_usage_tables();

      -- What batches of entries add to usage-v1, until somebody asks or a second is over: to add each batch by itself would
      -- cost as much as the log.
      create table usage_pending (
        deltas json not null
      );
      alter table usage_pending alter column deltas set storage external;

      -- Adds an array of them to the tables of usage-v1 that come first in the search path. Of what is told twice the later
      -- stays, and of two at the same moment the one with the greater id.
      create function add_usage(pending json) returns void language plpgsql as $$
      begin
        insert into usage_v1 as u
        select "customerId", "apiUserId", min("createdAt"), coalesce((array_agg(active order by "activeAt" desc nulls last, "activeId" desc))[1], true),
               max("activeAt"), (array_agg("activeId" order by "activeAt" desc nulls last, "activeId" desc))[1],
               max("usedAt"), (array_agg("usedId" order by "usedAt" desc nulls last, "usedId" desc))[1],
               (array_agg("usedIp" order by "usedAt" desc nulls last, "usedId" desc))[1],
               (array_agg("usedAgent" order by "usedAt" desc nulls last, "usedId" desc))[1],
               max("refusedAt"), (array_agg("refusedId" order by "refusedAt" desc nulls last, "refusedId" desc))[1],
               (array_agg("refusedIp" order by "refusedAt" desc nulls last, "refusedId" desc))[1],
               (array_agg("refusedReason" order by "refusedAt" desc nulls last, "refusedId" desc))[1]
          from json_array_elements(pending) as deltas cross join lateral json_to_recordset(deltas->'users')
            as delta ("customerId" uuid, "apiUserId" uuid, "createdAt" timestamptz,
            active boolean, "activeAt" timestamptz, "activeId" uuid, "usedAt" timestamptz, "usedId" uuid, "usedIp" text,
            "usedAgent" text, "refusedAt" timestamptz, "refusedId" uuid, "refusedIp" text, "refusedReason" text)
         group by 1, 2
        on conflict (customer_id, api_user_id) do update set
          created_at = coalesce(excluded.created_at, u.created_at),
          active = case when u.active_at is null or (excluded.active_at, excluded.active_id) > (u.active_at, u.active_id)
            then excluded.active else u.active end,
          active_id = case when u.active_at is null or (excluded.active_at, excluded.active_id) > (u.active_at, u.active_id)
            then excluded.active_id else u.active_id end,
          active_at = greatest(u.active_at, excluded.active_at),
          last_used_id = case when u.last_used_at is null or (excluded.last_used_at, excluded.last_used_id) > (u.last_used_at, u.last_used_id)
            then excluded.last_used_id else u.last_used_id end,
          last_used_ip = case when u.last_used_at is null or (excluded.last_used_at, excluded.last_used_id) > (u.last_used_at, u.last_used_id)
            then excluded.last_used_ip else u.last_used_ip end,
          last_used_agent = case when u.last_used_at is null or (excluded.last_used_at, excluded.last_used_id) > (u.last_used_at, u.last_used_id)
            then excluded.last_used_agent else u.last_used_agent end,
          last_used_at = greatest(u.last_used_at, excluded.last_used_at),
          last_refused_id = case when u.last_refused_at is null or (excluded.last_refused_at, excluded.last_refused_id) > (u.last_refused_at, u.last_refused_id)
            then excluded.last_refused_id else u.last_refused_id end,
          last_refused_ip = case when u.last_refused_at is null or (excluded.last_refused_at, excluded.last_refused_id) > (u.last_refused_at, u.last_refused_id)
            then excluded.last_refused_ip else u.last_refused_ip end,
          last_refused_reason = case when u.last_refused_at is null or (excluded.last_refused_at, excluded.last_refused_id) > (u.last_refused_at, u.last_refused_id)
            then excluded.last_refused_reason else u.last_refused_reason end,
          last_refused_at = greatest(u.last_refused_at, excluded.last_refused_at);

        insert into usage_hour_v1 as h
        select "customerId", "apiUserId", hour, sum(calls), sum(refused)
          from json_array_elements(pending) as deltas cross join lateral json_to_recordset(deltas->'hours')
            as delta ("customerId" uuid, "apiUserId" uuid, hour timestamptz, calls bigint, refused bigint)
         where hour > now() - interval '31 days' group by 1, 2, 3
        on conflict (customer_id, api_user_id, hour) do update set
          calls = h.calls + excluded.calls, refused = h.refused + excluded.refused;

        insert into usage_caller_v1 as c
        select "customerId", "apiUserId", ip, agent, min("firstAt"), max("lastAt"), sum(calls), sum(refused)
          from json_array_elements(pending) as deltas cross join lateral json_to_recordset(deltas->'callers')
            as delta ("customerId" uuid, "apiUserId" uuid, ip text, agent text, "firstAt" timestamptz,
              "lastAt" timestamptz, calls bigint, refused bigint)
         group by 1, 2, 3, 4
        on conflict (customer_id, api_user_id, ip, agent) do update set
          first_at = least(c.first_at, excluded.first_at), last_at = greatest(c.last_at, excluded.last_at),
          calls = c.calls + excluded.calls, refused = c.refused + excluded.refused;

        insert into usage_token_v1 as t
        select "customerId", "apiUserId", minute, sum(tokens), max("lastExpiry")
          from json_array_elements(pending) as deltas cross join lateral json_to_recordset(deltas->'tokens')
            as delta ("customerId" uuid, "apiUserId" uuid, minute timestamptz, tokens bigint, "lastExpiry" timestamptz)
         -- By the minute, so that it does not depend on how the tokens of one were divided among batches.
         where minute > now() - interval '1 minute' group by 1, 2, 3
        on conflict (customer_id, api_user_id, minute) do update set
          tokens = t.tokens + excluded.tokens, last_expiry = greatest(t.last_expiry, excluded.last_expiry);
      end $$;
      revoke all on function add_usage(json) from public;

      -- Hands out what is pending, a bounded part at once, to be added in the same transaction. One process at a time does it.
      create function take_pending_usage() returns setof json
      language plpgsql security definer set search_path = public, pg_temp as $$
      begin
        if not pg_try_advisory_xact_lock(hashtextextended('usage-v1', 0)) then return; end if;
        return query delete from usage_pending where ctid = any(array(select ctid from usage_pending limit 500))
                     returning deltas;
      end $$;
      revoke all on function take_pending_usage() from public;
      grant execute on function take_pending_usage() to audit;
      create function add_taken_usage(pending json) returns void
      language sql security definer set search_path = public, pg_temp as 'select add_usage(pending)';
      revoke all on function add_taken_usage(json) from public;
      grant execute on function add_taken_usage(json) to audit;

      -- Appends entries of these customers, once each, and what they add to the usage of API users. When some of them are
      -- there already nothing is added, and the answer says which were new: what those add is for add_new_usage. It runs as
      -- the owner, which alone writes: one batch carries many customers, and only what was really new has arrived.
      create function append_activity(entries json, customers uuid[], deltas json) returns uuid[]
      language plpgsql security definer set search_path = public, pg_temp as $$
      declare
        appended bigint;
      begin
        -- In the same order for everyone. What follows is of these customers alone, so nobody waits for it the other way round.
        insert into activity_head as h select id, 1 from unnest(customers) as id order by id
        on conflict (customer_id) do update set position = h.position + 1;

        with new_entry as (
          insert into activity (customer_id, occurred_at, id, user_id, actor_id, event_type, outcome, description, metadata,
                                correlation_id)
          select "customerId", "occurredAt", id, "userId", "actorId", "eventType", outcome, description, metadata,
                 "correlationId"
            from json_to_recordset(entries) as entry ("customerId" uuid, "occurredAt" timestamptz, id uuid, "userId" uuid,
              "actorId" uuid, "eventType" text, outcome text, description text, metadata json, "correlationId" text)
           order by "customerId", "occurredAt", id
              on conflict do nothing
          returning customer_id, occurred_at, id
        ), arrived as (
          insert into activity_arrival (customer_id, position, occurred, ids)
          select customer_id, position, array_agg(occurred_at), array_agg(id)
            from new_entry join activity_head using (customer_id) group by customer_id, position
          returning cardinality(ids) as entries
        )
        select coalesce(sum(arrived.entries), 0) into appended from arrived;

        if appended = json_array_length(entries) then
          if deltas is not null then insert into usage_pending values (deltas); end if;
          return null;
        end if;
        return array(select unnest(ids) from activity_arrival join activity_head using (customer_id, position)
                      where customer_id = any(customers));
      end $$;
      revoke all on function append_activity(json, uuid[], json) from public;
      grant execute on function append_activity(json, uuid[], json) to audit;
      drop policy append on activity;
      revoke insert on activity from audit;

      create function add_new_usage(deltas json) returns void
      language sql security definer set search_path = public, pg_temp as 'insert into usage_pending values (deltas)';
      revoke all on function add_new_usage(json) from public;
      grant execute on function add_new_usage(json) to audit;

      -- What nobody asks for any more.
      create function forget_usage() returns void
      language sql security definer set search_path = public, pg_temp as $$
        delete from activity_arrival where arrived_at < now() - interval '1 day';
        delete from usage_hour_v1 where hour < now() - interval '31 days';
        delete from usage_token_v1 where minute < now() - interval '1 hour';
      $$;
      revoke all on function forget_usage() from public;
      grant execute on function forget_usage() to audit;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
