import { EventStore, toStream } from '@rebelcore/event-store/event-store';
import { randomUUIDv7 as uuid } from 'node:crypto';
import { someEmail, type IdentityFixture } from '../identity.fixture-spec.js';
import { PortalPasswords } from '../passwords/portal-passwords.js';
import { emailClaim } from './email.js';
import { portalUser, register } from './portal-user.js';

export interface TestPerson {
  readonly id: string;
  readonly email: string;
  readonly password: string;
}

/** A portal user of the customer who has a password and no second factor yet, without the way of an invitation. */
export async function somebody(identity: IdentityFixture, customerId: string): Promise<TestPerson> {
  const [id, email, password] = [uuid(), someEmail(), `Aa1-${uuid()}`];
  const details = { portalUserId: id, customerId, owner: false, actor: { kind: 'operator' as const } };
  const passwordHash = await identity.app.get(PortalPasswords).hash(password, 'test');
  const person = { email, firstName: 'Bob', lastName: 'B' };
  const registered = register(details, person, passwordHash)(portalUser.initial);
  await identity.app.get(EventStore).append([toStream(portalUser, id, 0, registered)], {
    customerId,
    correlationId: 'test',
    claims: [{ ...emailClaim(email), streamId: id }],
  });
  return { id, email, password };
}

/** What is kept of a person beside the events is gone, as it is when these were put back from their topic. */
export async function forgetDetails(identity: IdentityFixture, { id }: Pick<TestPerson, 'id'>): Promise<void> {
  await identity.database.asOwner(
    `set rebelcore.every_customer = on;
     delete from portal_user_private where portal_user_id = '${id}';
     delete from claim where stream_id = '${id}';
     delete from session where portal_user_id = '${id}'`,
  );
}
