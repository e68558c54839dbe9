import type { z } from 'zod';

/** A fact in the words of the business. */
export interface DomainEvent {
  readonly type: string;
  /** What is stored for ever and may be published: no secret, no personal data. */
  readonly data: unknown;
  /** What goes with the event into private tables and private topics in the same transaction, and is never part of the stored event. */
  readonly confidential?: unknown;
}

/** One kind of stream: how its state follows from its events. Pure: no clock, randomness or I/O. */
export interface Aggregate<State, Event extends DomainEvent> {
  /** Kebab-case noun, stored with each event: `api-user`. A stream of another type is never read as this one. */
  readonly type: string;
  readonly initial: State;
  readonly evolve: (state: State, event: Event) => State;
  readonly codec: EventCodec<Event>;
}

/** A decision: from the state to what happens, which is nothing when it has happened already. May throw {@link Refused}. */
export type Decision<State, Event extends DomainEvent> = (state: State) => readonly Event[];

/** The business says no. */
export class Refused extends Error {
  /**
   * @param code dotted and stable: `api-user.unknown`
   * @param message one sentence for a person, without secrets
   * @param more members that the answer has besides: `{users: 3}`
   */
  constructor(
    readonly code: string,
    message: string,
    readonly more: Readonly<Record<string, number | string>> = {},
  ) {
    super(message);
    this.name = 'Refused';
  }
}

/** An event as the database holds it. */
export interface StoredEvent {
  readonly type: string;
  /** The version of the event's schema when it was written, from 1. */
  readonly schemaVersion: number;
  readonly data: unknown;
}

/** The only place that trusts stored data: parses it, after bringing older versions up to the present one. */
export interface EventCodec<Event extends DomainEvent> {
  /** Whether events of this type belong to its streams. */
  knows(type: string): boolean;
  encode(event: Event): StoredEvent;
  /** @throws {UnreadableEvent} */
  decode(stored: StoredEvent): Event;
}

/** A stored event that this build cannot read: unknown type, a later version, or data that breaks the schema. */
export class UnreadableEvent extends Error {
  constructor(stored: StoredEvent, why: string) {
    super(`stored event ${stored.type} version ${String(stored.schemaVersion)}: ${why}`);
    this.name = 'UnreadableEvent';
  }
}

export interface EventDefinition {
  /** The schema of the version that is written now. */
  readonly schema: z.ZodType;
  /** One step for each older version, oldest first: the first takes version 1 to 2. The present version follows from their number. */
  readonly upcasts?: readonly ((data: unknown) => unknown)[];
}

/** The union of events that the definitions describe. `Confidential` maps event types to what travels beside them. */
export type EventOf<
  Definitions extends Readonly<Record<string, EventDefinition>>,
  Confidential extends Readonly<Record<string, unknown>> = Readonly<Record<string, never>>,
> = {
  [Type in keyof Definitions & string]: {
    readonly type: Type;
    readonly data: z.infer<Definitions[Type]['schema']>;
    readonly confidential?: Type extends keyof Confidential ? Confidential[Type] : never;
  };
}[keyof Definitions & string];

export function eventCodec<Event extends DomainEvent>(
  definitions: Readonly<Record<Event['type'], EventDefinition>>,
): EventCodec<Event> {
  const byType = new Map<string, EventDefinition>(Object.entries(definitions));
  return {
    knows: (type) => byType.has(type),
    encode: (event) => ({
      type: event.type,
      schemaVersion: presentVersion(byType.get(event.type)),
      data: event.data,
    }),
    decode: (stored) => {
      const definition = byType.get(stored.type);
      if (definition === undefined) throw new UnreadableEvent(stored, 'the type is not known');
      if (stored.schemaVersion > presentVersion(definition)) {
        throw new UnreadableEvent(stored, 'was written by a later version of this program');
      }
      const steps = (definition.upcasts ?? []).slice(stored.schemaVersion - 1);
      const parsed = definition.schema.safeParse(steps.reduce((data, step) => step(data), stored.data));
      if (!parsed.success) {
        const issue = parsed.error.issues[0];
        throw new UnreadableEvent(stored, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is invalid'}`);
      }
      return { type: stored.type, data: parsed.data } as Event;
    },
  };
}

const presentVersion = (definition: EventDefinition | undefined): number => (definition?.upcasts?.length ?? 0) + 1;
