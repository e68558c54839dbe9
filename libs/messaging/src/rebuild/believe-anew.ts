import type { Kafka } from 'kafkajs';
import type { PoolClient } from 'pg';
import { lastHeartbeats } from '../consume/last-heartbeats.js';
import { TopicReader } from '../topic-facts.js';

const HEARTBEATS = 'identity.heartbeats.v1';

/** Of which store the newest heartbeat is; undefined where there is none. */
export async function newestSpeaker(kafka: Kafka, group: string): Promise<string | undefined> {
  const topics = new TopicReader(kafka);
  const [facts] = await topics.facts([HEARTBEATS]).finally(() => topics.close());
  if (facts === undefined) return undefined;
  return (await lastHeartbeats(kafka, group, facts)).at(-1)?.store.id;
}

/**
 * Has a view that was made anew believe whoever speaks next, where it believed another store than this one, or was told that its own
 * has lost something. Otherwise it stays as current as it is.
 */
export async function believeAnew(db: PoolClient, speaker: string | undefined): Promise<void> {
  await db.query(
    `delete from public.heartbeat
      where exists (select from public.store_contradiction)
         or $1::uuid <> (select store_id from public.heartbeat order by arrival desc limit 1)`,
    [speaker],
  );
  await db.query('delete from public.store_contradiction');
}
