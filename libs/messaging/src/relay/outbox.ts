import type { PoolClient } from 'pg';
import type { OutgoingRecord } from '../publish/publisher.js';

/**
 * The insert into the outbox, for a statement that combines it with others. Rows are numbered by `position`.
 *
 * @param source what stands after `from`: yields `topic`, `key`, `headers`, `value` and `position` under the name `r`
 */
export const insertIntoOutbox = (source: string): string => `
  insert into outbox (topic, key, headers, value)
  select r.topic, r.key, r.headers, r.value from ${source} order by r.position`;

/** The records as four parameters of one length: topics, keys, headers as JSON text, values. */
export const outboxColumns = (records: readonly OutgoingRecord[]): [string[], string[], string[], string[]] => [
  records.map(({ topic }) => topic),
  records.map(({ key }) => key),
  records.map(({ headers }) => JSON.stringify(headers)),
  records.map(({ value }) => value),
];

const APPEND_TO_OUTBOX = insertIntoOutbox(
  `unnest($1::text[], $2::text[], $3::json[], $4::text[])
     with ordinality as r (topic, key, headers, value, position)`,
);

/** Puts the records into the outbox as part of the caller's transaction. Wake the relay after the commit. */
export async function appendToOutbox(tx: Pick<PoolClient, 'query'>, records: readonly OutgoingRecord[]): Promise<void> {
  if (records.length > 0) await tx.query(APPEND_TO_OUTBOX, outboxColumns(records));
}
