import { until } from '@rebelcore/testing/until';
import jwt from 'jsonwebtoken';
import { randomUUID } from 'node:crypto';
import { Client } from '@rebelcore/embedded/client';
import { bearerOf, endpoints, expectStatus, TestCustomer } from '../support/system.js';

let customer: TestCustomer;
beforeAll(async () => {
  customer = await TestCustomer.provision();
});

const infer = async (headers: Record<string, string>) =>
  (await new Client(endpoints().portal).post('/api/v1/infer', { prompt: 'Hello', spec_ids: [] }, headers)).status;
/** The events of a change reach the services that decide by it within milliseconds; each request decides by what is there. */
const answers = (headers: Record<string, string>, status: number) =>
  until(async () => (await infer(headers)) === status, `/infer to answer ${String(status)}`);

async function add(permissions: Record<string, boolean>): Promise<string> {
  const answer = await customer.owner.post('/api/v1/roles', { name: `Role ${randomUUID()}`, permissions });
  expectStatus(answer, 201);
  return (answer.body as { id: string }).id;
}

describe('“Changed flags count from the next request”', () => {
  it('one token opens /infer while the role of its API user has the agent flag, and not while it has not', async () => {
    const [night, day] = [await add({ can_use_agent: true }), await add({ can_use_agent: true })];
    const apiUser = await customer.mint({ role_id: night });
    const bearer = await bearerOf(apiUser);
    expect(await infer(bearer)).toBe(200);

    const path = `/api/v1/roles/${night}`;
    const off = await customer.owner.patch(path, { permissions: { can_use_agent: false } });
    expectStatus(off, 200);
    await answers(bearer, 403);
    const scope = async () =>
      (jwt.decode((await bearerOf(apiUser)).authorization?.slice('Bearer '.length) ?? '') as jwt.JwtPayload)
        .scope as unknown;
    await until(async () => (await scope()) === '', 'a new token to have no scope');

    // “Deleting a role in use needs its users reassigned first”
    const refused = await customer.owner.delete(path);
    expect([refused.status, refused.body]).toEqual([409, expect.objectContaining({ code: 'role.in-use', users: 1 })]);
    expectStatus(await customer.owner.delete(`${path}?reassign_to=${day}`), 204);
    await answers(bearer, 200);

    const [entry] = await customer.activity('event_type=role.reassign_and_delete', 1);
    expect(JSON.stringify(entry?.metadata)).toContain(day);
    const calls = await customer.activity(`user_id=${apiUser.id}&event_type=api.call&outcome=refused`, 1);
    expect(JSON.stringify(calls[0]?.metadata)).toContain('permission.missing');
  });
});
