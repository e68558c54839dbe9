import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The authorization view, what a consumer keeps, the outbox of acknowledgements, and the signing keys. */
export class Token1795420800000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
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
      grant select, insert, delete on outbox to token;

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
      grant select, insert, update, delete on consumer_offset, applied_sequence, parked_record, heartbeat to token;

      -- May this username and password authorize, and as whom? A row is never deleted: without it a redelivered old
      -- event could open the door again. State and verifier come from two topics, in either order.
      create table authorization_v1 (
        api_user_id uuid not null,
        customer_id uuid not null,
        username text not null,
        role_id uuid,
        role text,
        status text check (status in ('active', 'inactive')),
        -- identity's sequence of the event that the state is from
        sequence bigint,
        correlation_id text,
        event_id text,
        verifier text,
        pepper_version text,
        -- the last sequence that was acknowledged with ApiUserAuthorizationApplied
        acknowledged bigint not null default 0,
        primary key (api_user_id),
        unique (username)
      ) with (fillfactor = 85);
      grant select, insert, update on authorization_v1 to token;

      -- The gap-free ce_sequence of this service's own events, per customer.
      create table customer_sequence (
        customer_id uuid primary key,
        sequence bigint not null
      ) with (fillfactor = 85);
      grant select, insert, update on customer_sequence to token;

      create table signing_key (
        kid text primary key,
        sealed_private_key bytea not null,
        created_at timestamptz not null default now()
      );
      grant select, insert on signing_key to token;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
