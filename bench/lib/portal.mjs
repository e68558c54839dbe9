import { randomUUID } from 'node:crypto';

/** The demo customer's Super Admin at the gateway. */
export class Owner {
  #cookie;

  constructor({ portal, owner }) {
    this.portal = portal;
    this.owner = owner;
  }

  async signIn() {
    await this.#send('POST', '/api/v1/sessions', 201, { email: this.owner.email, password: this.owner.password });
    const { body } = await this.#send('GET', '/api/v1/roles', 200);
    this.roleId = body.items.find(({ name }) => name === 'RebelCore_AgentUser').id;
  }

  async mint() {
    const headers = { 'idempotency-key': randomUUID() };
    return (await this.#send('POST', '/api/v1/api-users', 201, { role_id: this.roleId }, headers)).body;
  }

  /** Answers the status: 200 is in force, 202 is recorded and not yet confirmed. */
  async change(id, verb) {
    return (await this.#send('POST', `/api/v1/users/${id}/${verb}`, [200, 202])).status;
  }

  async #send(method, path, expected, body, headers = {}) {
    const response = await fetch(`${this.portal}${path}`, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(this.#cookie !== undefined && { cookie: this.#cookie }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (![expected].flat().includes(response.status)) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    const [cookie] = response.headers.getSetCookie();
    if (cookie !== undefined) this.#cookie = cookie.split(';')[0];
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  }
}
