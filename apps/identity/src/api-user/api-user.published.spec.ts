import { credentialEvents } from '@rebelcore/contracts/credential-events';
import { identityEvents } from '@rebelcore/contracts/identity-events';
import type { Recording } from '@rebelcore/event-store/event-store';
import type { OutgoingRecord } from '@rebelcore/messaging/publish/publisher';
import { identityEvent } from '../published-event.js';
import type { ApiUserEvent } from './api-user.js';
import { apiUserPublication } from './api-user.published.js';

const apiUserId = '0198a1de-aaaa-7000-8000-000000000001';
const customerId = '0198a1de-bbbb-7000-8000-000000000001';
const eventId = '0198a1de-cccc-7000-8000-000000000001';
const credential = { pepperVersion: 'v1', verifier: 'A'.repeat(43) };
const created: Extract<ApiUserEvent, { type: 'ApiUserCreated' }> = {
  type: 'ApiUserCreated',
  data: {
    apiUserId,
    customerId,
    username: `${apiUserId}@api.rebelcore.local`,
    role: { id: customerId, name: 'RebelCore_AgentUser' },
    actor: { kind: 'operator' },
  },
  confidential: credential,
};
const recording: Recording<ApiUserEvent> = {
  event: created,
  id: eventId,
  streamId: apiUserId,
  customerId,
  version: 1,
  correlationId: 'api:1',
  traceparent: '00-trace',
  time: new Date('2026-11-23T08:00:00.000Z'),
};
// As the append completes it.
const numbered = (record: OutgoingRecord | undefined) => ({
  ...record,
  value: record?.value ?? null,
  headers: { ...record?.headers, ce_sequence: '7' },
});

describe('what is published of an API user’s creation', () => {
  const [first, second, ...more] = apiUserPublication.publish(recording);

  it('puts the verifier on the credentials topic first, keyed by API user, and then the fact, keyed by customer', () => {
    expect([first?.topic, first?.key]).toEqual(['identity.credentials.v1', apiUserId]);
    expect([second?.topic, second?.key]).toEqual(['identity.events.v1', customerId]);
    expect(more).toEqual([]);
  });

  it('is what readers of both topics expect', () => {
    expect(credentialEvents.read(numbered(first))).toMatchObject({
      name: 'ApiUserCredentialIssued',
      subject: apiUserId,
      sequence: 7,
      data: { apiUserId, customerId, ...credential },
    });
    expect(identityEvents.read(numbered(second))).toMatchObject({
      id: eventId,
      source: '/identity',
      name: 'ApiUserCreated',
      subject: apiUserId,
      sequence: 7,
      time: '2026-11-23T08:00:00.000Z',
      correlationId: 'api:1',
      traceparent: '00-trace',
      data: created.data,
    });
  });

  it('gives each record an id of its own, the same for every duplicate', () => {
    const [again] = apiUserPublication.publish(recording);
    expect(first?.headers.ce_id).not.toBe(second?.headers.ce_id);
    expect(again?.headers.ce_id).toBe(first?.headers.ce_id);
  });

  it('invariant 7: leaves the verifier off the events topic', () => {
    expect(JSON.stringify(second)).not.toContain(credential.verifier);
  });
});

describe('what is published of a change of status', () => {
  it('is the fact alone', () => {
    const { actor } = created.data;
    const deactivated: ApiUserEvent = { type: 'ApiUserDeactivated', data: { apiUserId, customerId, actor } };
    const [fact, ...more] = apiUserPublication.publish({ ...recording, event: deactivated });
    expect(identityEvents.read(numbered(fact))).toMatchObject({ name: 'ApiUserDeactivated', data: deactivated.data });
    expect(more).toEqual([]);
  });
});

it('an event that the catalogue does not describe is refused by the types, and by readers', () => {
  const renamed = { ...recording, event: { type: 'ApiUserRenamed' as const, data: created.data } };
  // @ts-expect-error the catalogue has no such event
  const record = identityEvent(renamed, apiUserId);
  expect(() => identityEvents.read(numbered(record))).toThrow('ApiUserRenamed');
});
