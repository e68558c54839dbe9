import { UNATTRIBUTED } from '@rebelcore/contracts/call-events';
import { callsTopic, FORMER_CALLS_TOPIC, TOPICS, type TopicSpec } from '@rebelcore/contracts/topics';
import { lossesSince, type LostRecords } from '@rebelcore/messaging/project/topic-gaps';
import { partitionOf } from '@rebelcore/messaging/publish/kafka-publisher';
import type { PoolClient } from 'pg';
import { ACTIVITY_VIEW, append } from './activity.view.js';
import { describeLoss } from './description.js';
import type { ActivityEntry } from './entry.js';

/** Entries that are written with one statement. */
const AT_ONCE = 2_000;

/** Held while a loss is told to those who are known, and shared by who comes to know a customer: one sees what the other did. */
const TELLING = `hashtextextended('log.gap', 0)`;

/**
 * Writes a loss down for every customer who may lack entries because of it. Whose the lost records were nobody knows; whose they
 * cannot have been follows from their partition. Who is not known yet is told by {@link lossesToTell}.
 */
export async function tellOfLoss(tx: PoolClient, lost: LostRecords): Promise<void> {
  if (comesAgain(lost)) return;
  await tx.query(`select pg_advisory_xact_lock(${TELLING})`);
  const concerned = (await knownCustomers(tx)).filter(isConcerned(lost));
  for (let first = 0; first < concerned.length; first += AT_ONCE) {
    const some = concerned.slice(first, first + AT_ONCE);
    await append(
      tx,
      some.map((customerId) => describeLoss(lost, customerId)),
    );
  }
}

/**
 * What was noticed to be lost before the log knew these customers: it may know them late, from an empty database or an old one. What
 * was noticed before there was a customer was none of its own.
 *
 * @param firsts the entry of the first event of each
 */
export async function lossesToTell(tx: PoolClient, firsts: readonly ActivityEntry[]): Promise<ActivityEntry[]> {
  if (firsts.length === 0) return [];
  await tx.query(`select pg_advisory_xact_lock_shared(${TELLING})`);
  const since = new Date(Math.min(...firsts.map(({ occurredAt }) => Date.parse(occurredAt))));
  const losses = (await lossesSince(tx, ACTIVITY_VIEW, since)).filter((lost) => !comesAgain(lost));
  return losses.flatMap((lost) =>
    firsts
      .filter(({ occurredAt }) => lost.noticedAt.getTime() >= Date.parse(occurredAt))
      .map(({ customerId }) => customerId)
      .filter(isConcerned(lost))
      .map((customerId) => describeLoss(lost, customerId)),
  );
}

/** A topic that was made anew and is filled again from its source has lost nothing. */
function comesAgain({ topic, kind }: LostRecords): boolean {
  const spec: TopicSpec | undefined = (TOPICS as Readonly<Record<string, TopicSpec>>)[topic];
  return kind === 'made-anew' && spec?.retention === 'forever';
}

function isConcerned({ topic, partition, partitions }: LostRecords): (customerId: string) => boolean {
  const isThere = (customerId: string) => partitions.some((count) => partitionOf(customerId, count) === partition);
  // Refusals that name an API user are found only here to be its customer's.
  const mayBeAnybodys = [callsTopic('token'), FORMER_CALLS_TOPIC].includes(topic) && isThere(UNATTRIBUTED);
  return mayBeAnybodys ? () => true : isThere;
}

async function knownCustomers(tx: PoolClient): Promise<string[]> {
  const { rows } = await tx.query<{ key: string }>(
    `select key from applied_sequence where view = $1 and topic = 'identity.events.v1'`,
    [ACTIVITY_VIEW],
  );
  return [...new Set([...rows.map(({ key }) => key), UNATTRIBUTED])];
}
