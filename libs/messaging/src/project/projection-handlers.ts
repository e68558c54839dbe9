import type { PoolClient } from 'pg';
import type { ReceivedMessage } from '../consume/batch-consumer.js';
import { isDataError } from '../transaction.js';
import type { ReceivedEvent, SequenceGate } from './sequence-gate.js';

/** How one topic becomes one view. */
export interface ProjectionHandlers<E extends { readonly sequence: number }> {
  /** Reads one record, usually `catalogue.read`. Whatever it throws parks the record. */
  read(message: ReceivedMessage): E;
  /**
   * Applies the events, oldest first, with set-based SQL in the given transaction. Without `sequenced` an event can come
   * again after an offset reset, so the SQL must be idempotent. Work outside the transaction belongs in `afterCommit`.
   */
  apply(tx: PoolClient, events: readonly ReceivedEvent<E>[]): Promise<void>;
  /**
   * True when the topic carries every `ce_sequence` of a key, from 1: lower ones are then dropped, a gap is parked. The
   * topic must keep its records for ever.
   */
  readonly sequenced?: boolean | undefined;
  /**
   * True when the records of a key need no order: one that cannot be applied is parked alone, and nobody waits behind it.
   * Otherwise later records of its key are parked as well.
   */
  readonly unordered?: boolean | undefined;
  /** Called with what was applied; an error is logged and changes nothing. */
  afterCommit?(events: readonly ReceivedEvent<E>[]): void | Promise<void>;
}

/**
 * Applies events, finding by halves those whose data is at fault, which the gate then has among its parked records.
 *
 * @returns those that were applied
 * @throws what lies elsewhere; the transaction is of no more use then
 */
export async function applyByHalves<E extends { readonly sequence: number }>(
  tx: PoolClient,
  handlers: ProjectionHandlers<E>,
  gate: SequenceGate<E>,
  admitted: readonly ReceivedEvent<E>[],
): Promise<readonly ReceivedEvent<E>[]> {
  const received = admitted.filter((each) => gate.isStillFree(each));
  const [first] = received;
  if (first === undefined) return [];
  if (received.length === 1) return (await applyAlone(tx, handlers, gate, first)) ? received : [];
  const error = await tried(tx, () => handlers.apply(tx, received));
  if (error === undefined) return received;
  const middle = Math.ceil(received.length / 2);
  return [
    ...(await applyByHalves(tx, handlers, gate, received.slice(0, middle))),
    ...(await applyByHalves(tx, handlers, gate, received.slice(middle))),
  ];
}

/**
 * Applies one event in a savepoint; false when its data is at fault, which the gate then has among its parked records.
 *
 * @throws what lies elsewhere; the transaction is of no more use then
 */
export async function applyAlone<E extends { readonly sequence: number }>(
  tx: PoolClient,
  handlers: ProjectionHandlers<E>,
  gate: SequenceGate<E>,
  received: ReceivedEvent<E>,
): Promise<boolean> {
  const error = await tried(tx, () => handlers.apply(tx, [received]));
  if (error === undefined) return true;
  gate.reject(received, error.cause);
  return false;
}

/** Does work in a savepoint; answers, as its cause, what was wrong with the data. */
async function tried(tx: PoolClient, work: () => Promise<void>): Promise<{ readonly cause: unknown } | undefined> {
  await tx.query('savepoint tried');
  try {
    await work();
    await tx.query('release savepoint tried');
    return undefined;
  } catch (error) {
    await tx.query('rollback to savepoint tried; release savepoint tried');
    if (!isDataError(error)) throw error;
    return { cause: error };
  }
}
