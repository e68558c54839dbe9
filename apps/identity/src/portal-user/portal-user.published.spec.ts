import { identityEvents } from '@rebelcore/contracts/identity-events';
import { portalUserPublication } from './portal-user.published.js';

const portalUserId = '0198a1de-aaaa-7000-8000-000000000001';
const customerId = '0198a1de-bbbb-7000-8000-000000000001';
const data = { portalUserId, customerId, owner: true, actor: { kind: 'operator' as const } };
const person = { email: 'ada@example.test', firstName: 'Ada', lastName: 'Lovelace' };

it('invariant 7: of a person’s registration the fact is published, without personal data and password hash', () => {
  const [fact, ...more] = portalUserPublication.publish({
    event: { type: 'PortalUserRegistered', data, confidential: { person, passwordHash: '$argon2id$x' } },
    id: '0198a1de-cccc-7000-8000-000000000001',
    streamId: portalUserId,
    customerId,
    version: 1,
    correlationId: 'api:1',
    time: new Date('2026-11-23T08:00:00.000Z'),
  });
  const { value = null, headers, key } = fact ?? {};
  const read = identityEvents.read({ value, headers: { ...headers, ce_sequence: '7' } });
  expect(read).toMatchObject({ name: 'PortalUserRegistered', subject: portalUserId, data });
  expect([key, more]).toEqual([customerId, []]);
  expect(JSON.stringify(fact)).not.toMatch(/ada|lovelace|argon2/i);
});
