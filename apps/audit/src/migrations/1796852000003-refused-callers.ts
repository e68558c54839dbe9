import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tells callers that were let in at some time from those that were only ever refused, who are forgotten after 30 days. */
export class RefusedCallers1796852000003 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      -- When a caller that was never let in was last refused: null for all others, so that counting their calls changes no index.
      alter table usage_caller_v1 add column
        only_refused_at timestamptz(3) generated always as (case when calls = 0 then last_at end) stored;
      create index usage_caller_v1_newest on usage_caller_v1 (customer_id, api_user_id, only_refused_at desc);

      -- A rebuild makes the same tables.
      create or replace function make_usage_tables() returns void language plpgsql as $$
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
          only_refused_at timestamptz(3) generated always as (case when calls = 0 then last_at end) stored,
          primary key (customer_id, api_user_id, ip, agent)
        ) with (fillfactor = 60);
        create index usage_caller_v1_newest on usage_caller_v1 (customer_id, api_user_id, only_refused_at desc);
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

      create or replace function forget_usage() returns void
      language sql security definer set search_path = public, pg_temp as $$
        delete from activity_arrival where arrived_at < now() - interval '1 day';
        delete from usage_hour_v1 where hour < now() - interval '31 days';
        delete from usage_token_v1 where minute < now() - interval '1 hour';
        delete from usage_caller_v1 where only_refused_at < now() - interval '30 days';
      $$;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
