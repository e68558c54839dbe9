import { UNATTRIBUTED } from '@rebelcore/contracts/call-events';
import { callsTopic, FORMER_CALLS_TOPIC, TOPICS, type TopicSpec } from '@rebelcore/contracts/topics';
import type { LostRecords } from '@rebelcore/messaging/project/topic-gaps';
import { partitionOf } from '@rebelcore/messaging/publish/kafka-publisher';
import type { PoolClient } from 'pg';
import { ACTIVITY_VIEW, append } from './activity.projector.js';
import { describeLoss } from './description.js';

/** Entries that are written with one statement. */
const AT_ONCE = 2_000;

/**
 * Writes a loss down for every customer who may lack entries because of it. Whose the lost records were nobody knows; whose they
 * cannot have been follows from their partition. A topic that was made anew and is filled again from its source has lost nothing.
 */
export async function tellOfLoss(tx: PoolClient, lost: LostRecords): Promise<void> {
  const spec: TopicSpec | undefined = (TOPICS as Readonly<Record<string, TopicSpec>>)[lost.topic];
  if (lost.kind === 'made-anew' && spec?.retention === 'forever') return;
  const concerned = (await knownCustomers(tx)).filter(isConcerned(lost));
  const at = new Date().toISOString();
  for (let first = 0; first < concerned.length; first += AT_ONCE) {
    const some = concerned.slice(first, first + AT_ONCE);
    await append(
      tx,
      some.map((customerId) => describeLoss(lost, customerId, at)),
    );
  }
}

function isConcerned({ topic, partition, partitions }: LostRecords): (customerId: string) => boolean {
  const isThere = (customerId: string) => partitionOf(customerId, partitions) === partition;
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
