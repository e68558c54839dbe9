import type { PoolClient } from 'pg';
import type { ReceivedMessage } from '../consume/batch-consumer.js';
import type { CheckpointKey } from './checkpoint.js';
import type { Rejection } from './sequence-gate.js';
import { storedKey } from './stored-key.js';

type Queryable = Pick<PoolClient, 'query'>;

interface ParkedRow {
  offset: string;
  key: string | null;
  headers: Record<string, string | string[]>;
  value: Buffer | null;
  recorded_at: Date;
}

/** Puts records aside; one that lies there already stays as it is. */
export async function park(
  tx: Queryable,
  { view, topic, partition }: CheckpointKey,
  rejections: readonly Rejection[],
): Promise<void> {
  await tx.query(
    `insert into parked_record (view, topic, partition, "offset", key, headers, value, recorded_at, code, reason)
     select $1, $2, $3, r.o, r.key, r.headers, r.value, r.at, r.code, r.reason
       from unnest($4::bigint[], $5::text[], $6::jsonb[], $7::bytea[], $8::timestamptz[], $9::text[], $10::text[])
         as r (o, key, headers, value, at, code, reason)
     on conflict do nothing`,
    [
      view,
      topic,
      partition,
      rejections.map(({ message }) => message.offset.toString()),
      rejections.map(({ message }) => (message.key === null ? null : storable(storedKey(message.key)))),
      rejections.map(({ message }) => storable(JSON.stringify(headersAsText(message)))),
      rejections.map(({ message }) => message.value),
      rejections.map(({ message }) => new Date(Math.max(0, message.timestamp || 0))),
      rejections.map(({ code }) => code),
      rejections.map(({ reason }) => storable(reason).slice(0, 1_000)),
    ],
  );
}

/** The parked records of one partition in the order they were written. */
export async function parkedRecords(
  tx: Queryable,
  { view, topic, partition }: CheckpointKey,
): Promise<ReceivedMessage[]> {
  const { rows } = await tx.query<ParkedRow>(
    `select "offset", key, headers, value, recorded_at from parked_record
      where view = $1 and topic = $2 and partition = $3 order by "offset"`,
    [view, topic, partition],
  );
  return rows.map(messageOf);
}

const messageOf = ({ offset, key, headers, value, recorded_at: at }: ParkedRow): ReceivedMessage => ({
  offset: BigInt(offset),
  key,
  headers,
  value,
  timestamp: at.getTime(),
});

/** A record that is parked, and what of its key was applied. */
export interface ParkedRecord {
  readonly message: ReceivedMessage;
  /** Why it is parked. */
  readonly code: string;
  /** The last number of its key that was applied, 0 for none. */
  readonly applied: number;
}

/** A parked record that is let go, with why it was parked. */
export interface DiscardedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** As tables have it, see {@link storedKey}. */
  readonly key: string | null;
  readonly code: string;
  readonly reason: string;
}

/** Whether a record of this offset is parked; asks without a lock. */
export async function isParked(
  db: Queryable,
  { view, topic, partition }: CheckpointKey,
  offset: bigint,
): Promise<boolean> {
  const { rowCount } = await db.query(
    'select from parked_record where view = $1 and topic = $2 and partition = $3 and "offset" = $4',
    [view, topic, partition, String(offset)],
  );
  return rowCount === 1;
}

/** Removes a record that may go; undefined where it is not parked (any more), or may not. */
export async function takeParked(
  tx: Queryable,
  { view, topic, partition }: CheckpointKey,
  offset: bigint,
  mayGo: (record: ParkedRecord) => boolean,
): Promise<DiscardedRecord | undefined> {
  const at = [view, topic, partition, String(offset)];
  const where = 'view = $1 and topic = $2 and partition = $3 and "offset" = $4';
  const { rows } = await tx.query<ParkedRow & { code: string; reason: string; sequence: string | null }>(
    `select p.*, a.sequence from parked_record p left join applied_sequence a using (view, topic, key) where ${where}`,
    at,
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const { key, code, reason, sequence } = row;
  if (!mayGo({ message: messageOf(row), code, applied: sequence === null ? 0 : Number(sequence) })) return undefined;
  await tx.query(`delete from parked_record where ${where}`, at);
  return { topic, partition, offset, key, code, reason };
}

/** Removes what was replayed or has turned out to be applied already. */
export async function removeParked(
  tx: Queryable,
  { view, topic, partition }: CheckpointKey,
  offsets: readonly bigint[],
): Promise<void> {
  await tx.query(
    'delete from parked_record where view = $1 and topic = $2 and partition = $3 and "offset" = any($4::bigint[])',
    [view, topic, partition, offsets.map(String)],
  );
}

/** Notes why a record is still parked. */
export async function updateReason(
  tx: Queryable,
  { view, topic, partition }: CheckpointKey,
  { message, code, reason }: Rejection,
): Promise<void> {
  await tx.query(
    'update parked_record set code = $5, reason = $6 where view = $1 and topic = $2 and partition = $3 and "offset" = $4',
    [view, topic, partition, message.offset.toString(), code, storable(reason).slice(0, 1_000)],
  );
}

function headersAsText({ headers }: ReceivedMessage): Record<string, string | string[]> {
  const text: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) text[name] = Array.isArray(value) ? value.map(String) : value.toString();
  }
  return text;
}

/** Postgres text and jsonb take no NUL, neither as a character nor as its JSON escape. */
const storable = (text: string): string => text.replaceAll('\0', '\uFFFD').replaceAll('\\u0000', '\\ufffd');
