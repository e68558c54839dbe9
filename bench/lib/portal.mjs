import { randomUUID } from 'node:crypto';
import { Authenticator } from '@rebelcore/embedded/authenticator';
import { Client } from '@rebelcore/embedded/client';
import { signIn } from '@rebelcore/embedded/sign-in';

/** The demo customer's Super Admin at the gateway. */
export class Owner {
  #client;

  constructor({ portal, owner }) {
    this.owner = owner;
    this.#client = new Client(portal);
  }

  get session() {
    return this.#client.session;
  }

  async signIn() {
    const authenticator = new Authenticator(this.owner.totp_secret, { usedElsewhere: true });
    await signIn((path, body) => this.#client.post(path, body), this.owner, authenticator);
    const { items } = this.#expect(await this.#client.get('/api/v1/roles'), 200).body;
    this.roleId = items.find(({ name }) => name === 'RebelCore_AgentUser').id;
  }

  async mint() {
    const headers = { 'idempotency-key': randomUUID() };
    return this.#expect(await this.#client.post('/api/v1/api-users', { role_id: this.roleId }, headers), 201).body;
  }

  /** Answers the status: 200 is in force, 202 is recorded and not yet confirmed. */
  async change(id, verb) {
    return this.#expect(await this.#client.post(`/api/v1/users/${id}/${verb}`), 200, 202).status;
  }

  #expect(answer, ...statuses) {
    if (statuses.includes(answer.status)) return answer;
    throw new Error(`${answer.request}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
}
