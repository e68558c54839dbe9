import { UNATTRIBUTED, type Call } from '@rebelcore/contracts/call-events';
import { heartbeat, type Heartbeat } from '@rebelcore/contracts/heartbeat';
import { provocations } from '@rebelcore/testing/contract';
import { until } from '@rebelcore/testing/until';
import { randomUUID } from 'node:crypto';
import { IdentityFixture, someEmail, type TestCustomer } from './identity.fixture-spec.js';

let identity: IdentityFixture;
let acme: TestCustomer;
beforeAll(async () => {
  identity = await IdentityFixture.start();
  acme = await identity.customer();
});
afterAll(() => identity.stop());

it('shows the three system roles', async () => {
  const { body } = await acme.call('GET', '/api/v1/roles');
  const items = body.items as unknown as { name: string; system: boolean; permissions: Record<string, boolean> }[];
  expect(items.map(({ name, system }) => [name, system])).toEqual([
    ['RebelCore_SuperUser', true],
    ['RebelCore_User', true],
    ['RebelCore_AgentUser', true],
  ]);
  expect(items[2]?.permissions).toMatchObject({ can_use_agent: true, can_add_users: false });
});

it('goes on after the database has ended each of its connections while nobody used them', async () => {
  const { id } = (await acme.mint()).body;
  const write = (what: string) => acme.call('POST', `/api/v1/users/${String(id)}/${what}`);
  // The emergency stop has connections of its own.
  expect((await write('deactivate')).status).toBe(200);
  expect(await identity.database.endSessions(`application_name = 'identity' and state = 'idle'`)).toBeGreaterThan(1);
  const again = async (what: string) => [200, 202].includes((await write(what)).status) || undefined;
  await until(() => again('reactivate'), 'a write through the usual connections');
  await until(() => again('deactivate'), 'one through those of the emergency stop');
});

describe('on its topics identity', () => {
  it('invariant 1: publishes what is committed and nothing else, in the order of each customer', async () => {
    await acme.mint();
    await acme.mint();
    const stored = await identity.rows(
      'select customer_id, sequence::int, event_id from event order by customer_id, sequence',
    );
    const published = () => {
      const mine = identity.events.filter(({ id }) => stored.some((row) => row.event_id === id));
      return mine.length >= stored.length ? mine : undefined;
    };
    const events = await until(published, 'everything stored to be published');
    const customers = new Set(stored.map((row) => row.customer_id));
    expect(identity.events.filter(({ data }) => customers.has(data.customerId))).toHaveLength(events.length);
    for (const customer of customers) {
      const sequences = events.filter(({ data }) => data.customerId === customer).map(({ sequence }) => sequence);
      expect(sequences).toEqual(sequences.map((_, index) => index + 1));
    }
  });

  it('says up to when everything is published', async () => {
    const after = new Date();
    const beat = await until<Heartbeat | undefined>(
      () => identity.heartbeats.find(({ at }) => new Date(at) > after),
      'a heartbeat',
    );
    expect(Object.keys(heartbeat.parse(beat).published)).toEqual(['identity.events.v1', 'identity.credentials.v1']);
  });

  it('invariant 7: shows no person and no secret', () => {
    const text = JSON.stringify(identity.events);
    expect(text).not.toContain(acme.email);
    expect(text).not.toMatch(/argon2|password_hash|"verifier"/);
  });

  it('records each refused call with its reason and customer before it answers', async () => {
    const correlation = `refused-${randomUUID()}`;
    const send = (method: string, path: string, options = {}) =>
      acme.call(method, path, { 'x-correlation-id': correlation, ...options });
    await send('POST', `/api/v1/users/${acme.ownerId}/deactivate`);
    await send('POST', '/api/v1/api-users', { body: '{' });
    await send('GET', '/api/v1/me', { authorization: 'Bearer nonsense' });
    await send('POST', '/api/v1/sessions', { body: { email: someEmail(), password: 'x' }, authorization: '' });
    await send('POST', '/api/v1/sessions', { body: { email: acme.email, password: 'x' }, authorization: '' });
    const recorded = (): [string, Call][] =>
      identity.calls
        .flatMap(({ data }) => data.calls.map((call): [string, Call] => [data.customerId, call]))
        .filter(([, { callerCorrelationId }]) => callerCorrelationId === correlation);
    await until(() => recorded().length >= 5, 'the refused calls to be recorded');
    expect(recorded().map(([customer, { route, status, reason }]) => [customer, route, status, reason])).toEqual(
      expect.arrayContaining([
        [acme.id, 'POST /api/v1/users/:id/deactivate', 409, 'portal-user.is-owner'],
        [acme.id, 'POST /api/v1/api-users', 400, undefined],
        [UNATTRIBUTED, 'GET /api/v1/me', 401, 'session.required'],
        [UNATTRIBUTED, 'POST /api/v1/sessions', 401, 'session.unknown-address'],
        [acme.id, 'POST /api/v1/sessions', 401, 'session.wrong-password'],
      ]),
    );
    expect(identity.events.filter((event) => event.causationId === correlation)).toEqual([]);
  });
});

it('answers every address as its document says, also in front of the handlers', async () => {
  const contract = await identity.contract();
  const all = provocations(contract);
  const answers = all.map(async ({ method, path, status, contentType, body }) => {
    const answer = await identity.call(method, path, {
      ...(body !== undefined && { body, 'content-type': contentType }),
    });
    return [method, path, status, answer.status];
  });
  expect(await Promise.all(answers)).toEqual(all.map(({ method, path, status }) => [method, path, status, status]));
  const ids = contract.operations.filter(({ path, hasBody }) => path.includes('{') && !hasBody);
  for (const { method, path } of ids) {
    const operator = path.startsWith('/api/v1/customers') ? { authorization: `Bearer ${identity.operatorToken}` } : {};
    const answer = await acme.call(method, path.replace(/\{[^}]+\}/, 'no-such-id'), operator);
    expect([method, path, answer.status]).toEqual([method, path, 404]);
  }
});

it('describes itself as OpenAPI, with the schemas it validates by', async () => {
  const { body } = await identity.call('GET', '/openapi.json');
  const { paths, components } = body as unknown as { paths: object; components: { schemas: object } };
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining(['/api/v1/customers', '/api/v1/api-users', '/api/v1/users/{id}/deactivate', '/api/v1/me']),
  );
  expect(Object.keys(paths)).not.toContain('/internal/session-tokens');
  expect(JSON.stringify([paths, components])).toContain('"role_id"');
});

it('is ready once database, relay and consumer are', async () => {
  const ready = await identity.call('GET', '/health/ready');
  expect(ready).toMatchObject({
    status: 200,
    body: { checks: { enforcement: { ready: true } } },
  });
});
