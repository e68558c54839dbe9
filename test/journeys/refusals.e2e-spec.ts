import { randomUUID } from 'node:crypto';
import { Client, type Answer } from '@rebelcore/embedded/client';
import { authorize, bearerOf, endpoints, TestCustomer, type ApiUser } from '../support/system.js';

let customer: TestCustomer;
let other: TestCustomer;
let apiUser: ApiUser;
let foreign: ApiUser;
beforeAll(async () => {
  [customer, other] = await Promise.all([TestCustomer.provision(), TestCustomer.provision()]);
  [apiUser, foreign] = await Promise.all([customer.mint(), other.mint()]);
});

const anyone = () => new Client(endpoints().portal);
const detailOf = (answer: Answer) => (answer.body as { detail?: string }).detail;

describe('/authorize refuses bad input', () => {
  it.each([
    [{}, 'username: is required; password: is required'],
    [{ username: 'x' }, 'password: is required'],
    [{ username: 7, password: 'x' }, 'username: must be a string'],
    [{ username: 'x', password: ['x'] }, 'password: must be a string'],
    [[], 'body: must be an object'],
  ])('%j with 400 and the field and rule by name', async (body, detail) => {
    const answer = await anyone().post('/api/v1/authorize', body);
    expect([answer.status, detailOf(answer)]).toEqual([400, detail]);
  });

  it('an oversize body with 413', async () => {
    const answer = await anyone().post('/api/v1/authorize', { username: 'x'.repeat(2_000_000), password: 'x' });
    expect(answer.status).toBe(413);
  });

  // S05
  it('unknown, wrong, inactive and portal users with the same bytes', async () => {
    const inactive = await customer.mint();
    await customer.deactivate(inactive);
    const credentials = [
      { username: `${randomUUID()}@api.rebelcore.local`, password: 'x'.repeat(48) },
      { username: apiUser.username, password: 'x'.repeat(48) },
      { username: inactive.username, password: inactive.password },
      { username: customer.email, password: customer.password },
    ];
    const answers = await Promise.all(
      credentials.map(async (each) => {
        const answer = await fetch(`${endpoints().portal}/api/v1/authorize`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(each),
        });
        // These are of this call and this moment.
        const { date, 'x-correlation-id': id, ...headers } = Object.fromEntries(answer.headers);
        expect([date, id]).toEqual([expect.any(String), expect.any(String)]);
        return { status: answer.status, headers, text: await answer.text() };
      }),
    );
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]).toMatchObject({ status: 401, text: '{"detail":"invalid credentials"}' });
  });
});

describe('management refuses bad input, writes nothing and records the refusal', () => {
  const key = () => ({ 'idempotency-key': randomUUID() });

  it.each([
    ['an unknown role', { role_id: randomUUID() }, 'role_id'],
    ['a missing role', {}, 'role_id: is required'],
    ['a role of a wrong type', { role_id: 7 }, 'role_id: must be a string'],
    ['an unknown field', { role_id: randomUUID(), password: 'mine' }, 'password: is not a known field'],
  ])('%s', async (_, body, words) => {
    const answer = await customer.owner.post('/api/v1/api-users', body, key());
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(detailOf(answer)).toContain(words);
  });

  it('a missing Idempotency-Key', async () => {
    const answer = await customer.owner.post('/api/v1/api-users', { role_id: await customer.roleId() });
    expect([answer.status, detailOf(answer)?.toLowerCase()]).toEqual([400, expect.stringContaining('idempotency-key')]);
  });

  it('invariant 8: ids of another customer are 404, and nothing changes there', async () => {
    expect((await customer.deactivate(foreign)).status).toBe(404);
    expect((await customer.reactivate(foreign)).status).toBe(404);
    expect((await customer.deactivate({ id: randomUUID() })).status).toBe(404);
    const replaces = await customer.owner.post(
      '/api/v1/api-users',
      { role_id: await customer.roleId(), replaces: foreign.id },
      key(),
    );
    expect(replaces.status).toBe(404);
    expect((await authorize(foreign)).status).toBe(200);
  });

  it('the owner cannot be deactivated', async () => {
    expect((await customer.deactivate({ id: customer.ownerId })).status).toBe(409);
  });

  it('records each of these refusals in the customer’s activity log', async () => {
    const entries = await customer.activity('event_type=api.call&outcome=refused', 8);
    expect(entries.some((entry) => JSON.stringify(entry.metadata).includes('/api/v1/users/:id/deactivate'))).toBe(true);
    const created = await customer.activity('event_type=api_user.create', 1);
    expect(created.every((entry) => entry.outcome === 'success')).toBe(true);
  });
});

