import { randomUUID } from 'node:crypto';
import { Client } from '@rebelcore/embedded/client';
import { acceptedPerson } from '../support/people.js';
import { authorize, bearerOf, endpoints, expectStatus, TestCustomer, type ApiUser } from '../support/system.js';

let customer: TestCustomer;
beforeAll(async () => {
  customer = await TestCustomer.provision();
});

const infer = (headers: Record<string, string>, body: object = { prompt: 'Hello', spec_ids: [] }) =>
  new Client(endpoints().portal).post('/api/v1/infer', body, headers);

describe('the main job', () => {
  it('invariant 5: what the dialog shows, /authorize accepts at once', async () => {
    for (let round = 0; round < 10; round += 1) {
      const apiUser = await customer.mint();
      expect(apiUser.username).toMatch(/^[0-9a-f-]{36}@api\.rebelcore\.local$/);
      expect(apiUser.password).toMatch(/^[A-Za-z0-9]{48}$/);
      const before = Math.floor(Date.now() / 1000);
      const answer = await authorize(apiUser);
      expect(answer.status).toBe(200);
      const body = answer.body as { token: string; expires_at: number; token_type: string };
      expect(Object.keys(body).sort()).toEqual(['expires_at', 'token', 'token_type']);
      expect(body.token_type).toBe('Bearer');
      expect(body.expires_at - before - 86_400).toBeGreaterThanOrEqual(0);
      expect(body.expires_at - before - 86_400).toBeLessThanOrEqual(2);
    }
  });

  it('invariant 5: the same Idempotency-Key gives the same API user and never the password', async () => {
    const body = { role_id: await customer.roleId(), label: 'once' };
    const key = { 'idempotency-key': randomUUID() };
    const mint = (changes: object = {}) => customer.owner.post('/api/v1/api-users', { ...body, ...changes }, key);
    const [first, again, other] = [await mint(), await mint(), await mint({ label: 'twice' })];
    expect([first.status, again.status, other.status]).toEqual([201, 200, 422]);
    expect((again.body as ApiUser).id).toBe((first.body as ApiUser).id);
    expect(again.body).not.toHaveProperty('password');
  });

  it('invariant 5: a list asked with the position of a write contains that write', async () => {
    const answer = await customer.owner.post(
      '/api/v1/api-users',
      { role_id: await customer.roleId(), label: 'listed' },
      { 'idempotency-key': randomUUID() },
    );
    expect(answer.position).toMatch(/^\d+$/);
    const list = await customer.owner.get(`/api/v1/users?type=api&position=${answer.position ?? ''}`);
    const { items } = list.body as { items: { id: string }[] };
    expect(items.map((item) => item.id)).toContain((answer.body as ApiUser).id);
    const activity = await customer.owner.get(
      `/api/v1/activity?event_type=api_user.create&position=${answer.position ?? ''}`,
    );
    expect(JSON.stringify(activity.body)).toContain((answer.body as ApiUser).id);
  });

  // “Deactivation blocks all future `/authorize` calls immediately. Issued tokens keep working until they expire (24 h).”
  it('invariant 4: after a confirmed deactivation no /authorize succeeds, and tokens already out live on', async () => {
    for (let round = 0; round < 10; round += 1) {
      const apiUser = await customer.mint();
      const bearer = await bearerOf(apiUser);
      const deactivated = await customer.deactivate(apiUser);
      expect(deactivated).toMatchObject({ status: 200, body: { status: 'inactive' } });
      const replicas = JSON.parse(process.env.TEST_TOKEN_REPLICAS ?? '[]') as string[];
      expect(replicas).toHaveLength(2);
      const everywhere = [endpoints().portal, ...replicas, ...replicas, ...replicas];
      const answers = await Promise.all(everywhere.map((url) => authorize(apiUser, url)));
      expect(answers.map((answer) => answer.status)).toEqual(everywhere.map(() => 401));
      expect(answers[0]?.body).toEqual({ detail: 'invalid credentials' });
      expect((await infer(bearer)).status).toBe(200);
    }
  });

  it('deactivates and reactivates, and repeating either changes nothing', async () => {
    const apiUser = await customer.mint();
    const first = await customer.deactivate(apiUser);
    const again = await customer.deactivate(apiUser);
    // How many tokens are out is a reading of the moment.
    const { status, enforced_at } = first.body as Record<string, unknown>;
    expect(again.body).toMatchObject({ status, enforced_at });
    expect((await customer.reactivate(apiUser)).body).toMatchObject({ status: 'active' });
    expect((await authorize(apiUser)).status).toBe(200);
    // Events of one API user are projected in order: once the last of them is seen, a doubled one before it would be too.
    await customer.activity(`user_id=${apiUser.id}&event_type=api_user.reactivate`, 1);
    const entries = await customer.activity(`user_id=${apiUser.id}`, 1);
    const of = (type: string) => entries.filter((entry) => entry.event_type === type).length;
    expect([of('api_user.deactivate'), of('api_user.reactivate')]).toEqual([1, 1]);
  });

  it('“Rotation = mint a new one with the same role”: both authorize until the old one is deactivated', async () => {
    const old = await customer.mint({ label: 'old' });
    const fresh = await customer.mint({ label: 'new', replaces: old.id });
    expect(fresh.role).toEqual(old.role);
    expect((await authorize(old)).status).toBe(200);
    expect((await authorize(fresh)).status).toBe(200);
  });

  it('“Every creation, deactivation and call is on the Activity page”, each once', async () => {
    const apiUser = await customer.mint();
    const bearer = await bearerOf(apiUser);
    const called = await infer(bearer);
    await customer.deactivate(apiUser);
    await authorize(apiUser);

    const entries = await customer.activity(`user_id=${apiUser.id}`, 7);
    const counts: Record<string, number> = {};
    for (const { event_type: type, outcome } of entries)
      counts[`${type} ${outcome}`] = (counts[`${type} ${outcome}`] ?? 0) + 1;
    expect(counts).toEqual({
      'api_user.create success': 1,
      'api_user.deactivate success': 1,
      'api_user.authorization_applied success': 2,
      'api.authorize success': 1,
      'api.authorize refused': 1,
      'api.call success': 1,
    });
    const call = entries.find((entry) => entry.event_type === 'api.call');
    expect(call?.correlation_id).toBe((called.body as { correlation_id: string }).correlation_id);
  });

  // “No prompt content, no bodies, no personal data: the fact and the identifiers needed to cross-reference.”
  it('leaves names and addresses of people out of the log, whatever they do and wherever they type them', async () => {
    const ours = await TestCustomer.provision();
    const { portal } = endpoints();
    const { id, email, password, client } = await acceptedPerson(
      endpoints(),
      ours,
      await ours.roleId('RebelCore_User'),
    );
    const signIn = (body: object) => new Client(portal).post('/api/v1/sessions', { email, ...body });
    expectStatus(await signIn({ password: 'not-the-password-1' }), 401);
    expectStatus(await client.post('/api/v1/sessions', { email, password }), 201);
    expectStatus(await authorize({ username: email, password }), 401);
    expectStatus(await ours.owner.get(`/api/v1/users?q=${encodeURIComponent(email)}&cursor=x`), 400);
    expectStatus(await ours.owner.patch(`/api/v1/users/${id}`, { last_name: 'Quux' }), 200);
    expectStatus(await ours.owner.delete(`/api/v1/users/${id}`), 204);
    await ours.activity(`user_id=${id}&event_type=user.delete`, 1);
    await ours.activity(`user_id=${id}&event_type=session.sign_in_failed`, 1);
    const entries = await ours.activity('outcome=refused&event_type=api.call', 1);
    expect(JSON.stringify(entries)).toContain('GET /api/v1/users');
    const log = JSON.stringify(await ours.activity('', 8));
    expect(log).toContain(id);
    expect(log).not.toMatch(/Hedy|Clerk|Quux|\bAda\b|@example\.test/i);
  });

  it('carries the caller’s correlation id from HTTP through Kafka into the activity entry', async () => {
    const apiUser = await customer.mint();
    const correlation = `order-${randomUUID()}`;
    await customer.owner.post(`/api/v1/users/${apiUser.id}/deactivate`, undefined, { 'x-correlation-id': correlation });
    const entries = await customer.activity(`user_id=${apiUser.id}&event_type=api_user.deactivate`, 1);
    expect(entries[0]?.correlation_id).toMatch(/^api:/);
    expect(entries[0]?.metadata.caller_correlation_id).toBe(correlation);
  });
});
