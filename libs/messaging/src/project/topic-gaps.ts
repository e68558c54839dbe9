import { CALLS_OF_ANOTHER_API, FORMER_CALLS_TOPIC, specOf, type TopicSpec } from '@rebelcore/contracts/topics';
import type { Pool, PoolClient } from 'pg';
import type { Logger } from '../logger.js';
import type { TopicFacts } from '../topic-facts.js';
import { drift, mendOfDrift } from '../topics-admin.js';
import { inTransaction } from '../transaction.js';
import { beginningOf, type Gap, type GapKind } from './beginning.js';

interface View {
  readonly pool: Pool;
  readonly view: string;
  readonly logger: Logger;
  readonly onLoss?: OnLoss | undefined;
}

/** Records that a view will never see in the topic in which they were. */
export interface LostRecords extends Gap {
  readonly topic: string;
  readonly partition: number;
  /** Kafka's id of the topic that held them. */
  readonly incarnation: string;
  /** Among so many partitions keys were and are shared out; more than one number where some were added (ADR 10). */
  readonly partitions: readonly number[];
  readonly noticedAt: Date;
}

/** Told of each loss once, in the transaction that notes it. */
export type OnLoss = (tx: PoolClient, lost: LostRecords) => Promise<void>;

/** A gap as health shows it. */
export interface NotedGap {
  /** `api.calls.v1/3` */
  readonly where: string;
  readonly incarnation: string;
  readonly kind: GapKind;
  readonly from: string;
  readonly to: string | null;
  readonly noticedAt: Date;
}

/**
 * Compares where a view stands with what its topic is now, in one transaction with what follows: offsets that count in
 * another topic are given up, and what is lost is noted.
 *
 * @param stood what was stored before the facts were asked
 * @returns where to read each of these partitions
 */
export const begin = (
  { pool, view, logger, onLoss }: View,
  facts: TopicFacts,
  partitions: readonly number[],
  stood: ReadonlyMap<number, bigint>,
): Promise<ReadonlyMap<number, bigint>> => {
  const { topic, incarnation } = facts;
  return inTransaction(
    pool,
    (tx) => tx.query('begin'),
    async (tx) => {
      await refuseDrift(tx, view, facts);
      const { rows } = await tx.query<{
        partition: number;
        next_offset: string;
        incarnation: string | null;
        partitions: number | null;
      }>(
        `select partition, next_offset, incarnation, partitions from consumer_offset
          where view = $1 and topic = $2 and partition = any($3::integer[]) order by partition for update`,
        [view, topic, partitions],
      );
      // A former topic of this name may have had more partitions.
      await tx.query(
        `delete from consumer_offset where view = $1 and topic = $2 and partition >= $3 and incarnation <> $4`,
        [view, topic, facts.partitions.length, incarnation],
      );
      const starts = new Map<number, bigint>();
      for (const partition of partitions) {
        const row = rows.find((each) => each.partition === partition);
        const stored = row && { offset: BigInt(row.next_offset), incarnation: row.incarnation ?? undefined };
        const bounds = facts.partitions[partition];
        if (bounds === undefined) throw new Error(`${topic} has no partition ${String(partition)}`);
        const { position, gaps } = beginningOf(stored, incarnation, bounds, stood.get(partition));
        starts.set(partition, position);
        if (stored?.offset === position && stored.incarnation === incarnation && row?.partitions !== null) continue;
        await tx.query(
          // A topic keeps the number with which reading began.
          `insert into consumer_offset as o (view, topic, partition, next_offset, incarnation, partitions)
           values ($1, $2, $3, $4, $5, $6) on conflict (view, topic, partition)
           do update set next_offset = excluded.next_offset, incarnation = excluded.incarnation,
             partitions = case when o.incarnation = excluded.incarnation
                            then coalesce(o.partitions, excluded.partitions) else excluded.partitions end`,
          [view, topic, partition, String(position), incarnation, facts.partitions.length],
        );
        if (gaps.some(({ kind }) => kind === 'made-anew')) await leaveParkedBehind(tx, view, topic, partition);
        for (const gap of gaps) {
          // Heartbeats that are gone have said nothing that a later one does not say again.
          if (topic === 'identity.heartbeats.v1') continue;
          // A gap that a former topic of this name left is one of that topic, not of this one.
          const of = gap.kind === 'made-anew' ? (stored?.incarnation ?? incarnation) : incarnation;
          const lost = { ...gap, topic, partition, incarnation: of };
          const noticedAt = await note(tx, view, lost);
          if (noticedAt !== undefined) {
            const counts = [row?.partitions ?? facts.partitions.length, facts.partitions.length];
            await onLoss?.(tx, { ...lost, partitions: [...new Set(counts)], noticedAt });
          }
          const fields = { view, topic, partition, kind: gap.kind, from: String(gap.from), to: String(gap.to ?? '?') };
          logger.error(fields, 'a topic has lost records before this view had read them');
        }
      }
      return starts;
    },
  );
};

