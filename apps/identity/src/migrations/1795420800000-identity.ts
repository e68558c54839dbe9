import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The event store, the outbox, what a consumer keeps, and the tables of identity's own. */
export class Identity1795420800000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      -- An event is never changed or deleted, so the role cannot.
      create table event (
        stream_id uuid not null,
        version integer not null check (version > 0),
        stream_type text not null,
        customer_id uuid not null,
        sequence bigint not null check (sequence > 0),
        event_id uuid not null,
        type text not null,
        schema_version smallint not null,
        data jsonb not null,
        occurred_at timestamptz not null,
        correlation_id text not null,
        causation_id text,
        traceparent text,
        primary key (stream_id, version),
        unique (customer_id, sequence)
      );
      create table customer_head (
        customer_id uuid primary key,
        sequence bigint not null
      ) with (fillfactor = 50);
      create table claim (
        scope text not null,
        key text not null,
        customer_id uuid not null,
        stream_id uuid not null,
        primary key (scope, key)
      );
      grant select, insert on event to identity;
      grant select, insert, update on customer_head to identity;
      grant select, insert on claim to identity;

      -- A row stays until it has been published, so a transaction that commits late is never skipped.
      create table outbox (
        id bigint generated always as identity primary key,
        topic text not null,
        key text not null,
        headers json not null,
        value text not null
      ) with (
        -- Every row is deleted within milliseconds: vacuum by count, or the head of the index fills with dead entries.
        autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_insert_scale_factor = 0,
        autovacuum_vacuum_insert_threshold = 20000, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000
      );
      grant select, insert, delete on outbox to identity;

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
      grant select, insert, update, delete on consumer_offset, applied_sequence, parked_record, heartbeat to identity;

      -- Who are the users of my customer? Written in the transaction of the event.
      create table user_v1 (
        customer_id uuid not null,
        id uuid not null,
        type text not null check (type in ('portal', 'api')),
        owner boolean not null,
        status text not null check (status in ('active', 'inactive')),
        username text,
        label text,
        role_id uuid,
        role_name text,
        replaces uuid,
        created_at timestamptz not null,
        -- The customer's sequence of the event that gave the user its status.
        status_sequence bigint not null,
        primary key (customer_id, id)
      ) with (fillfactor = 90);
      create index user_v1_by_status on user_v1 (customer_id, type, status, id);
      alter table user_v1 enable row level security;
      create policy own_customer on user_v1
        using (customer_id = nullif(current_setting('rebelcore.customer_id', true), '')::uuid);
      grant select, insert, update on user_v1 to identity;

      -- Personal data and the argon2id hash: here and nowhere else, so that a person can be forgotten.
      create table portal_user_private (
        customer_id uuid not null,
        portal_user_id uuid not null,
        email text not null,
        first_name text not null,
        last_name text not null,
        password_hash text not null,
        primary key (customer_id, portal_user_id)
      );
      alter table portal_user_private enable row level security;
      create policy own_customer on portal_user_private
        using (customer_id = nullif(current_setting('rebelcore.customer_id', true), '')::uuid);
      grant select, insert on portal_user_private to identity;

      -- From here the credentials topic could be written again. The service itself never reads a verifier back.
      create table api_user_credential (
        customer_id uuid not null,
        api_user_id uuid primary key,
        pepper_version text not null,
        verifier text not null
      );
      alter table api_user_credential enable row level security;
      create policy own_customer on api_user_credential
        using (customer_id = nullif(current_setting('rebelcore.customer_id', true), '')::uuid);
      grant insert on api_user_credential to identity;

      -- Since when is a state of an API user in force at the token service?
      create table enforcement_v1 (
        api_user_id uuid primary key,
        customer_id uuid not null,
        sequence bigint not null,
        state text not null,
        applied_at timestamptz not null
      ) with (fillfactor = 80);
      grant select, insert, update on enforcement_v1 to identity;

      create table session (
        token_hash bytea primary key,
        id uuid not null unique,
        customer_id uuid not null,
        portal_user_id uuid not null,
        created_at timestamptz not null,
        expires_at timestamptz not null,
        last_seen_at timestamptz not null
      ) with (fillfactor = 80);
      create index session_by_expiry on session (expires_at);
      grant select, insert, update, delete on session to identity;

      create table signing_key (
        kid text primary key,
        sealed_private_key bytea not null,
        created_at timestamptz not null default now()
      );
      grant select, insert on signing_key to identity;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
