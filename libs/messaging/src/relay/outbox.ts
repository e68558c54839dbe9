import type { PoolClient } from 'pg';
import type { OutgoingRecord } from '../publish/publisher.js';

/**
 * The insert of {@link appendToOutbox}, for a statement that combines it with others. Parameters, all of one length:
 * topics, keys, headers (JSON text), values; rows are numbered in that order.
 */
export const INSERT_OUTBOX = `
  insert into outbox (topic, key, headers, value)
  select r.topic, r.key, r.headers, r.value
    from unnest($1::text[], $2::text[], $3::json[], $4::text[]) with ordinality as r (topic, key, headers, value, n)
   order by r.n`;

/** Puts the records into the outbox as part of the caller's transaction. Wake the relay after the commit. */
export async function appendToOutbox(tx: Pick<PoolClient, 'query'>, records: readonly OutgoingRecord[]): Promise<void> {
  if (records.length === 0) return;
  await tx.query(INSERT_OUTBOX, [
    records.map(({ topic }) => topic),
    records.map(({ key }) => key),
    records.map(({ headers }) => JSON.stringify(headers)),
    records.map(({ value }) => value),
  ]);
}
