import type { OutgoingRecord } from '@rebelcore/messaging/publish/publisher';
import type { Relay } from '@rebelcore/messaging/relay/relay';
import { randomUUIDv7 as uuid } from 'node:crypto';
import { escapeLiteral, type Pool, type PoolClient } from 'pg';
import type { Aggregate, Decision, DomainEvent, EventCodec, StoredEvent } from './aggregate.js';
import {
  APPEND,
  appendParameters,
  loadStatement,
  type AppendContext,
  type AppendedEvent,
  type Claim,
} from './append-statement.js';
import { rowsAcrossCustomers, rowsWithinCustomer, withinCustomer } from './customer-scope.js';
import type { StoreGuard } from './store-guard.js';

/** An event together with its place: `version` in its stream from 1, `sequence` in its customer from 1, both gap-free. */
export interface Recorded<Event extends DomainEvent = DomainEvent> {
  readonly event: Event;
  readonly id: string;
  readonly streamId: string;
  readonly customerId: string;
  readonly version: number;
  readonly sequence: number;
  readonly time: Date;
}

/** An event on its way into the store; its sequence is known only when it is in. */
export type Recording<Event extends DomainEvent = DomainEvent> = Omit<Recorded<Event>, 'sequence'> &
  Pick<AppendContext, 'correlationId' | 'causationId' | 'traceparent'>;

/** What follows from the events of one kind of stream, in the transaction that stores them. */
export interface StreamPublication<Event extends DomainEvent = DomainEvent> {
  readonly aggregate: { readonly type: string; readonly codec: EventCodec<Event> };
  /** The records for the topics, in this order. The append adds the header `ce_sequence`. */
  publish(recording: Recording<Event>): readonly OutgoingRecord[];
  /** Keeps the read models and private tables that follow at once. */
  project?(tx: PoolClient, recorded: Recorded<Event>): Promise<void>;
}

export interface Loaded<State, Event extends DomainEvent> {
  readonly state: State;
  readonly history: readonly Recorded<Event>[];
}

export interface Transacted<State, Event extends DomainEvent> {
  /** What this call added; empty when the decision found nothing to do. */
  readonly recorded: readonly Recorded<Event>[];
  /** The state with these events. */
  readonly state: State;
  /** The customer's sequence of the stream's last event, whether it is from this call or from an earlier one. */
  readonly position: number;
}

/** The names that a stream takes with what it has become; asked again with each decision. */
export interface Naming<State> {
  readonly names?: (before: State, after: State) => readonly Claim[];
}

/** A name that somebody has. */
export interface Claimed {
  readonly key: string;
  readonly streamId: string;
  readonly customerId: string;
}

/** Events for one stream, on the version that they were decided on. Made by {@link toStream}. */
export interface StreamWrite {
  readonly streamType: string;
  readonly streamId: string;
  readonly expectedVersion: number;
  readonly events: readonly { readonly event: DomainEvent; readonly stored: StoredEvent }[];
}

export const toStream = <State, Event extends DomainEvent>(
  aggregate: Aggregate<State, Event>,
  streamId: string,
  expectedVersion: number,
  events: readonly Event[],
): StreamWrite => ({
  streamType: aggregate.type,
  streamId,
  expectedVersion,
  events: events.map((event) => ({ event, stored: aggregate.codec.encode(event) })),
});

/** Somebody else has appended to the stream since it was read. */
export class VersionConflict extends Error {
  constructor(cause: unknown) {
    super('the stream has changed since it was read', { cause });
    this.name = 'VersionConflict';
  }
}

/** A name of the append belongs to another stream already. Nothing was written. */
export class ClaimTaken extends Error {
  constructor(readonly scope: string) {
    super(`${scope} is taken`);
    this.name = 'ClaimTaken';
  }
}

/** The time to write was over before the commit. Nothing was written. */
export class TooLate extends Error {
  constructor() {
    super('the time to write is over');
    this.name = 'TooLate';
  }
}

export interface EventStoreOptions {
  readonly pool: Pool;
  /** One for each kind of stream that is written. */
  readonly streams: readonly StreamPublication[];
  /** Woken after each commit. */
  readonly relay?: Pick<Relay, 'wake'>;
  /** Nothing is written to a store that is not known to hold what it has published. */
  readonly guard?: Pick<StoreGuard, 'verifiedLife' | 'verify'>;
  /** For tests: called at the points where a crash must do no harm. */
  readonly crashPoint?: (point: 'begun' | 'inserted' | 'committed') => void | Promise<void>;
}

