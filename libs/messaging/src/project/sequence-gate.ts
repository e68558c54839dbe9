import { MalformedEvent } from '@rebelcore/contracts/cloud-event';
import type { ReceivedMessage } from '../consume/batch-consumer.js';
import { messageOf } from '../logger.js';
import { storedKey } from './stored-key.js';

/** A message with the event read from it. */
export interface ReceivedEvent<E> {
  readonly message: ReceivedMessage;
  readonly event: E;
}

/** A message that is put aside, and why. */
export interface Rejection {
  readonly message: ReceivedMessage;
  /** A dotted code: those of `MalformedEvent`, `record.bad-key`, `sequence.gap`, `sequence.reused`, `apply.failed`, `key.waiting`. */
  readonly code: string;
  readonly reason: string;
  /** What went wrong, where the record was not refused but something failed on it: it may be our own code. */
  readonly fault?: unknown;
}

/** How far the keys of a batch have come. */
export interface KeyCheckpoints {
  /** The last applied sequence of each key that has one. */
  readonly sequences: Map<string, number>;
  /** The offset of the first parked record of each key that has one. */
  readonly parkedFrom: ReadonlyMap<string, bigint>;
  /** By key and sequence the ids of applied events, of those at least that the records speak of; of older ones some are unknown. */
  readonly ids: Map<string, Map<number, string>>;
}

/** How far a key has moved on. */
export interface Advance {
  /** The last applied sequence. */
  readonly sequence: number;
  /** The ids of the events that were applied, up to that one. */
  readonly ids: readonly string[];
}

/** Of the records of one key: each number of theirs exactly once, one after the other, or in no order at all. */
export interface Order {
  readonly sequenced?: boolean | undefined;
  readonly unordered?: boolean | undefined;
}

/**
 * Decides about each message of a batch, in order: apply it, drop it as already applied, or park it. A key that has
 * something parked has everything later parked behind it, unless its records need no order; other keys go on. A number that
 * comes again is a repeat only with the event that had it: with another one its store has gone back, and that is parked.
 */
export class SequenceGate<E extends { readonly sequence: number }> {
  readonly parked: Rejection[] = [];
  /** The keys whose sequence has moved on. */
  readonly advanced = new Map<string, { sequence: number; ids: string[] }>();
  /** Dropped as repeats of events that this batch has let through. */
  private readonly repeats: { readonly message: ReceivedMessage; readonly key: string; readonly sequence: number }[] =
    [];
  private readonly blocked = new Set<string>();
  /** Keys of which a record was rejected after all; others may be blocked by a record further on. */
  private readonly rejected = new Set<string>();

  constructor(
    private readonly read: (message: ReceivedMessage) => E,
    private readonly order: Order,
    private readonly keys: KeyCheckpoints,
  ) {}

  /** Returns the event to apply now, or undefined when the message was dropped or parked. */
  admit(message: ReceivedMessage): ReceivedEvent<E> | undefined {
    if (!isUsableKey(message.key)) {
      this.parked.push({ message, code: 'record.bad-key', reason: 'the key is missing or contains a NUL character' });
      return undefined;
    }
    const key = storedKey(message.key);
    const applied = this.keys.sequences.get(key) ?? 0;
    const claimed = this.order.sequenced === true ? claimedSequence(message) : undefined;
    if (claimed !== undefined && claimed <= applied) {
      const had = this.keys.ids.get(key)?.get(claimed);
      if (had !== undefined && had !== claimedId(message))
        this.park({ message, ...reused(message, claimed, had) }, key);
      else if (this.advanced.has(key)) this.repeats.push({ message, key, sequence: claimed });
      return undefined;
    }

    let event: E;
    try {
      event = this.read(message);
    } catch (error) {
      this.park({ message, ...reasonOf(error, 'event.unreadable') }, key);
      return undefined;
    }
    if (this.isBlocked(key, message.offset)) {
      this.park({ message, code: 'key.waiting', reason: 'an earlier record of this key is parked' }, key);
      return undefined;
    }
    if (this.order.sequenced !== true) return { message, event };
    if (event.sequence <= applied) return undefined;
    if (event.sequence > applied + 1) {
      const reason = `sequence ${String(event.sequence)} follows ${String(applied)}`;
      this.park({ message, code: 'sequence.gap', reason }, key);
      return undefined;
    }
    this.advance(key, event.sequence, claimedId(message));
    return { message, event };
  }

