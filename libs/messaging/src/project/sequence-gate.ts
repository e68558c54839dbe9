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
  /** A dotted code: those of `MalformedEvent`, `record.bad-key`, `sequence.gap`, `apply.failed`, `key.waiting`. */
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
}

/** Of the records of one key: each number of theirs exactly once, one after the other, or in no order at all. */
export interface Order {
  readonly sequenced?: boolean | undefined;
  readonly unordered?: boolean | undefined;
}

/**
 * Decides about each message of a batch, in order: apply it, drop it as already applied, or park it. A key that has
 * something parked has everything later parked behind it, unless its records need no order; other keys go on.
 */
export class SequenceGate<E extends { readonly sequence: number }> {
  readonly parked: Rejection[] = [];
  /** The keys whose sequence has moved on. */
  readonly advanced = new Map<string, number>();
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
      if (this.advanced.has(key)) this.repeats.push({ message, key, sequence: claimed });
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
    this.advance(key, event.sequence);
    return { message, event };
  }

  /** Takes back an event that {@link admit} let through and that could not be applied. */
  reject({ message, event }: ReceivedEvent<E>, error: unknown): void {
    const key = storedKey(message.key ?? '');
    if (this.order.sequenced === true) this.advance(key, event.sequence - 1);
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
      if (sequence <= (this.advanced.get(key) ?? 0)) continue;
      this.park({ message, code: 'key.waiting', reason: 'an earlier record of this key is parked' }, key);
    }
  }

  private advance(key: string, sequence: number): void {
    this.keys.sequences.set(key, sequence);
    this.advanced.set(key, sequence);
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
export function claimedSequence({ headers }: ReceivedMessage): number | undefined {
  const header = headers['ce_sequence'];
  const text = Array.isArray(header) ? header[0]?.toString() : header?.toString();
  return text !== undefined && /^[1-9]\d{0,15}$/.test(text) ? Number(text) : undefined;
}

/** Code and text for the parked record. */
function reasonOf(error: unknown, otherwise: string): Omit<Rejection, 'message'> {
  if (error instanceof MalformedEvent) return { code: error.code, reason: error.message };
  return { code: otherwise, reason: messageOf(error), fault: error };
}
