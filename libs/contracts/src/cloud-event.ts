import { z } from 'zod';

/**
 * A CloudEvents 1.0 event as it travels in Kafka's *binary* content mode: attributes as `ce_` headers, the data as a
 * JSON value. Source: CloudEvents Kafka protocol binding 1.0.2, section 3.2.
 */
export interface CloudEvent<D = unknown> {
  /** Unique together with `source`; the same for every redelivery and every duplicate. */
  readonly id: string;
  /** The producer, as a URI reference: `/identity`. */
  readonly source: string;
  /** The wire type with its version: `rebelcore.identity.ApiUserCreated.v1`. */
  readonly type: string;
  /** When it happened, RFC 3339 in UTC with milliseconds. */
  readonly time: string;
  /** The id of what it is about, for example an API user. */
  readonly subject: string;
  /** The producer's gap-free number for this customer, from 1. */
  readonly sequence: number;
  /** The request that led to this event; found again in the activity log. */
  readonly correlationId: string;
  /** The id of the event or command that caused this one. */
  readonly causationId?: string;
  /** W3C trace context, passed through untouched. */
  readonly traceparent?: string;
  readonly data: D;
}

/** An event of which the number is not drawn yet: whoever stores it adds the header `ce_sequence`. */
export type UnnumberedEvent<D = unknown> = Omit<CloudEvent<D>, 'sequence'>;

/** One Kafka record: headers and value as text, the key chosen by the producer (customer id, or API user id). */
export interface EncodedEvent {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: string;
}

/** A Kafka record as any client delivers it: headers may be bytes, repeated, or missing. */
export interface ReceivedRecord {
  readonly headers?: Readonly<Record<string, HeaderValue | undefined>> | undefined;
  readonly value: Uint8Array | string | null;
}
type HeaderValue = Uint8Array | string | readonly (Uint8Array | string)[];

/** A record that is not a CloudEvent of ours, or carries data that breaks its schema. */
export class MalformedEvent extends Error {
  constructor(
    readonly code: 'event.no-value' | 'event.bad-json' | 'event.bad-header' | 'event.unknown-type' | 'event.bad-data',
    message: string,
  ) {
    super(message);
    this.name = 'MalformedEvent';
  }
}

const attributes = z.object({
  ce_specversion: z.literal('1.0'),
  ce_id: z.string().min(1),
  ce_source: z.string().min(1),
  ce_type: z.string().min(1),
  ce_time: z.iso.datetime({ offset: true }),
  ce_subject: z.string().min(1),
  ce_sequence: z.string().regex(/^[1-9]\d{0,15}$/, 'must be a positive integer'),
  ce_correlationid: z.string().min(1),
  ce_causationid: z.string().min(1).optional(),
  traceparent: z.string().optional(),
});

/** Writes the event as one Kafka record. Shape: header names and values are strings; the value is JSON text. */
export const encodeEvent = (event: CloudEvent, key: string): EncodedEvent => encoded(event, key, event.sequence);

/** {@link encodeEvent} without `ce_sequence`. */
export const encodeUnnumbered = (event: UnnumberedEvent, key: string): EncodedEvent => encoded(event, key);

function encoded(event: UnnumberedEvent, key: string, sequence?: number): EncodedEvent {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    ce_specversion: '1.0',
    ce_id: event.id,
    ce_source: event.source,
    ce_type: event.type,
    ce_time: event.time,
    ce_subject: event.subject,
    ce_correlationid: event.correlationId,
  };
  if (sequence !== undefined) headers.ce_sequence = String(sequence);
  if (event.causationId !== undefined) headers.ce_causationid = event.causationId;
  if (event.traceparent !== undefined) headers.traceparent = event.traceparent;
  return { key, headers, value: JSON.stringify(event.data) };
}

/**
 * Reads one Kafka record. The data is parsed as JSON and not yet checked against a schema: {@link EventCatalogue.read}
 * does both.
 *
 * @throws {MalformedEvent} naming the header or the position at fault.
 */
export function decodeEvent(record: ReceivedRecord): CloudEvent {
  if (record.value === null) throw new MalformedEvent('event.no-value', 'the record has no value');
  const parsed = attributes.safeParse(headersAsText(record.headers ?? {}));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new MalformedEvent('event.bad-header', `header ${String(issue?.path[0])}: ${issue?.message ?? 'is invalid'}`);
  }
  const header = parsed.data;
  return {
    id: header.ce_id,
    source: header.ce_source,
    type: header.ce_type,
    time: header.ce_time,
    subject: header.ce_subject,
    sequence: Number(header.ce_sequence),
    correlationId: header.ce_correlationid,
    ...(header.ce_causationid !== undefined && { causationId: header.ce_causationid }),
    ...(header.traceparent !== undefined && { traceparent: header.traceparent }),
    data: parseJson(record.value),
  };
}

/** The published event types of one producer: wire type to data schema. */
export class EventCatalogue<Schemas extends Record<string, z.ZodType>> {
  private readonly byWireType: ReadonlyMap<string, { name: keyof Schemas & string; schema: z.ZodType }>;

  /**
   * @param namespace the middle of the wire type: `identity` in `rebelcore.identity.ApiUserCreated.v1`
   * @param schemas event name to the zod schema of its data, version 1
   */
  constructor(
    readonly namespace: string,
    readonly schemas: Schemas,
  ) {
    this.byWireType = new Map(
      Object.entries(schemas).map(([name, schema]) => [this.wireType(name), { name, schema }] as const),
    );
  }

  wireType(name: keyof Schemas & string): string {
    return `rebelcore.${this.namespace}.${name}.v1`;
  }

  /** True when this catalogue describes the wire type, so that a reader of several topics can choose. */
  knows(wireType: string): boolean {
    return this.byWireType.has(wireType);
  }

  /**
   * Decodes a record and checks its data, as a union on `name`. Members that a later producer added are dropped.
   *
   * @throws {MalformedEvent}
   */
  read(record: ReceivedRecord): ReadEvent<Schemas> {
    const event = decodeEvent(record);
    const entry = this.byWireType.get(event.type);
    if (entry === undefined) throw new MalformedEvent('event.unknown-type', `unknown event type ${event.type}`);
    const parsed = entry.schema.safeParse(event.data);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      const field = issue?.path.join('.') ?? '';
      throw new MalformedEvent('event.bad-data', `${entry.name} data.${field}: ${issue?.message ?? 'is invalid'}`);
    }
    return { ...event, name: entry.name, data: parsed.data } as ReadEvent<Schemas>;
  }
}

/** A checked event; narrowing on `name` narrows `data`. */
export type ReadEvent<Schemas extends Record<string, z.ZodType>> = {
  [Name in keyof Schemas & string]: CloudEvent<z.infer<Schemas[Name]>> & { readonly name: Name };
}[keyof Schemas & string];

function headersAsText(headers: NonNullable<ReceivedRecord['headers']>): Record<string, string> {
  const text: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const single = Array.isArray(value)
      ? (value as readonly (Uint8Array | string)[])[0]
      : (value as Uint8Array | string);
    if (single !== undefined) text[name] = asText(single);
  }
  return text;
}

function parseJson(value: Uint8Array | string): unknown {
  try {
    return JSON.parse(asText(value));
  } catch (error) {
    throw new MalformedEvent('event.bad-json', `the value is not JSON: ${(error as Error).message}`);
  }
}

const utf8 = new TextDecoder();
const asText = (value: Uint8Array | string): string => (typeof value === 'string' ? value : utf8.decode(value));
