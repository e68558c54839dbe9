import type { callEvents } from '@rebelcore/contracts/call-events';
import type { IdentityEvent } from '@rebelcore/contracts/identity-events';
import type { tokenEvents } from '@rebelcore/contracts/token-events';
import { createHash } from 'node:crypto';
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
  return entryOf(event, {
    userId: apiUserId,
    eventType: 'api_user.authorization_applied',
    description: `API user ${apiUserId} is now ${state === 'active' ? 'accepted' : 'refused'} by every authorize`,
    metadata: { state, sequence, applied_at: appliedAt },
  });
}

/** One record carries the calls of one customer that were answered together; each is an entry of its own. */
export function describeCalls(event: CallEvent): ActivityEntry[] {
  const { customerId, calls } = event.data;
  return calls.map((call) => ({
    ...callStory(call),
    actorId: actorIdOf(call),
    id: call.id,
    customerId,
    occurredAt: atMillisecond(call.at),
    correlationId: oneLine(call.correlationId),
  }));
}

function actorOf({ name, data }: IdentityEvent): string | null {
  if (name === 'PortalUserSignedIn' || name === 'PortalUserSecondFactorEnrolled') return data.portalUserId;
  return 'actor' in data && data.actor.kind === 'portal_user' ? data.actor.id : null;
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

/** CloudEvents asks only that source and id together are unique; an id that is no UUID becomes one (version 8). */
function entryId(source: string, id: string): string {
  if (UUID.test(id)) return id.toLowerCase();
  const hex = createHash('sha256').update(`${source}\0${id}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** @throws {RangeError} for a text that no calendar knows; the record is parked then. */
const atMillisecond = (time: string): string => (MILLISECOND.test(time) ? time : new Date(time).toISOString());
// Nearly every time is written so already, and its schema has seen that there is such a day.
const MILLISECOND = /^[^.]+\.\d{3}Z$/;
