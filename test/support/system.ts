import { randomBytes, randomUUID } from 'node:crypto';
import type { Authenticator } from '@rebelcore/embedded/authenticator';
import { parseEndpoints, type Endpoints } from '@rebelcore/embedded/endpoints';
import { Client, type Answer } from '@rebelcore/embedded/client';
import { signIn } from '@rebelcore/embedded/sign-in';

export interface ApiUser {
  readonly id: string;
  readonly username: string;
  readonly password: string;
  readonly role: { readonly id: string; readonly name: string };
  readonly created_at: string;
}

export interface ActivityEntry {
  readonly id: string;
  readonly customer_id: string;
  readonly user_id: string | null;
  readonly event_type: string;
  readonly occurred_at: string;
  readonly outcome: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly correlation_id: string;
}

/** The one system that the journey tier has started; each test makes customers of its own in it. */
export function endpoints(): Endpoints {
  const text = process.env.TEST_SYSTEM;
  if (text === undefined) throw new Error('TEST_SYSTEM is not set: run this file in the journey project of Jest');
  return parseEndpoints(text, 'TEST_SYSTEM');
}

/** A customer of its own for one test, with the Super Admin signed in through the gateway. */
export class TestCustomer {
  private constructor(
    readonly id: string,
    readonly ownerId: string,
    readonly email: string,
    readonly password: string,
    readonly authenticator: Authenticator,
    readonly owner: Client,
  ) {}

  static async provision(baseUrl = endpoints().portal): Promise<TestCustomer> {
    const email = `owner-${randomUUID()}@example.test`;
    const password = `Aa1${randomBytes(12).toString('hex')}`;
    const created = await new Client(baseUrl).post(
      '/api/v1/customers',
      { name: 'Test customer', owner: { email, first_name: 'Ada', last_name: 'Owner', password } },
      { authorization: `Bearer ${endpoints().operator_token}` },
    );
    expectStatus(created, 201);
    const { customer, owner } = created.body as { customer: { id: string }; owner: { id: string } };
    const client = new Client(baseUrl);
    const authenticator = await signIn((path, body) => client.post(path, body), { email, password });
    return new TestCustomer(customer.id, owner.id, email, password, authenticator, client);
  }

  async roleId(name = 'RebelCore_AgentUser'): Promise<string> {
    const roles = (await this.owner.get('/api/v1/roles')).body as { items: { id: string; name: string }[] };
    const role = roles.items.find((each) => each.name === name);
    if (role === undefined) throw new Error(`there is no role ${name}`);
    return role.id;
  }

  async mint(body: Record<string, unknown> = {}): Promise<ApiUser> {
    const answer = await this.owner.post(
      '/api/v1/api-users',
      { role_id: await this.roleId(), ...body },
      { 'idempotency-key': randomUUID() },
    );
    expectStatus(answer, 201);
    return answer.body as ApiUser;
  }

  deactivate(apiUser: Pick<ApiUser, 'id'>): Promise<Answer> {
    return this.owner.post(`/api/v1/users/${apiUser.id}/deactivate`);
  }

  reactivate(apiUser: Pick<ApiUser, 'id'>): Promise<Answer> {
    return this.owner.post(`/api/v1/users/${apiUser.id}/reactivate`);
  }

  /** The activity entries that match, once there are at least `count` of them; fails after ten seconds. */
  async activity(query: string, count: number): Promise<ActivityEntry[]> {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const answer = await this.owner.get(`/api/v1/activity?limit=200&${query}`);
      expectStatus(answer, 200);
      const { items } = answer.body as { items: ActivityEntry[] };
      if (items.length >= count) return items;
      if (Date.now() > deadline) throw new Error(`only ${items.length} of ${count} activity entries for ${query}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}

export function authorize(apiUser: Pick<ApiUser, 'username' | 'password'>, baseUrl = endpoints().portal) {
  return new Client(baseUrl).post('/api/v1/authorize', { username: apiUser.username, password: apiUser.password });
}

export async function bearerOf(apiUser: ApiUser): Promise<Record<string, string>> {
  const answer = await authorize(apiUser);
  expectStatus(answer, 200);
  return { authorization: `Bearer ${(answer.body as { token: string }).token}` };
}

export function expectStatus(answer: Answer, status: number): void {
  if (answer.status !== status) {
    throw new Error(`${answer.request} answered ${answer.status}, not ${status}: ${JSON.stringify(answer.body)}`);
  }
}
