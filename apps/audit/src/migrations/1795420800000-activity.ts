import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The activity log, append-only for the runtime role, and what its consumer keeps. */
export class Activity1795420800000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      -- What a consumer keeps beside its views: offsets, the last applied sequence per key, parked records, heartbeats.
      create table consumer_offset (
        view text not null,
        topic text not null,
        partition integer not null,
        next_offset bigint not null,
        primary key (view, topic, partition)
      ) with (fillfactor = 50);
      create table applied_sequence (
        view text not null,
        topic text not null,
        key text not null,
        sequence bigint not null,
        primary key (view, topic, key)
      ) with (fillfactor = 80);
      create table parked_record (
        view text not null,
        topic text not null,
        partition integer not null,
        "offset" bigint not null,
        key text,
        headers jsonb not null,
        value bytea,
        recorded_at timestamptz not null,
        code text not null,
        reason text not null,
        parked_at timestamptz not null default now(),
        primary key (view, topic, partition, "offset")
      );
      create index parked_record_key on parked_record (view, topic, key);
      create table heartbeat (
        topic text not null,
        at timestamptz not null,
        published jsonb not null,
        primary key (topic, at)
      );
      grant select, insert, update, delete on consumer_offset, applied_sequence, parked_record, heartbeat to audit;

      -- Who did what in this customer? The same event always has the same time and id, so the key keeps duplicates out.
      create table activity (
        customer_id uuid not null,
        occurred_at timestamptz(3) not null,
        id uuid not null,
        user_id uuid,
        event_type text collate "C" not null,
        outcome text collate "C" not null check (outcome in ('success', 'refused', 'failed')),
        description text not null,
        -- json, not jsonb: it is shown as it came and never searched, and costs no parsing on the way in.
        metadata json not null,
        correlation_id text collate "C" not null,
        primary key (customer_id, occurred_at, id)
      ) partition by range (occurred_at);

      -- Each filter of the list is one range of one index, read backwards from the cursor.
      create index activity_by_type on activity (customer_id, event_type, occurred_at, id);
      create index activity_by_user on activity (customer_id, user_id, occurred_at, id);
      create index activity_by_problem on activity (customer_id, outcome, occurred_at, id) where outcome <> 'success';
      create index activity_by_correlation on activity (customer_id, correlation_id);
      -- Ids are ordered by time nearly always, so this one grows at its right edge.
      create index activity_by_id on activity (id);

      -- A reader sees one customer's entries, in a transaction opened for that customer. Appending is open, since one
      -- batch carries many customers. The names are those of withinCustomer().
      alter table activity enable row level security;
      create policy own_customer on activity for select
        using (customer_id = nullif(current_setting('rebelcore.customer_id', true), '')::uuid);
      create policy append on activity for insert with check (true);
      grant select, insert on activity to audit;

      -- Makes the partitions of these months. It runs as the owner, so that the service needs no right to create. A table
      -- that is made first and then attached takes no lock that readers or writers of the log wait for.
      create function ensure_activity_months(months date[]) returns void
      language plpgsql security definer set search_path = public, pg_temp as $$
      declare
        month timestamp;
        partition text;
      begin
        foreach month in array months loop
          month := date_trunc('month', month);
          partition := 'activity_' || to_char(month, 'YYYY_MM');
          continue when to_regclass(partition) is not null;
          if month < timestamp '2020-01-01' or month > now() at time zone 'utc' + interval '1 year' then
            raise exception 'there is no activity in %', to_char(month, 'YYYY-MM') using errcode = '22008';
          end if;
          -- Attaching takes this lock in any case. Only a lock on a table makes what others have just made visible here.
          lock table activity in share update exclusive mode;
          continue when to_regclass(partition) is not null;
          execute format('create table %I (like activity including defaults including constraints)', partition);
          execute format('alter table activity attach partition %I for values from (%L) to (%L)', partition,
            month at time zone 'utc', (month + interval '1 month') at time zone 'utc');
        end loop;
      end $$;
      revoke all on function ensure_activity_months(date[]) from public;
      grant execute on function ensure_activity_months(date[]) to audit;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
