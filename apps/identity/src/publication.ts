import { encodeUnnumbered, type UnnumberedEvent } from '@rebelcore/contracts/cloud-event';
import { credentialEvents } from '@rebelcore/contracts/credential-events';
import { identityEvents } from '@rebelcore/contracts/identity-events';
import type { Recording } from '@rebelcore/event-store/event-store';
import type { OutgoingRecord } from '@rebelcore/messaging/publish/publisher';
import type { ApiUserEvent } from './api-user/api-user.js';
import type { CustomerEvent } from './customer/customer.js';
import type { PortalUserEvent } from './portal-user/portal-user.js';
import type { SignInEvent } from './session/sign-in.js';

/** Every event that identity stores. */
export type StoredIdentityEvent = CustomerEvent | PortalUserEvent | SignInEvent | ApiUserEvent;

const SOURCE = '/identity';

/**
 * What is published of a stored event. The stored and the published shape are the same so far; a stored event of a later
 * version is brought to the published one here.
 */
export function publish(recording: Recording): readonly OutgoingRecord[] {
  const event = recording.event as StoredIdentityEvent;
  const subject = subjectOf(event);
  const fact = envelope(recording, recording.id, identityEvents.wireType(event.type), subject, event.data);
  const published = { topic: 'identity.events.v1', ...encodeUnnumbered(fact, recording.customerId) };
  if (event.type !== 'ApiUserCreated' || event.confidential === undefined) return [published];

  // First the credential: whoever sees the API user created can have its verifier already.
  const { apiUserId, customerId, username } = event.data;
  const credential = envelope(
    recording,
    `${recording.id}:credential`,
    credentialEvents.wireType('ApiUserCredentialIssued'),
    subject,
    { apiUserId, customerId, username, ...event.confidential },
  );
  return [{ topic: 'identity.credentials.v1', ...encodeUnnumbered(credential, apiUserId) }, published];
}

function subjectOf(event: StoredIdentityEvent): string {
  switch (event.type) {
    case 'CustomerProvisioned':
      return event.data.customerId;
    case 'PortalUserRegistered':
    case 'PortalUserSignedIn':
    case 'PortalUserSignInFailed':
      return event.data.portalUserId;
    case 'ApiUserCreated':
    case 'ApiUserDeactivated':
    case 'ApiUserReactivated':
      return event.data.apiUserId;
  }
}

function envelope(recording: Recording, id: string, type: string, subject: string, data: unknown): UnnumberedEvent {
  const { time, correlationId, causationId, traceparent } = recording;
  return {
    id,
    source: SOURCE,
    type,
    time: time.toISOString(),
    subject,
    correlationId,
    data,
    ...(causationId !== undefined && { causationId }),
    ...(traceparent !== undefined && { traceparent }),
  };
}
