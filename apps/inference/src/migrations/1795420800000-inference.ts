import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which spec belongs to which customer, and what a consumer keeps. */
export class Inference1795420800000 implements MigrationInterface {
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
      grant select, insert, update, delete on consumer_offset, applied_sequence, parked_record, heartbeat to inference;

      create table spec_v1 (
        spec_id text primary key,
        customer_id uuid not null
      );
      grant select, insert on spec_v1 to inference;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
