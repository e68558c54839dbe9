import { randomBytes, randomUUID } from 'node:crypto';
import { signIn } from '@rebelcore/embedded/sign-in';
import { send } from './http.mjs';
import { seconds, until } from './waiting.mjs';

/** A customer with its Super Admin signed in, by whom commands are sent to whichever replica. */
export class Customer {
  static async provision(system) {
    const [{ url }] = system.services('identity');
    const email = `owner-${randomUUID()}@example.test`;
    const password = `Aa1${randomBytes(12).toString('hex')}`;
    const body = { name: 'Fault customer', owner: { email, first_name: 'Ada', last_name: 'Owner', password } };
    const created = await send('POST', `${url}/api/v1/customers`, {
      body,
      headers: { authorization: `Bearer ${system.endpoints.operator_token}` },
    });
    expectStatus(created, 201);
    const customer = new Customer();
    customer.id = created.body.customer.id;
    customer.#owner = { email, password };
    await customer.signIn(url);
    const roles = await send('GET', `${url}/api/v1/roles`, { headers: { authorization: await customer.bearer(url) } });
    customer.roleId = roles.body.items.find(({ name }) => name === 'RebelCore_AgentUser').id;
    return customer;
  }

  #owner;
  #authenticator;

  /** Once, and for long: each code signs in once, and there are three in a minute and a half. */
  async signIn(url) {
    const post = (path, body) => this.#post(`${url}${path}`, body);
    this.#authenticator = await signIn(post, this.#owner, this.#authenticator);
    this.token = undefined;
  }

  async #post(url, body) {
    const headers = this.cookie === undefined ? {} : { cookie: this.cookie };
    const answer = await send('POST', url, { body, headers });
    const [cookie] = answer.headers?.['set-cookie'] ?? [];
    if (cookie !== undefined) this.cookie = cookie.split(';')[0];
    return answer;
  }

  /** `Bearer …` of the owner's session, exchanged as the gateway does; undefined while identity is away. */
  async bearer(url) {
    if (this.token === undefined || Date.now() > this.renewAt) {
      const answer = await send('POST', `${url}/internal/session-tokens`, {
        headers: { cookie: this.cookie },
        timeoutMs: 4_000,
      });
      if (answer.status !== 200) return undefined;
      this.token = answer.body.token;
      this.renewAt = Date.now() + 30_000;
    }
    return `Bearer ${this.token}`;
  }

  /** Mints API users that `/authorize` accepts, before the trouble begins. */
  async mintAll(system, ledger, count) {
    const urls = system.services('identity').map(({ url }) => url);
    const minted = await Promise.all(
      Array.from({ length: count }, async () => {
        const entry = await mint(ledger, this, urls, { attempts: 5 });
        if (entry.apiUser?.password === undefined) throw new Error(`minting answered ${entry.answer?.status}`);
        return entry.apiUser;
      }),
    );
    const { url } = system.services('token')[0];
    await Promise.all(
      minted.map((apiUser) =>
        until(async () => {
          const { status } = await ledger.call({ apiUser, customerId: this.id, url });
          // Slowly: whoever fails too often is throttled, and what is throttled before it is known is nobody's in the log.
          if (status !== 200) await seconds(1);
          return status === 200;
        }, 'a new API user to be accepted'),
      ),
    );
    return minted;
  }
}

/** Mints one API user; `entry.apiUser` has its password when the first attempt was answered. */
export async function mint(ledger, customer, urls, options = {}) {
  const entry = await ledger.command({
    customer,
    urls,
    kind: 'mint',
    path: '/api/v1/api-users',
    body: { role_id: customer.roleId },
    headers: { 'idempotency-key': randomUUID() },
    ...options,
  });
  if (entry.outcome === 'acknowledged') {
    entry.apiUserId = entry.answer.body.id;
    entry.apiUser = { ...entry.answer.body, customerId: customer.id };
  }
  return entry;
}

/** `deactivate` or `reactivate`. `entry.confirmed` tells whether it was said to be in force. */
export async function switchTo(kind, ledger, customer, apiUser, urls, options = {}) {
  const entry = await ledger.command({
    customer,
    urls,
    kind,
    path: `/api/v1/users/${apiUser.id}/${kind}`,
    ...options,
  });
  entry.apiUserId = apiUser.id;
  entry.confirmed = entry.answer?.status === 200;
  return entry;
}

export function expectStatus(answer, status) {
  if (answer.status === status) return;
  throw new Error(`answered ${answer.status ?? answer.error}, not ${status}: ${answer.text ?? ''}`);
}
