import { randomBytes, randomUUID } from 'node:crypto';
import { Client } from '@rebelcore/embedded/client';
import type { Endpoints } from '@rebelcore/embedded/endpoints';
import { signIn } from '@rebelcore/embedded/sign-in';
import { expectStatus, type TestCustomer } from '../../support/system.js';
import { invitationTo } from './mailbox.js';

interface Person {
  readonly id: string;
  readonly email: string;
  /** Signed in. */
  readonly client: Client;
}

/** Somebody of a customer who was invited with a role, has set a password, is enrolled and signed in. */
export async function newPerson(system: Endpoints, customer: TestCustomer, roleId: string): Promise<Person> {
  const email = `person-${randomUUID()}@example.test`;
  const password = `Aa1${randomBytes(12).toString('hex')}`;
  const invited = await customer.owner.post('/api/v1/users', {
    first_name: 'Hedy',
    last_name: 'Clerk',
    email,
    role_id: roleId,
  });
  expectStatus(invited, 201);
  const token = new URL(await invitationTo(system, email)).hash.slice(1);
  const client = new Client(system.portal);
  expectStatus(await client.post(`/api/v1/invites/${token}/accept`, { password }), 204);
  await signIn((path, body) => client.post(path, body), { email, password });
  return { id: (invited.body as { id: string }).id, email, client };
}

/** A role of the customer's own. */
export async function newRole(customer: TestCustomer, name: string, ...flags: string[]): Promise<string> {
  const permissions = Object.fromEntries(flags.map((flag) => [flag, true]));
  const made = await customer.owner.post('/api/v1/roles', { name, permissions });
  expectStatus(made, 201);
  return (made.body as { id: string }).id;
}