// Writers of one stream queue on the customer's row and lose at most once to each writer before them.
const MAX_ATTEMPTS = 100;

/** Appends events, claims, outbox rows and inline read models in one transaction; nothing is published otherwise. */
export class EventStore {
  private readonly streams: ReadonlyMap<string, StreamPublication>;

  constructor(private readonly options: EventStoreOptions) {
    this.streams = new Map(options.streams.map((stream) => [stream.aggregate.type, stream]));
  }

  /**
   * Loads the stream, decides and appends. When the stream has changed meanwhile, only load and decision run again.
   *
   * @throws {Refused} from the decision
   * @throws {ClaimTaken}
   * @throws {TooLate}
   */
  async transact<State, Event extends DomainEvent>(
    aggregate: Aggregate<State, Event>,
    streamId: string,
    decide: Decision<State, Event>,
    { names, ...context }: AppendContext & Naming<State>,
  ): Promise<Transacted<State, Event>> {
    // Also where there is nothing to do.
    await this.requireVerified();
    for (let attempt = 1; ; attempt++) {
      const { state, history } = await this.load(aggregate, streamId, context.customerId);
      const events = decide(state);
      if (events.length === 0) return { recorded: [], state, position: history.at(-1)?.sequence ?? 0 };
      try {
        const after = events.reduce(aggregate.evolve, state);
        const write = toStream(aggregate, streamId, history.length, events);
        const claims = [...(context.claims ?? []), ...(names?.(state, after) ?? [])];
        const recorded = (await this.append([write], { ...context, claims })) as readonly Recorded<Event>[];
        return { recorded, state: after, position: recorded.at(-1)?.sequence ?? 0 };
      } catch (error) {
        if (!(error instanceof VersionConflict) || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  /**
   * What a store says that has gone back may not be so: somebody may be let in whom a lost event has shut out.
   *
   * @param life of the store that was read, where that is known: it may have become another one since it was compared
   * @throws {StoreBehind}
   * @throws {StoreUnverified}
   */
  async requireVerified(life?: string): Promise<void> {
    const { guard } = this.options;
    const verified = guard?.verifiedLife();
    if (guard === undefined || (verified !== undefined && verified === (life ?? verified))) return;
    await guard.verify();
  }

  /** A stream of another customer, or of another type, is as empty as one that does not exist. */
  async load<State, Event extends DomainEvent>(
    aggregate: Aggregate<State, Event>,
    streamId: string,
    customerId: string,
  ): Promise<Loaded<State, Event>> {
    const statement = loadStatement(streamId, customerId, aggregate.type);
    const rows = await rowsWithinCustomer<EventRow>(this.options.pool, customerId, statement);
    const history = rows.map((row): Recorded<Event> => ({
      event: aggregate.codec.decode({ type: row.type, schemaVersion: row.schema_version, data: row.data }),
      id: row.event_id,
      streamId,
      customerId,
      version: row.version,
      sequence: Number(row.sequence),
      time: row.occurred_at,
    }));
    return { history, state: history.reduce((state, { event }) => aggregate.evolve(state, event), aggregate.initial) };
  }

  /**
   * Appends to several streams of one customer at once.
   *
   * @throws {VersionConflict}
   * @throws {ClaimTaken}
   * @throws {TooLate}
   * @throws {StoreBehind}
   * @throws {StoreUnverified}
   */
  async append(writes: readonly StreamWrite[], context: AppendContext): Promise<readonly Recorded[]> {
    const { guard } = this.options;
    for (let attempt = 1; ; attempt++) {
      const life = guard && (guard.verifiedLife() ?? (await guard.verify()));
      try {
        return await this.appendIn(life, writes, context);
      } catch (error) {
        if (error instanceof SomeClaimTaken) throw new ClaimTaken(await this.scopeTaken(context.claims ?? []));
        if (!(error instanceof OtherLife) || attempt === 2) throw error;
        await guard?.verify();
      }
    }
  }

  private async appendIn(
    verifiedLife: string | undefined,
    writes: readonly StreamWrite[],
    context: AppendContext,
  ): Promise<readonly Recorded[]> {
    const { pool, relay, crashPoint } = this.options;
    const { customerId, writeBy = Infinity } = context;
    const time = new Date();
    const events = writes.flatMap((write) => this.published(write, context, time));
    const parameters = appendParameters(context, time, events);
    const recorded = await withinCustomer(pool, customerId, async (tx) => {
      await crashPoint?.('begun');
      const { before, life } = await insert(tx, parameters);
      if (verifiedLife !== undefined && life !== verifiedLife) throw new OtherLife();
      await crashPoint?.('inserted');
      const numbered: Recorded[] = [];
      for (const { stream, recording } of events) {
        const event = { ...recording, sequence: before + numbered.length + 1 };
        numbered.push(event);
        await stream.project?.(tx, event);
      }
      if (performance.now() > writeBy) throw new TooLate();
      return numbered;
    });
    relay?.wake();
    await crashPoint?.('committed');
    return recorded;
  }

  /** The events of one stream, each with its place in it and with what is published of it. */
  private published(
    { streamType, streamId, expectedVersion, events }: StreamWrite,
    { customerId, correlationId, causationId, traceparent }: AppendContext,
    time: Date,
  ): (AppendedEvent & { readonly stream: StreamPublication; readonly recording: Recording })[] {
    const stream = this.streams.get(streamType);
    if (stream === undefined) throw new TypeError(`no publication is registered for streams of type ${streamType}`);
    return events.map(({ event, stored }, index) => {
      const recording: Recording = {
        event,
        id: uuid(),
        streamId,
        customerId,
        version: expectedVersion + index + 1,
        time,
        correlationId,
        ...(causationId !== undefined && { causationId }),
        ...(traceparent !== undefined && { traceparent }),
      };
      return { streamType, stream, stored, recording, records: stream.publish(recording) };
    });
  }

  /** The stream that holds a name, with its customer. */
  async claimedBy(scope: string, key: string): Promise<Claimed | undefined> {
    return (await this.claimsOf(scope, [key]))[0];
  }

  /** Names of one kind, with the streams that hold them: those of these keys that somebody has, or else all. */
  async claimsOf(scope: string, keys?: readonly string[]): Promise<Claimed[]> {
    const ofKeys = keys === undefined ? '' : `and key = any(array[${keys.map(escapeLiteral).join()}]::text[])`;
    const rows = await rowsAcrossCustomers<{ key: string; stream_id: string; customer_id: string }>(
      this.options.pool,
      `select key, stream_id, customer_id from claim where scope = ${escapeLiteral(scope)} ${ofKeys}`,
    );
    return rows.map((row) => ({ key: row.key, streamId: row.stream_id, customerId: row.customer_id }));
  }

  /** The customer's last sequence that is committed; 0 for a customer without events. */
  async head(customerId: string): Promise<number> {
    const statement = `select sequence from customer_head where customer_id = ${escapeLiteral(customerId)}`;
    const rows = await rowsWithinCustomer<{ sequence: string }>(this.options.pool, customerId, statement);
    return Number(rows[0]?.sequence ?? 0);
  }

  /** Which of these names somebody has. Under row security Postgres does not tell in the error which one it was. */
  private async scopeTaken(claims: readonly Claim[]): Promise<string> {
    for (const { scope, key } of claims) if ((await this.claimedBy(scope, key)) !== undefined) return scope;
    return 'a name';
  }
}

interface EventRow {
  version: number;
  sequence: string;
  event_id: string;
  type: string;
  schema_version: number;
  data: unknown;
  occurred_at: Date;
}

/** The database is not the one that was verified; nothing was written. */
class OtherLife extends Error {}

/** Nothing was written. */
class SomeClaimTaken extends Error {}

async function insert(tx: PoolClient, parameters: unknown[]) {
  try {
    const { rows } = await tx.query<{ before: string; life: string }>({
      name: 'event-store.append',
      text: APPEND,
      values: parameters,
    });
    return { before: Number(rows[0]?.before), life: rows[0]?.life };
  } catch (error) {
    const { code, constraint } = error as { code?: string; constraint?: string };
    if (code === '23505' && constraint === 'event_pkey') throw new VersionConflict(error);
    if (code === '23505' && constraint === 'claim_pkey') throw new SomeClaimTaken();
    throw error;
  }
}

/** Gives a name up, in the transaction of the event after which its stream no longer needs it; a name of others stays. */
export async function releaseClaim(tx: Pick<PoolClient, 'query'>, { scope, key, streamId }: Claim): Promise<void> {
  await tx.query({
    name: 'event-store.release-claim',
    text: 'delete from claim where scope = $1 and key = $2 and stream_id = $3',
    values: [scope, key, streamId],
  });
}