/**
 * The number of partitions never changes (ADR 10). Where it has, later records of a key come in another partition than earlier ones,
 * and nothing says which to read first.
 *
 * @throws {Error} naming the topic, both numbers and the way out
 */
async function refuseDrift(
  tx: PoolClient,
  view: string,
  { topic, incarnation, partitions }: TopicFacts,
): Promise<void> {
  const spec = kindOf(topic);
  if (spec?.ordered === false) return;
  const { rows } = await tx.query<{ partitions: number }>(
    `select partitions from consumer_offset where view = $1 and topic = $2 and incarnation = $3 and partitions is not null limit 1`,
    [view, topic, incarnation],
  );
  const [bound, found] = [rows[0]?.partitions, partitions.length];
  if (bound === undefined || bound === found) return;
  throw new Error(`${drift(topic, found, bound)}: it is not read; ${mendOfDrift(spec)}`);
}

const kindOf = (topic: string): TopicSpec | undefined =>
  topic === FORMER_CALLS_TOPIC ? CALLS_OF_ANOTHER_API : specOf(topic);

/** @returns when, or undefined where it was noted before */
async function note(
  tx: PoolClient,
  view: string,
  lost: Omit<LostRecords, 'partitions' | 'noticedAt'>,
): Promise<Date | undefined> {
  const { topic, partition, incarnation, kind, from, to } = lost;
  const { rows } = await tx.query<{ noticed_at: Date }>(
    `insert into topic_gap (view, topic, partition, incarnation, kind, from_offset, to_offset)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing returning noticed_at`,
    [view, topic, partition, incarnation, kind, String(from), to === undefined ? null : String(to)],
  );
  return rows[0]?.noticed_at;
}

/** What a view has noticed to be lost at this moment or later. */
export async function lossesSince(tx: PoolClient, view: string, since: Date): Promise<readonly LostRecords[]> {
  const { rows } = await tx.query<
    Omit<LostRecords, 'from' | 'to'> & { readonly from: string; readonly to: string | null }
  >(
    `select topic, partition, incarnation, kind, from_offset as "from", to_offset as "to", noticed_at as "noticedAt",
            array(select distinct o.partitions from consumer_offset o
                   where o.view = g.view and o.topic = g.topic and o.partitions is not null) as partitions
       from topic_gap g where view = $1 and noticed_at >= $2 order by noticed_at`,
    [view, since],
  );
  return rows.map(({ from, to, ...lost }) => ({
    ...lost,
    from: BigInt(from),
    to: to === null ? undefined : BigInt(to),
  }));
}

/** More than any topic has: parked records of a former topic keep their order, before all of the present one. */
const BEFORE_ALL = 1_000_000_000_000n;

/**
 * What was parked from a former topic of this name. Where the topic is filled again from its source, the records come again;
 * elsewhere they exist nowhere else, and stay.
 */
async function leaveParkedBehind(tx: PoolClient, view: string, topic: string, partition: number): Promise<void> {
  const { retention } = kindOf(topic) ?? {};
  const comesAgain = retention === 'forever' || retention === 'compact';
  await tx.query(
    comesAgain
      ? 'delete from parked_record where view = $1 and topic = $2 and partition = $3'
      : `update parked_record set "offset" = "offset" - ${String(BEFORE_ALL)}
          where view = $1 and topic = $2 and partition = $3`,
    [view, topic, partition],
  );
}

/** The newest hundred. */
export async function gapsOf(pool: Pool, view: string): Promise<readonly NotedGap[]> {
  const { rows } = await pool.query<NotedGap>(
    `select topic || '/' || partition as "where", incarnation, kind, from_offset as "from", to_offset as "to",
            noticed_at as "noticedAt"
       from topic_gap where view = $1 order by noticed_at desc limit 100`,
    [view],
  );
  return rows;
}