  /** Takes back an event that {@link admit} let through and that could not be applied. */
  reject({ message, event }: ReceivedEvent<E>, error: unknown): void {
    const key = storedKey(message.key ?? '');
    if (this.order.sequenced === true) this.takeBack(key, event.sequence);
    if (this.order.unordered !== true) this.rejected.add(key);
    this.park({ message, ...reasonOf(error, 'apply.failed') }, key);
  }

  /** False when an earlier record of its key was rejected since it was admitted: it is parked behind that. */
  isStillFree({ message }: ReceivedEvent<E>): boolean {
    const key = storedKey(message.key ?? '');
    if (!this.rejected.has(key)) return true;
    this.park({ message, code: 'key.waiting', reason: 'an earlier record of this key is parked' }, key);
    return false;
  }

  /** Once all is decided: parks repeats of what was rejected after all. */
  settle(): void {
    for (const { message, key, sequence } of this.repeats.splice(0)) {
      if (sequence <= (this.advanced.get(key)?.sequence ?? 0)) continue;
      this.park({ message, code: 'key.waiting', reason: 'an earlier record of this key is parked' }, key);
    }
  }

  private advance(key: string, sequence: number, id = ''): void {
    this.keys.sequences.set(key, sequence);
    const ids = this.advanced.get(key)?.ids ?? [];
    ids.push(id);
    this.advanced.set(key, { sequence, ids });
    const known = this.keys.ids.get(key) ?? new Map<number, string>();
    this.keys.ids.set(key, known.set(sequence, id));
  }

  private takeBack(key: string, sequence: number): void {
    const { sequence: last, ids } = this.advanced.get(key) ?? { sequence, ids: [] };
    this.keys.sequences.set(key, sequence - 1);
    this.advanced.set(key, { sequence: sequence - 1, ids: ids.slice(0, ids.length - (last - sequence + 1)) });
    for (let each = sequence; each <= last; each += 1) this.keys.ids.get(key)?.delete(each);
  }

  private park(rejection: Rejection, key: string): void {
    if (this.order.unordered !== true) this.blocked.add(key);
    this.parked.push(rejection);
  }

  /** A record before the first parked one was applied in its time: it only comes again. */
  private isBlocked(key: string, offset: bigint): boolean {
    const from = this.keys.parkedFrom.get(key);
    return this.blocked.has(key) || (from !== undefined && offset >= from);
  }
}

/** Postgres has no NUL in text. */
export const isUsableKey = (key: string | null): key is string => key !== null && !key.includes('\0');

/** The sequence that the header names, readable even where the rest of the record is not. */
export function claimedSequence(message: ReceivedMessage): number | undefined {
  const text = headerOf(message, 'ce_sequence');
  return text !== undefined && /^[1-9]\d{0,15}$/.test(text) ? Number(text) : undefined;
}

/** The id that the header names. */
export const claimedId = (message: ReceivedMessage): string | undefined => headerOf(message, 'ce_id');

function headerOf({ headers }: ReceivedMessage, name: string): string | undefined {
  const header = headers[name];
  return Array.isArray(header) ? header[0]?.toString() : header?.toString();
}

const reused = (message: ReceivedMessage, sequence: number, had: string) => ({
  code: 'sequence.reused',
  reason: `sequence ${String(sequence)} comes again with event ${claimedId(message) ?? 'without an id'}, but was that of ${had}`,
});

/** Code and text for the parked record. */
function reasonOf(error: unknown, otherwise: string): Omit<Rejection, 'message'> {
  if (error instanceof MalformedEvent) return { code: error.code, reason: error.message };
  return { code: otherwise, reason: messageOf(error), fault: error };
}
