import { escapeLiteral } from 'pg';
import type { OutgoingRecord } from '@rebelcore/messaging/publish/publisher';
import { insertIntoOutbox, outboxColumns } from '@rebelcore/messaging/relay/outbox';
import type { StoredEvent } from './aggregate.js';
import { LIFE } from './store-guard.js';

/** Who asks, and what asked for it. Every read and write of the store is of one customer. */
export interface AppendContext {
  readonly customerId: string;
  readonly correlationId: string;
  readonly causationId?: string;
  readonly traceparent?: string;
  /** By the clock of `performance.now()`: later nothing is committed any more. */
  readonly writeBy?: number;
  /** Names to be taken in the same transaction; each belongs to the stream given, until it is released. */
  readonly claims?: readonly Claim[];
}

export interface Claim {
  /** What must be unique: `portal-user.email`. */
  readonly scope: string;
  /** The value itself, or its hash where it is personal. At most some hundred bytes. */
  readonly key: string;
  readonly streamId: string;
}

/** An event as the append writes it. */
export interface AppendedEvent {
  readonly streamType: string;
  readonly recording: { readonly id: string; readonly streamId: string; readonly version: number };
  readonly stored: StoredEvent;
  /** What is published of it. */
  readonly records: readonly OutgoingRecord[];
}

/**
 * The whole append as one statement. `head` locks the customer's row here and not before the decision, so that the lock
 * lasts from this statement to the commit alone; whoever waits for it continues with the next number, which makes the
 * sequence gap-free and lets outbox ids rise in the order of the sequence. A taken version or claim fails the statement
 * by its primary key.
 *
 * Parameters: 1 customer, 2 number of events, 3 time, 4 correlation id, 5 causation id, 6 traceparent; events
 * 7 stream ids, 8 versions, 9 stream types, 10 event ids, 11 types, 12 schema versions, 13 data; claims 14 scopes,
 * 15 keys, 16 stream ids; outbox 17 positions within the append, 18 topics, 19 keys, 20 headers, 21 values.
 * Answers one row: the sequence before the first event, and the store's life.
 */
export const APPEND = `
  with head as (
    insert into customer_head as h (customer_id, sequence) values ($1::uuid, $2::bigint)
    on conflict (customer_id) do update set sequence = h.sequence + excluded.sequence
    returning h.sequence - $2::bigint as before
  ), stored as (
    insert into event (stream_id, version, stream_type, customer_id, sequence, event_id, type, schema_version, data,
                       occurred_at, correlation_id, causation_id, traceparent)
    select e.stream_id, e.version, e.stream_type, $1::uuid, head.before + e.position, e.event_id, e.type,
           e.schema_version, e.data::jsonb, $3::timestamptz, $4::text, $5::text, $6::text
    from head, unnest($7::uuid[], $8::integer[], $9::text[], $10::uuid[], $11::text[], $12::smallint[], $13::text[])
      with ordinality as e (stream_id, version, stream_type, event_id, type, schema_version, data, position)
  ), claimed as (
    insert into claim (scope, key, customer_id, stream_id)
    select c.scope, c.key, $1::uuid, c.stream_id
    from unnest($14::text[], $15::text[], $16::uuid[]) as c (scope, key, stream_id)
  ), queued as (
    ${insertIntoOutbox(`(
      select o.topic, o.key, o.value, o.position,
             (o.headers::jsonb || jsonb_build_object('ce_sequence', (head.before + o.event)::text))::json as headers
      from head, unnest($17::integer[], $18::text[], $19::text[], $20::text[], $21::text[])
        with ordinality as o (event, topic, key, headers, value, position)) as r`)}
  )
  select before, ${LIFE} as life from head
`;

/** The parameters of {@link APPEND}. */
export const appendParameters = (
  { customerId, correlationId, causationId, traceparent, claims = [] }: AppendContext,
  time: Date,
  events: readonly AppendedEvent[],
): unknown[] => [
  customerId,
  events.length,
  time,
  correlationId,
  causationId,
  traceparent,
  events.map(({ recording }) => recording.streamId),
  events.map(({ recording }) => recording.version),
  events.map(({ streamType }) => streamType),
  events.map(({ recording }) => recording.id),
  events.map(({ stored }) => stored.type),
  events.map(({ stored }) => stored.schemaVersion),
  events.map(({ stored }) => JSON.stringify(stored.data)),
  claims.map(({ scope }) => scope),
  claims.map(({ key }) => key),
  claims.map(({ streamId }) => streamId),
  events.flatMap(({ records }, index) => records.map(() => index + 1)),
  ...outboxColumns(events.flatMap(({ records }) => records)),
];

/** Parameters: 1 stream, 2 customer, 3 stream type. */
export const loadStatement = (streamId: string, customerId: string, streamType: string): string => `
  select version, sequence, event_id, type, schema_version, data, occurred_at
  from event
  where stream_id = ${escapeLiteral(streamId)} and customer_id = ${escapeLiteral(customerId)}
    and stream_type = ${escapeLiteral(streamType)}
  order by version
`;
