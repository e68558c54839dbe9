import type { Discard } from '@rebelcore/service/discard-parked';
import { UNATTRIBUTED, type Call, type callEvents } from '@rebelcore/contracts/call-events';
import type { DiscardedRecord } from '@rebelcore/messaging/project/parking-lot';
import type { IdentityEvent } from '@rebelcore/contracts/identity-events';
import type { tokenEvents } from '@rebelcore/contracts/token-events';
import { callsTopic, writerOfCalls } from '@rebelcore/contracts/topics';
import type { LostRecords } from '@rebelcore/messaging/project/topic-gaps';
import { hash } from 'node:crypto';
import { actorIdOf, callStory } from './call-story.js';
import type { ActivityEntry, Story } from './entry.js';
import { identityStory } from './identity-story.js';
import { callersName, oneLine } from './words.js';

type TokenEvent = ReturnType<typeof tokenEvents.read>;
type CallEvent = ReturnType<typeof callEvents.read>;

export function describeIdentityEvent(event: IdentityEvent): ActivityEntry {
  const story = identityStory(event);
  const { causationId } = event;
  const metadata = { ...story.metadata, ...(causationId !== undefined && callersName(causationId)) };
  return entryOf(event, { ...story, metadata }, actorOf(event));
}

export function describeTokenEvent(event: TokenEvent): ActivityEntry {
  const { apiUserId, state, sequence, appliedAt } = event.data;
  const inSpaceOfToken = { ...event, id: idInSpaceOf('token.events.v1', event.id) };
  return entryOf(inSpaceOfToken, {
    userId: apiUserId,
    eventType: 'api_user.authorization_applied',
    description: `Every authorize now goes by the last change of API user ${apiUserId}, and ${state === 'active' ? 'accepts' : 'refuses'} it`,
    metadata: { state, sequence, applied_at: appliedAt },
  });
}

/**
 * One record carries the calls of one customer that were answered together; each is an entry of its own.
 *
 * @param writer the service whose topic it came on; what a call says of its service does not count
 */
export const describeCalls = (event: CallEvent, writer: string): ActivityEntry[] =>
  event.data.calls.map((call) =>
    entryOfCall(event, { ...call, service: writer, id: idInSpaceOf(callsTopic(writer), call.id) }),
  );

/** From the time when all services wrote to one topic: the service and the id are what the call says. */
export const describeFormerCalls = (event: CallEvent): ActivityEntry[] =>
  event.data.calls.map((call) => entryOfCall(event, call));

const entryOfCall = ({ data: { customerId } }: CallEvent, call: Call): ActivityEntry => ({
  ...callStory(call),
  actorId: actorIdOf(call),
  id: call.id,
  customerId,
  occurredAt: atMillisecond(call.at),
  correlationId: oneLine(call.correlationId),
});

/**
 * A record that could not become entries, and that an operator has let go.
 *
 * @param at RFC 3339 UTC with milliseconds
 */
export function describeDiscard(
  { topic, partition, offset, key, code, reason }: DiscardedRecord,
  discard: Discard,
): ActivityEntry {
  const place = `${topic}/${String(partition)}@${String(offset)}`;
  const [by, why] = [oneLine(discard.by), oneLine(discard.why)];
  return {
    id: uuidOf(hash('sha256', `record.discard\0${place}`)),
    customerId: key !== null && UUID.test(key) ? key : UNATTRIBUTED,
    userId: null,
    actorId: null,
    eventType: 'record.discard',
    occurredAt: discard.at,
    outcome: 'success',
    description: `A record of ${topic} that could not be read was let go for good by ${by}: ${why}`,
    metadata: { record: place, parked_code: code, parked_reason: oneLine(reason), by, reason: why },
    correlationId: place,
  };
}

/** Records that were lost before they became entries of this log, as each customer is told whose key lies in their partition. */
export function describeLoss(
  { topic, partition, incarnation, kind, from, to, noticedAt }: LostRecords,
  customerId: string,
): ActivityEntry {
  const place = `${topic}/${String(partition)}@${String(from)}`;
  const service = writerOfCalls(topic);
  const what = service === undefined ? 'Entries' : `Calls that ${service} answered`;
  const lost =
    to === undefined
      ? `what came from record ${String(from)} on in ${topic}/${String(partition)}, if anything,`
      : `records ${String(from)} to ${String(to - 1n)} of ${topic}/${String(partition)}`;
  return {
    id: uuidOf(hash('sha256', `log.gap\0${place}\0${incarnation}\0${kind}\0${customerId}`)),
    customerId,
    userId: null,
    actorId: null,
    eventType: 'log.gap',
    // As it is stored beside the gap, so that telling it again adds nothing.
    occurredAt: noticedAt.toISOString(),
    outcome: 'failed',
    description: `${what} may be missing from this log: Kafka lost ${lost} before it was written down here`,
    metadata: {
      topic,
      partition,
      topic_id: incarnation,
      kind,
      from: String(from),
      ...(to !== undefined && { to: String(to) }),
    },
    correlationId: place,
  };
}

function actorOf({ name, data }: IdentityEvent): string | null {
  switch (name) {
    case 'PortalUserSignedIn':
    case 'PortalUserSecondFactorEnrolled':
    case 'PortalUserRecoveryCodesRenewed':
      return data.portalUserId;
    default:
      return 'actor' in data && data.actor.kind === 'portal_user' ? data.actor.id : null;
  }
}

function entryOf(event: IdentityEvent | TokenEvent, story: Story, actorId: string | null = null): ActivityEntry {
  return {
    outcome: 'success',
    ...story,
    actorId,
    id: entryId(event.source, event.id),
    customerId: event.data.customerId,
    occurredAt: atMillisecond(event.time),
    correlationId: oneLine(event.correlationId),
  };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** CloudEvents asks only that source and id together are unique; an id that is no UUID becomes one. */
const entryId = (source: string, id: string): string =>
  UUID.test(id) ? id.toLowerCase() : uuidOf(hash('sha256', `${source}\0${id}`));

/**
 * The id of an entry whose id a writer chose, in the space of its topic: whatever id it copies, it is that of no entry from
 * elsewhere. The first half, in which version 7 has the time, stays in front, so that indexes grow at their edge.
 */
export function idInSpaceOf(topic: string, id: string): string {
  const made = uuidOf(hash('sha256', `${topic}\0${id.toLowerCase()}`));
  return UUID.test(id) ? id.slice(0, 13).toLowerCase() + made.slice(13) : made;
}

/** Version 8, which nothing but this makes. */
const uuidOf = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;

/** @throws {RangeError} for a text that no calendar knows; the record is parked then. */
const atMillisecond = (time: string): string => (MILLISECOND.test(time) ? time : new Date(time).toISOString());
// Nearly every time is written so already, and its schema has seen that there is such a day.
const MILLISECOND = /^[^.]+\.\d{3}Z$/;
