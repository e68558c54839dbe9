/**
 * SQL of the tables of the event store, with what the service's runtime role may do to them. An event is never changed or
 * deleted, so the role cannot; a name can be given up. A migration repeats it word for word, and a test says whether a service's tables are still
 * these; the outbox comes from `@rebelcore/messaging/schema`.
 */
export const eventStoreTables = (role: string): string => `
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
  create table store_identity (
    one boolean primary key default true check (one),
    id uuid not null default gen_random_uuid(),
    verified_life text
  );
  insert into store_identity default values;
  create table published_topic (
    topic text primary key,
    incarnation uuid,
    next_offsets bigint[] not null
  );
  ${['event', 'customer_head', 'claim'].map(ofCustomers).join('')}
  grant select, update on store_identity to ${role};
  grant select, insert, update on published_topic to ${role};
  grant select, insert on event to ${role};
  grant select, insert, update on customer_head to ${role};
  grant select, insert, delete on claim to ${role};
`;

/** Rows of one customer, or of all for whoever says so, see `withinCustomer` and `acrossCustomers`. */
const ofCustomers = (table: string): string => `
  alter table ${table} enable row level security, force row level security;
  create policy own_customer on ${table}
    using (customer_id = nullif(current_setting('rebelcore.customer_id', true), '')::uuid);
  create policy every_customer on ${table} using (current_setting('rebelcore.every_customer', true) = 'on');
`;
