import type { PartitionOffset } from '@rebelcore/messaging/rebuild/bounded-reader';
import type { StoredOffset } from '@rebelcore/messaging/rebuild/same-topics';
import { contentOf as hashOf, type Content } from '@rebelcore/messaging/rebuild/content';
import type { Pool, PoolClient } from 'pg';
import { AUTHORIZATION, AUTHORIZATION_TOPICS } from '../authorization/authorization.view.js';

type Queryable = Pick<Pool | PoolClient, 'query'>;

/** Where a view lies: the one that serves, and the one that is being rebuilt. */
export type Schema = 'public' | 'rebuild';

/** The view that serves, at one moment. */
export interface Snapshot {
  readonly checkpoint: readonly StoredOffset[];
  /** As {@link parkedRecords}. */
  readonly parked: ReadonlySet<string>;
  /** Comes later, and is of the same moment. */
  readonly content: Promise<Content>;
}

/** Takes a snapshot, for which nothing waits; `db` is busy until the content is there. */
export async function takeSnapshot(db: PoolClient): Promise<Snapshot> {
  await db.query('begin isolation level repeatable read read only');
  const checkpoint = await checkpointOf(db, 'public');
  const parked = await parkedRecords(db, 'public');
  const content = contentOf(db, 'public');
  return { checkpoint, parked, content: content.finally(() => db.query('commit')) };
}

/** How far a view has come in its topics. */
export async function checkpointOf(db: Queryable, schema: Schema): Promise<StoredOffset[]> {
  const { rows } = await db.query<{ topic: string; partition: number; offset: string; incarnation: string | null }>(
    `select topic, partition, next_offset as "offset", incarnation from ${schema}.consumer_offset
      where view = $1 and topic = any($2::text[])`,
    [AUTHORIZATION, AUTHORIZATION_TOPICS],
  );
  return rows.map((row) => ({ ...row, offset: BigInt(row.offset) }));
}

/** Records before a checkpoint; those that compaction has removed count as well. */
export const recordsBefore = (checkpoint: readonly PartitionOffset[]): number =>
  checkpoint.reduce((sum, { offset }) => sum + Number(offset), 0);

/** `topic/partition/offset` of each parked record of a view. */
export async function parkedRecords(db: Queryable, schema: Schema): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ record: string }>(
    `select concat_ws('/', topic, partition, "offset") as record from ${schema}.parked_record where view = $1`,
    [AUTHORIZATION],
  );
  return new Set(rows.map(({ record }) => record));
}

/** What the topics say, and nothing of how it came to be here. */
const CONTENT = `row(api_user_id, customer_id, username, role_id, role, scope, status, sequence, correlation_id,
  event_id, verifier, pepper_version, keys, authorize_networks, token_networks)`;

export const contentOf = (db: Queryable, schema: Schema): Promise<Content> =>
  hashOf(db, `${schema}.authorization_v1`, CONTENT);
