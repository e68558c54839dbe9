import { specify } from '@rebelcore/testing/given-when-then';
import { portalUser, register, type PortalUserEvent } from './portal-user.js';

const details = {
  portalUserId: '0198a1de-cccc-7000-8000-000000000001',
  customerId: '0198a1de-bbbb-7000-8000-000000000001',
  owner: true,
  actor: { kind: 'operator' as const },
};
const person = { email: 'ada@example.test', firstName: 'Ada', lastName: 'L', passwordHash: '$argon2id$…' };
const registered: PortalUserEvent = { type: 'PortalUserRegistered', data: details, confidential: person };
const { given } = specify(portalUser);

describe('a portal user', () => {
  it('is registered, with personal data beside the event', () => {
    given([]).when(register(details, person)).then([registered]);
  });

  it('is registered once', () => {
    given([registered]).when(register(details, person)).thenNothing();
  });

  it('invariant 7: leaves no personal data and no password hash in what is stored as the event', () => {
    expect(JSON.stringify(portalUser.codec.encode(registered))).not.toMatch(/ada|argon2/i);
  });
});
