import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What offsets and heartbeats count in: a topic's incarnation, the store's identity, and what a topic has lost. */
export class WhatPositionsCount1796610000000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      alter table consumer_offset add column incarnation uuid;

      -- Those that are there prove nothing, for they do not tell whose they are; the next one comes in two seconds.
      delete from heartbeat;
      alter table heartbeat
        add column incarnations jsonb not null,
        add column store_id uuid not null,
        add column store_position bigint not null,
        -- In which order they came; at does not tell when a clock was set back.
        add column arrival bigint generated always as identity;

      -- Records that a view will never see in this topic.
      create table topic_gap (
        view text not null,
        topic text not null,
        partition integer not null,
        incarnation uuid not null,
        kind text not null,
        from_offset bigint not null,
        to_offset bigint,
        noticed_at timestamptz not null default now(),
        primary key (view, topic, partition, incarnation, kind, from_offset)
      );
      grant select, insert on topic_gap to inference;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
