import { EventStore, toStream } from '@rebelcore/event-store/event-store';
import { generateSigningKey, openSigningKey, signJwt, type PublicJwk } from '@rebelcore/credentials/signing-keys';
import jwt from 'jsonwebtoken';
import { createPublicKey, randomUUID, randomUUIDv7 as uuid } from 'node:crypto';
import { IdentityFixture, someEmail, SUPER_USER_ROLE, type TestCustomer } from '../identity.fixture-spec.js';
import { PortalPasswords } from '../passwords/portal-passwords.js';
import { emailClaim } from '../portal-user/email.js';
import { portalUser, register } from '../portal-user/portal-user.js';

let identity: IdentityFixture;
let acme: TestCustomer;
beforeAll(async () => {
  identity = await IdentityFixture.start();
  acme = await identity.customer();
});
afterAll(() => identity.stop());

describe('a session', () => {
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
    const [portalUserId, email, password] = [uuid(), someEmail(), 'a-good-password-1'];
    const person = { email, firstName: 'Bob', lastName: 'B' };
    const details = { portalUserId, customerId: acme.id, owner: false, actor: { kind: 'operator' as const } };
    const passwordHash = await identity.app.get(PortalPasswords).hash(password, 'test');
    const registered = register(details, person, passwordHash)({ status: 'none' });
    await identity.app.get(EventStore).append([toStream(portalUser, portalUserId, 0, registered)], {
      customerId: acme.id,
      correlationId: 'test',
      claims: [{ ...emailClaim(email), streamId: portalUserId }],
    });
    const { token } = (await identity.exchange(await identity.signIn(email, password))).body;
    const bearer = { authorization: `Bearer ${String(token)}` };
    expect((await identity.call('GET', '/api/v1/me', bearer)).body.permissions).toEqual([]);
    for (const [method, path] of addresses.slice(1)) {
      expect([path, (await identity.call(method, path, bearer)).status]).toEqual([path, 403]);
    }
  });
});
