import { encodeUnnumbered, type UnnumberedEvent } from '@rebelcore/contracts/cloud-event';
import { identityEvents, type IdentityEvent, type IdentityEventData } from '@rebelcore/contracts/identity-events';
import type { Recording } from '@rebelcore/event-store/event-store';
import type { ReceivedMessage } from '@rebelcore/messaging/consume/batch-consumer';
import type { OutgoingRecord } from '@rebelcore/messaging/publish/publisher';

type EventName = keyof typeof identityEvents.schemas;
type PublishedEvent = { [Name in EventName]: { type: Name; data: IdentityEventData<Name> } }[EventName];

/**
 * A stored event on `identity.events.v1`, keyed by its customer. The stored and the published shape are the same so far,
 * which the types demand; a stored event of another shape is brought to the published one by the caller.
 *
 * @param subject the id of what the event is about
 */
export function identityEvent(recording: Recording<PublishedEvent>, subject: string): OutgoingRecord {
  const { type, data } = recording.event;
  const event = { ...envelope(recording, subject), type: identityEvents.wireType(type), data };
  return { topic: 'identity.events.v1', ...encodeUnnumbered(event, recording.customerId) };
}

/** What a record of that topic tells; undefined for one that no reader of the topic takes. */
export function toldEvent(message: ReceivedMessage): IdentityEvent | undefined {
  try {
    const event = identityEvents.read(message);
    return message.key === event.data.customerId ? event : undefined;
  } catch {
    return undefined;
  }
}

/** What every record that follows from a stored event says about it. */
export function envelope(recording: Recording, subject: string): Omit<UnnumberedEvent, 'type' | 'data'> {
  const { id, time, correlationId, causationId, traceparent } = recording;
  return {
    id,
    source: '/identity',
    time: time.toISOString(),
    subject,
    correlationId,
    ...(causationId !== undefined && { causationId }),
    ...(traceparent !== undefined && { traceparent }),
  };
}
