import { randomBytes, randomUUID } from 'node:crypto';
import { Client } from '@rebelcore/embedded/client';
import type { Endpoints } from '@rebelcore/embedded/endpoints';
import { signIn } from '@rebelcore/embedded/sign-in';
import { until } from '@rebelcore/testing/until';
import { expectStatus, type TestCustomer } from './system.js';

interface Person {
  readonly id: string;
  readonly email: string;
  /** Signed in. */
  readonly client: Client;
}

/** Somebody of a customer who was invited with a role; resolves with their id and the link in the mail. */
async function invite(system: Endpoints, customer: TestCustomer, roleId: string) {
  const email = `person-${randomUUID()}@example.test`;
  const body = { first_name: 'Hedy', last_name: 'Clerk', email, role_id: roleId };
  const invited = await customer.owner.post('/api/v1/users', body);
  expectStatus(invited, 201);
  return { id: (invited.body as { id: string }).id, email, link: await linkMailedTo(system, email) };
}

/** Somebody who was invited and has set a password, with nothing but that. */
export async function acceptedPerson(system: Endpoints, customer: TestCustomer, roleId: string) {
  const { id, email, link } = await invite(system, customer, roleId);
  const password = `Aa1${randomBytes(12).toString('hex')}`;
  const client = new Client(system.portal);
  const token = new URL(link).hash.slice(1);
  expectStatus(await client.post(`/api/v1/invites/${token}/accept`, { password }), 204);
  return { id, email, password, client };
}

/** Somebody who has accepted an invitation, is enrolled and signed in. */
export async function newPerson(system: Endpoints, customer: TestCustomer, roleId: string): Promise<Person> {
  const { id, email, password, client } = await acceptedPerson(system, customer, roleId);
  await signIn((path, body) => client.post(path, body), { email, password });
  return { id, email, client };
}

/** A role of the customer's own. */
export async function newRole(customer: TestCustomer, name: string, ...flags: string[]): Promise<string> {
  const permissions = Object.fromEntries(flags.map((flag) => [flag, true]));
  const made = await customer.owner.post('/api/v1/roles', { name, permissions });
  expectStatus(made, 201);
  return (made.body as { id: string }).id;
}

/** The link in the newest mail to an address, once there are `count` mails to it. */
export async function linkMailedTo({ mailbox }: Endpoints, address: string, count = 1): Promise<string> {
  const links = async () => {
    const answer = await fetch(`${mailbox ?? ''}/messages?to=${encodeURIComponent(address)}`);
    const { items } = (await answer.json()) as { items: { links: string[] }[] };
    return items.length === count ? items[0]?.links : undefined;
  };
  let found: string[] | undefined;
  await until(async () => (found = await links()) !== undefined, `mail number ${String(count)} to ${address}`);
  const [link, ...more] = found ?? [];
  if (link === undefined || more.length > 0) throw new Error(`the mail to ${address} has not one link`);
  return link;
}
