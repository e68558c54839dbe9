import { generateSigningKey, openSigningKey, signJwt, type PublicJwk } from '@rebelcore/credentials/signing-keys';
import { until } from '@rebelcore/testing/until';
import jwt from 'jsonwebtoken';
import { createPublicKey, randomUUID } from 'node:crypto';
import { IdentityFixture, SUPER_USER_ROLE, type Answer, type TestCustomer } from '../identity.fixture-spec.js';
import { somebody } from '../portal-user/person.fixture-spec.js';
import { SessionStore } from './session.store.js';
import { SessionSweep } from './session-sweep.js';

let identity: IdentityFixture;
let acme: TestCustomer;
beforeAll(async () => {
  identity = await IdentityFixture.start();
  acme = await identity.customer();
});
afterAll(() => identity.stop());

describe('a session', () => {
  // S14
  it('opens with a cookie that scripts and other sites cannot use, and is kept as a hash only', async () => {
    const totp = await identity.authenticators.get(acme.email)?.nextCode();
    const body = { email: acme.email, password: acme.password, totp };
    const answer = await identity.call('POST', '/api/v1/sessions', { body });
    expect(answer.status).toBe(201);
    const [cookie = ''] = answer.headers.getSetCookie();
    expect(cookie).toMatch(/^__Host-session=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    const token = cookie.slice('__Host-session='.length, cookie.indexOf(';'));
    const stored = JSON.stringify(await identity.rows(`select encode(token_hash, 'base64') from session`));
    expect(stored).not.toContain(token);
    expect(answer.body).toEqual((await identity.call('GET', '/api/v1/me', { cookie })).body);
    expect(answer.body).toMatchObject({
      user: { id: acme.ownerId, email: acme.email, first_name: 'Ada', last_name: 'Owner', owner: true },
      customer: { id: acme.id, name: 'Acme' },
      permissions: expect.arrayContaining(['can_add_users', 'can_view_activity']) as unknown,
    });
  });

  it('is exchanged for an ES256 token of at most 60 s that the published keys verify', async () => {
    const { status, body } = await identity.exchange(acme.cookie);
    expect(status).toBe(200);
    const keys = (await identity.call('GET', '/.well-known/jwks.json')).body as unknown as { keys: PublicJwk[] };
    const { header, payload } = jwt.decode(String(body.token), { complete: true }) ?? {};
    const key = keys.keys.find(({ kid }) => kid === header?.kid);
    expect(header).toMatchObject({ alg: 'ES256', typ: 'session+jwt' });
    expect(jwt.verify(String(body.token), createPublicKey({ key: { ...key }, format: 'jwk' }))).toEqual(payload);
    const { iat, exp, ...claims } = payload as jwt.JwtPayload & { iat: number; exp: number };
    expect([exp - iat, body.expires_at]).toEqual([60, exp]);
    expect(claims).toMatchObject({ iss: 'urn:rebelcore:identity', aud: 'urn:rebelcore:services', sub: acme.ownerId });
    expect(claims).toMatchObject({ customer_id: acme.id, owner: true });
  });

  it.each([
    ['has expired', 'expires_at = now()'],
    ['was idle for an hour', `last_seen_at = now() - interval '61 minutes'`],
  ])('is over when it %s, also for a token that is still out', async (_, change) => {
    const customer = await identity.customer();
    const bearer = { authorization: `Bearer ${String((await identity.exchange(customer.cookie)).body.token)}` };
    expect((await identity.call('GET', '/api/v1/me', bearer)).status).toBe(200);
    await identity.database.asOwner(`update session set ${change} where customer_id = '${customer.id}'`);
    expect((await identity.exchange(customer.cookie)).status).toBe(401);
    expect((await identity.call('GET', '/api/v1/me', bearer)).status).toBe(401);
  });

  it.each(['cookie', 'bearer'])('ends at sign-out by %s from the next request on', async (by) => {
    const { cookie } = await identity.customer();
    const bearer = { authorization: `Bearer ${String((await identity.exchange(cookie)).body.token)}` };
    const out = await identity.call('DELETE', '/api/v1/sessions/current', by === 'cookie' ? { cookie } : bearer);
    expect([out.status, out.headers.getSetCookie()[0]]).toEqual([204, expect.stringContaining('Max-Age=0')]);
    expect((await identity.call('GET', '/api/v1/me', bearer)).status).toBe(401);
    expect((await identity.exchange(cookie)).status).toBe(401);
  });
});

describe('how long a session lives', () => {
  const told = ({ body }: Answer) => {
    const session = body.session as unknown as Record<'created_at' | 'ends_at' | 'idle_ends_at', string>;
    const [created, ends, idle] = [session.created_at, session.ends_at, session.idle_ends_at].map((at) =>
      Date.parse(at),
    );
    return { lifeH: ((ends ?? 0) - (created ?? 0)) / 3_600_000, idleLeftMin: ((idle ?? 0) - Date.now()) / 60_000 };
  };
  const me = (cookie: string, headers: object = {}) => identity.call('GET', '/api/v1/me', { cookie, ...headers });
  const quietForHalfAnHour = (customer: TestCustomer) =>
    identity.database.asOwner(
      `update session set last_seen_at = now() - interval '30 minutes' where customer_id = '${customer.id}'`,
    );

  it('is told: twelve hours from the sign-in, and an hour from the last request', async () => {
    const { cookie } = await identity.customer();
    const { lifeH, idleLeftMin } = told(await me(cookie));
    expect(lifeH).toBeCloseTo(12, 2);
    expect(idleLeftMin).toBeGreaterThan(58);
    expect(idleLeftMin).toBeLessThanOrEqual(60);
  });

  it.each([
    ['the exchange of its cookie', (cookie: string, headers: object) => exchange(cookie, headers)],
    ['a request with its cookie', me],
  ])('is renewed by %s, and not when that says that nobody is there', async (_, ask) => {
    const customer = await identity.customer();
    await quietForHalfAnHour(customer);
    expect((await ask(customer.cookie, { 'x-background': '1' })).status).toBe(200);
    expect(told(await me(customer.cookie, { 'x-background': '1' })).idleLeftMin).toBeLessThanOrEqual(30);
    expect((await ask(customer.cookie, {})).status).toBe(200);
    expect(told(await me(customer.cookie, { 'x-background': '1' })).idleLeftMin).toBeGreaterThan(58);
  });
  const exchange = (cookie: string, headers: object) =>
    identity.call('POST', '/internal/session-tokens', { cookie, ...headers });

  it('ends with a sweep that clears away what is over and nothing else', async () => {
    const [over, alive] = [await identity.customer(), await identity.customer()];
    await identity.database.asOwner(
      `update session set last_seen_at = now() - interval '61 minutes' where customer_id = '${over.id}'`,
    );
    const left = () =>
      identity.rows(`select customer_id from session where customer_id in ('${over.id}', '${alive.id}')`);
    const sweep = new SessionSweep(identity.app.get(SessionStore));
    sweep.start(20);
    await until(async () => (await left()).length === 1, 'the sweep');
    sweep.onApplicationShutdown();
    expect(await left()).toEqual([{ customer_id: alive.id }]);
  });
});

describe('one’s own sessions', () => {
  const list = async (cookie: string) =>
    (await identity.call('GET', '/api/v1/sessions', { cookie })).body.items as unknown as Record<string, unknown>[];
  const end = (id: unknown, cookie: string) => identity.call('DELETE', `/api/v1/sessions/${String(id)}`, { cookie });

  it('are listed with where they were opened and which one asks, and nobody else’s', async () => {
    const customer = await identity.customer();
    const second = await identity.signIn(customer.email, customer.password);
    const items = await list(second);
    expect(items.map(({ current }) => current)).toEqual([true, false]);
    expect(items[0]).toEqual({
      id: expect.any(String) as unknown,
      created_at: expect.any(String) as unknown,
      last_seen_at: expect.any(String) as unknown,
      ends_at: expect.any(String) as unknown,
      idle_ends_at: expect.any(String) as unknown,
      ip: '127.0.0.1',
      user_agent: 'node',
      current: true,
    });
  });

  it('end one by one, from the next request on, and nobody else’s', async () => {
    const customer = await identity.customer();
    const second = await identity.signIn(customer.email, customer.password);
    const [current, first] = await list(second);
    for (const id of [first?.id, randomUUID(), 'x']) {
      expect([id, await end(id, acme.cookie)]).toMatchObject([id, { status: 404, body: { code: 'session.unknown' } }]);
    }
    expect((await end(first?.id, second)).status).toBe(204);
    expect((await identity.exchange(customer.cookie)).status).toBe(401);
    const ended = await end(current?.id, second);
    expect([ended.status, ended.headers.getSetCookie()[0]]).toEqual([204, expect.stringContaining('Max-Age=0')]);
    expect((await identity.exchange(second)).status).toBe(401);
  });

  it.each([
    ['deactivated', 'POST', '/deactivate'],
    ['deleted', 'DELETE', ''],
  ])('end at once when their person is %s, also for a token that is still out', async (_, method, action) => {
    const { id, email, password } = await somebody(identity, acme.id);
    const cookie = await identity.signIn(email, password);
    const bearer = { authorization: `Bearer ${String((await identity.exchange(cookie)).body.token)}` };
    expect((await identity.call('GET', '/api/v1/me', bearer)).status).toBe(200);
    expect((await acme.call(method, `/api/v1/users/${id}${action}`)).status).toBeLessThan(300);
    expect((await identity.call('GET', '/api/v1/me', bearer)).status).toBe(401);
    expect((await identity.exchange(cookie)).status).toBe(401);
    expect(await identity.rows(`select id from session where portal_user_id = '${id}'`)).toEqual([]);
  });
});

describe('invariant 9: a management address', () => {
  const addresses = [
    ['GET', '/api/v1/me'],
    ['GET', '/api/v1/roles'],
    ['GET', '/api/v1/users'],
    ['POST', '/api/v1/api-users'],
    ['POST', `/api/v1/users/${randomUUID()}/deactivate`],
    ['POST', `/api/v1/users/${randomUUID()}/reactivate`],
  ] as const;
  const bearerOf = (token: string) => ({ authorization: `Bearer ${token}` });
  const claims = () => {
    const now = Math.floor(Date.now() / 1000);
    const times = { iat: now, exp: now + 60 };
    return { iss: 'urn:rebelcore:identity', aud: 'urn:rebelcore:services', sub: acme.ownerId, ...times };
  };

  it('refuses tokens that are not session tokens of this service', async () => {
    const key = generateSigningKey();
    const genuine = String((await identity.exchange(acme.cookie)).body.token);
    const { header, payload = {} } = jwt.decode(genuine, { complete: true }) ?? {};
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
    const [stored] = await identity.rows('select kid, sealed_private_key from signing_key');
    const { kid, sealed_private_key: sealedPrivateKey } = stored as { kid: string; sealed_private_key: Buffer };
    const ours = openSigningKey({ kid, sealedPrivateKey }, identity.config.KEY_ENCRYPTION_KEY);
    const bySame = (typ: string, changes: object) => signJwt(ours, typ, { ...(payload as object), ...changes });
    expect((await identity.call('GET', '/api/v1/me', bearerOf(bySame('session+jwt', {})))).status).toBe(200);
    const tokens = {
      forAnotherPurpose: bySame('at+jwt', {}),
      forAnotherAudience: bySame('session+jwt', { aud: 'rebelcore-api' }),
      fromAnotherIssuer: bySame('session+jwt', { iss: 'urn:rebelcore:token' }),
      expired: bySame('session+jwt', { exp: Math.floor(Date.now() / 1000) - 1 }),
      withoutSession: bySame('session+jwt', { sid: undefined }),
      ofAnUnknownSession: bySame('session+jwt', { sid: randomUUID() }),
      ofAMalformedSession: bySame('session+jwt', { sid: 'x' }),
      none: '',
      nonsense: 'nonsense',
      ofAnApiUser: signJwt(key, 'at+jwt', { ...claims(), customer_id: acme.id, role: SUPER_USER_ROLE }),
      ofAnotherKey: signJwt(key, 'session+jwt', payload as object as Record<string, unknown>),
      ofAnotherKeyUnderOurId: signJwt({ ...key, kid: header?.kid ?? '' }, 'session+jwt', payload as never),
      unsigned: `${encode({ ...header, alg: 'none' })}.${encode(payload as object)}.`,
      ofAnotherType: `${encode({ ...header, typ: 'at+jwt' })}.${genuine.split('.').slice(1).join('.')}`,
      lengthened: `${genuine}x`,
    };
    for (const [method, path] of addresses) {
      for (const [kind, token] of Object.entries(tokens)) {
        const { status } = await identity.call(method, path, bearerOf(token));
        expect([method, path, kind, status]).toEqual([method, path, kind, 401]);
      }
    }
  });

  it('that only the Super Admin may use refuses another portal user of the customer', async () => {
    const { email, password } = await somebody(identity, acme.id);
    const { token } = (await identity.exchange(await identity.signIn(email, password))).body;
    const bearer = { authorization: `Bearer ${String(token)}` };
    expect((await identity.call('GET', '/api/v1/me', bearer)).body.permissions).toEqual([]);
    for (const [method, path] of addresses.slice(1)) {
      expect([path, (await identity.call(method, path, bearer)).status]).toEqual([path, 403]);
    }
  });
});

describe('a store that has gone back', () => {
  it('lets nobody read, whom a lost event may have shut out, and names what mends it', async () => {
    const restored = await IdentityFixture.start();
    try {
      const { cookie } = await restored.customer();
      const { token } = (await restored.exchange(cookie)).body;
      const [{ position = 0 } = {}] = await restored.rows('select sum(sequence)::int as position from customer_head');
      const told = () => restored.heartbeats.some(({ store }) => Number(store.position) >= Number(position));
      await until(told, 'a heartbeat about it');
      await restored.database.asOwner('set rebelcore.every_customer = on; update customer_head set sequence = 1');
      // Its table lies in another file, as a restored one does.
      await restored.database.asOwner('vacuum full event');
      const answers = [
        await restored.exchange(cookie),
        await restored.call('GET', '/api/v1/users', { authorization: `Bearer ${String(token)}` }),
        await restored.call('GET', '/api/v1/me', { cookie }),
      ];
      expect(answers.map(({ status, body, headers }) => [status, body.code, headers.get('retry-after')])).toEqual(
        answers.map(() => [503, 'store.behind', '30']),
      );
    } finally {
      await restored.stop();
    }
  });
});
