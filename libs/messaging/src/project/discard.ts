import type { ParkedRecord } from './parking-lot.js';
import { claimedSequence, isUsableKey, type Order } from './sequence-gate.js';

/** Where a parked record lies, as the replay prints it: `api.calls.billing.v1/3@17`. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
  /** Negative for a record of a former topic of that name. */
  readonly offset: bigint;
}

/** @throws {Error} for a text that is no place of a record */
export function parsePlaces(texts: readonly string[]): Place[] {
  return texts.map((text) => {
    const [, topic = '', partition = '', offset = ''] = /^([^/@]+)\/(\d{1,9})@(-?\d{1,18})$/.exec(text) ?? [];
    if (topic === '') throw new Error(`${text} is no place of a record, such as api.calls.billing.v1/3@17`);
    return { topic, partition: Number(partition), offset: BigInt(offset) };
  });
}

/**
 * False for what others wait for: without it they could not follow. In an order of numbers nobody waits for a record of nobody,
 * without a number, or whose number was applied with another event; in an order of offsets, for one that cannot be read.
 */
export function mayGo({ message, code, applied }: ParkedRecord, { unordered, sequenced }: Order): boolean {
  if (unordered === true) return true;
  if (sequenced !== true) return code.startsWith('event.');
  return !isUsableKey(message.key) || (claimedSequence(message) ?? 0) <= applied;
}