// S03
describe('invariant 8: nothing of one customer is visible to another', () => {
  // “Chronological trail of who did what inside one customer”
  it('in lists, in the activity log and by its ids', async () => {
    const users = JSON.stringify((await other.owner.get('/api/v1/users')).body);
    const activity = await customer.activity(`user_id=${apiUser.id}`, 1);
    expect(users).toContain(foreign.id);
    expect(users).not.toContain(apiUser.id);
    expect((await other.owner.get(`/api/v1/activity?user_id=${apiUser.id}`)).body).toMatchObject({ items: [] });
    expect((await other.owner.get(`/api/v1/activity/${activity[0]?.id ?? ''}`)).status).toBe(404);
  });

  it('for a spec of another customer, which is 403', async () => {
    const spec = `spec-${randomUUID()}`;
    const infer = async (user: ApiUser) =>
      anyone().post('/api/v1/infer', { prompt: 'Hello', spec_ids: [spec] }, await bearerOf(user));
    expect((await infer(apiUser)).status).toBe(200);
    expect((await infer(foreign)).status).toBe(403);
  });
});

describe('tokens', () => {
  const infer = (token: string) =>
    anyone().post('/api/v1/infer', { prompt: 'Hello', spec_ids: [] }, { authorization: `Bearer ${token}` });

  // “Used only against the API.”
  // S08
  it('invariant 9: an API user’s token opens no management endpoint, whatever its role', async () => {
    const powerful = await customer.mint({ role_id: await customer.roleId('RebelCore_SuperUser') });
    const bearer = await bearerOf(powerful);
    const { identity, audit, portal } = endpoints();
    const routes: [string, 'get' | 'post', string][] = [
      ...[identity, portal].flatMap((base): [string, 'get' | 'post', string][] => [
        [base, 'get', '/api/v1/me'],
        [base, 'get', '/api/v1/users'],
        [base, 'get', '/api/v1/roles'],
        [base, 'post', '/api/v1/api-users'],
        [base, 'post', `/api/v1/users/${apiUser.id}/deactivate`],
        [base, 'post', `/api/v1/users/${apiUser.id}/reactivate`],
        [base, 'post', '/api/v1/customers'],
      ]),
      ...[audit, portal].map((base): [string, 'get' | 'post', string] => [base, 'get', '/api/v1/activity']),
    ];
    for (const [base, method, path] of routes) {
      const response = await fetch(`${base}${path}`, {
        method,
        headers: { ...bearer, 'content-type': 'application/json' },
        ...(method === 'post' && { body: '{}' }),
      });
      expect([path, response.status]).toEqual([path, 401]);
    }
    // Its owner is to know of it: each refusal stands in the customer's log, by the name of the API user.
    const refused = await customer.activity(`user_id=${powerful.id}&event_type=api.call`, routes.length);
    expect(refused.map(({ metadata }) => metadata.route).toSorted()).toEqual(
      routes.map(([, method, path]) => `${method.toUpperCase()} ${path.replace(apiUser.id, ':id')}`).toSorted(),
    );
  });

  // S01
  it('that are missing, forged or of a wrong kind are refused', async () => {
    const { authorization = '' } = await bearerOf(apiUser);
    const token = authorization.slice('Bearer '.length);
    const [header = '', payload = '', signature = ''] = token.split('.');
    const reheaded = (changes: object) => {
      const parsed = JSON.parse(Buffer.from(header, 'base64url').toString()) as object;
      return `${Buffer.from(JSON.stringify({ ...parsed, ...changes })).toString('base64url')}.${payload}.${signature}`;
    };
    const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    for (const forged of [
      '',
      'nonsense',
      `${header}.${payload}.${flipped}`,
      `${header}.${payload}.`,
      reheaded({ alg: 'none' }),
      reheaded({ alg: 'HS256' }),
      reheaded({ typ: 'JWT' }),
      reheaded({ kid: '../../etc/passwd' }),
      `${token}x`,
    ]) {
      const answer = await infer(forged);
      expect([forged.slice(0, 20), answer.status]).toEqual([forged.slice(0, 20), 401]);
    }
    expect((await infer(token)).status).toBe(200);
  });
});

describe('the gateway', () => {
  it('refuses a write that another origin’s page asked for', async () => {
    const answer = await customer.owner.post(`/api/v1/users/${apiUser.id}/deactivate`, undefined, {
      origin: 'https://evil.example',
    });
    expect(answer.status).toBe(403);
    expect((await authorize(apiUser)).status).toBe(200);
  });

  it('never proxies internal addresses', async () => {
    expect((await anyone().post('/internal/session-tokens')).status).toBe(404);
  });

  it('refuses portal calls without a session', async () => {
    for (const path of ['/api/v1/me', '/api/v1/users', '/api/v1/roles', '/api/v1/activity']) {
      expect([path, (await anyone().get(path)).status]).toEqual([path, 401]);
    }
  });

  it('ends a session at sign-out, from the next request on', async () => {
    const visitor = await TestCustomer.provision();
    const response = await visitor.owner.delete('/api/v1/sessions/current');
    expect(response.status).toBe(204);
    expect((await visitor.owner.get('/api/v1/me')).status).toBe(401);
  });
});
