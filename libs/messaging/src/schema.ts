/**
 * SQL of the tables this library works on, in the current schema. A migration repeats the text instead of calling these
 * functions, so that a later version of them does not change what an older database got.
 */

/**
 * The outbox. A row stays until it has been published, so a transaction that commits late is never skipped.
 *
 * @param role the runtime role, granted what appending and relaying need
 */
export const outboxTables = (role: string): string => `
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
grant select, insert, delete on outbox to ${identifier(role)};
`;

/**
 * What a consumer keeps beside its views: offsets, the last applied sequence per key and the ids up to it, parked records,
 * heartbeats, since when they count, and what they have said against each other.
 *
 * @param role the runtime role, granted what consuming needs
 */
export const consumerTables = (role: string): string => `
create table consumer_offset (
  view text not null,
  topic text not null,
  partition integer not null,
  next_offset bigint not null,
  incarnation uuid,
  partitions integer,
  primary key (view, topic, partition)
) with (fillfactor = 50);
create table applied_sequence (
  view text not null,
  topic text not null,
  key text not null,
  sequence bigint not null,
  primary key (view, topic, key)
) with (fillfactor = 80);
create table applied_run (
  view text not null,
  topic text not null,
  key text not null,
  first_sequence bigint not null,
  ids text[] not null,
  primary key (view, topic, key, first_sequence)
);
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
-- Of a key that is held up a batch asks for the first record alone, and health for the oldest of all.
create index parked_record_key on parked_record (view, topic, partition, key, "offset");
create index parked_record_age on parked_record (view, parked_at);
create table heartbeat (
  topic text not null,
  at timestamptz not null,
  published jsonb not null,
  incarnations jsonb not null,
  store_id uuid not null,
  store_position bigint not null,
  arrival bigint generated always as identity,
  arrived_at timestamptz not null default clock_timestamp(),
  primary key (topic, at)
);
create table database_life (
  view text primary key,
  life text not null,
  published jsonb not null,
  incarnations jsonb not null
);
create table store_contradiction (
  topic text primary key,
  at timestamptz not null,
  reason text not null,
  noticed_at timestamptz not null default now()
);
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
grant select, insert, update on consumer_offset, applied_sequence, applied_run, database_life to ${identifier(role)};
grant delete on consumer_offset, applied_sequence, applied_run to ${identifier(role)};
grant select, insert, update, delete on parked_record, heartbeat to ${identifier(role)};
grant select, insert on topic_gap, store_contradiction to ${identifier(role)};
`;

const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
