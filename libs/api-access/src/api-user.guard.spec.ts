import { Controller, Module, Post, Req, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ProvingClient } from '@rebelcore/testing/dpop-proofs';
import type { FastifyRequest } from 'fastify';
import { generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { API_USER_PERMISSIONS, API_USER_TOKENS, ApiUserGuard, type ApiUserPermissions } from './api-user.guard.js';
import { OwnerOnly, RequirePermission } from './permissions.js';
import type { CallDetails } from './record-calls.plugin.js';
import { refusedHolder } from './refused-holder.js';

const p256 = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const issuer = p256();
const stranger = p256();
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const KID = 'the-key';

let jwks: Server;
let jwksRequests = 0;
let published: object[];
let app: NestFastifyApplication;
let request: FastifyRequest | undefined;
/** What would be recorded of the last call. */
let described: CallDetails | undefined;

@Controller()
class EchoController {
  @Post('call')
  @UseGuards(ApiUserGuard)
  call(@Req() incoming: FastifyRequest): string {
    request = incoming;
    return 'ok';
  }

  @Post('agent')
  @UseGuards(ApiUserGuard)
  @RequirePermission('can_use_agent')
  agent(): string {
    return 'ok';
  }

  @Post('either')
  @UseGuards(ApiUserGuard)
  @RequirePermission('can_view_activity', 'can_view_specs')
  either(): string {
    return 'ok';
  }

  @Post('owner')
  @UseGuards(ApiUserGuard)
  @OwnerOnly()
  owner(): string {
    return 'ok';
  }
}

/** What API users may do now, by id. */
const present = new Map<string, readonly string[]>();
/** Whether that may be older than what their tokens say. */
let isCertain = true;
const permissions: ApiUserPermissions = {
  permissionsOf: ({ apiUserId }) => {
    const flags = present.get(apiUserId);
    return Promise.resolve(flags && { flags, isCertain });
  },
};

beforeAll(async () => {
  published = [{ ...issuer.publicKey.export({ format: 'jwk' }), kid: KID, use: 'sig', alg: 'ES256' }];
  jwks = createServer((_, response) => {
    jwksRequests += 1;
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: published }));
  });
  await new Promise<void>((resolve) => jwks.listen(0, '127.0.0.1', resolve));
  const jwksUri = `http://127.0.0.1:${(jwks.address() as AddressInfo).port}/jwks.json`;
  const tokens = {
    jwksUri,
    issuer: 'https://issuer.test',
    audience: 'an-api',
    resourceMetadata: 'https://api.test/metadata',
    publicUrl: 'https://api.test',
  };
  @Module({
    controllers: [EchoController],
    providers: [
      ApiUserGuard,
      { provide: API_USER_TOKENS, useValue: tokens },
      { provide: API_USER_PERMISSIONS, useValue: permissions },
    ],
  })
  class TestModule {}
  app = await NestFactory.create<NestFastifyApplication>(TestModule, new FastifyAdapter(), { logger: false });
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onResponse', (incoming, _, done) => {
      described = incoming.call;
      done();
    });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
});
afterAll(async () => {
  await app.close();
  await new Promise((resolve) => jwks.close(resolve));
});
beforeEach(() => {
  request = undefined;
  present.clear();
  isCertain = true;
});

const now = () => Math.floor(Date.now() / 1000);
const genuine = () => ({
  iss: 'https://issuer.test',
  aud: 'an-api',
  sub: '0198a1de-aaaa-7000-8000-000000000001',
  client_id: '0198a1de-aaaa-7000-8000-000000000001',
  customer_id: '0198a1de-bbbb-7000-8000-000000000001',
  role: 'RebelCore_AgentUser',
  scope: 'can_use_agent',
  jti: randomUUID(),
  iat: now(),
  exp: now() + 60,
});
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

interface Forgery {
  readonly header?: Record<string, unknown>;
  readonly claims?: Record<string, unknown>;
  readonly key?: KeyObject;
  readonly dsaEncoding?: 'der' | 'ieee-p1363';
  readonly signature?: string;
}
function token({
  header = {},
  claims = {},
  key = issuer.privateKey,
  dsaEncoding = 'ieee-p1363',
  signature,
}: Forgery = {}) {
  const input = `${encode({ alg: 'ES256', typ: 'at+jwt', kid: KID, ...header })}.${encode({ ...genuine(), ...claims })}`;
  return `${input}.${signature ?? sign('sha256', Buffer.from(input), { key, dsaEncoding }).toString('base64url')}`;
}
/** The last of 86 characters carries four bits that no decoder looks at. */
function respelled(genuine: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return genuine.slice(0, -1) + (alphabet[alphabet.indexOf(genuine.slice(-1)) + 1] ?? '');
}
const call = (authorization?: string, url = '/call', remoteAddress = '127.0.0.1') =>
  app.inject({
    method: 'POST',
    url,
    remoteAddress,
    ...(authorization !== undefined && { headers: { authorization } }),
  });

describe('a token that is bound to a key (DPoP)', () => {
  const [holder, thief] = [new ProvingClient(), new ProvingClient()];
  const bound = async () => token({ claims: { cnf: { jkt: await holder.thumbprint() } } });
  const proofFor = (bearer: string, by = holder) => by.proof({ url: 'https://api.test/call', token: bearer });
  const send = (authorization: string, dpop?: string) =>
    app.inject({ method: 'POST', url: '/call', headers: { authorization, ...(dpop !== undefined && { dpop }) } });

  it('lets in whoever has the key', async () => {
    const bearer = await bound();
    expect((await send(`DPoP ${bearer}`, await proofFor(bearer))).statusCode).toBe(201);
    expect(request?.apiUser?.boundTo).toBe(await holder.thumbprint());
  });

  it.each<[string, (bearer: string) => Promise<[string, string?]>]>([
    ['without a proof', (bearer) => Promise.resolve([`DPoP ${bearer}`])],
    ['with the proof of a thief', async (bearer) => [`DPoP ${bearer}`, await proofFor(bearer, thief)]],
    ['as if it were a bearer token', (bearer) => Promise.resolve([`Bearer ${bearer}`])],
    ['as a bearer token, with a proof', async (bearer) => [`Bearer ${bearer}`, await proofFor(bearer)]],
  ])('refuses it %s', async (_, presented) => {
    const [authorization, dpop] = await presented(await bound());
    const { statusCode, body, headers } = await send(authorization, dpop);
    expect([statusCode, body]).toEqual([401, '{"detail":"invalid token"}']);
    const challenges = [headers['www-authenticate']].flat();
    expect(challenges[0]).toMatch(/^Bearer error="invalid_token"/);
    const isAsked = authorization.startsWith('DPoP');
    expect(challenges.slice(1)).toEqual(isAsked ? ['DPoP algs="ES256 PS256 EdDSA Ed25519"'] : []);
    expect(request).toBeUndefined();
  });

  it('refuses the proof that was sent already', async () => {
    const bearer = await bound();
    const proof = await proofFor(bearer);
    const statuses = [await send(`DPoP ${bearer}`, proof), await send(`DPoP ${bearer}`, proof)];
    expect(statuses.map(({ statusCode }) => statusCode)).toEqual([201, 401]);
  });

  it('refuses with a proof a token that is not bound to its key', async () => {
    const bearer = token();
    expect((await send(`DPoP ${bearer}`, await proofFor(bearer))).statusCode).toBe(401);
  });
});

describe('a flag that a downstream API requires', () => {
  const [user, other] = [genuine().sub, '0198a1de-aaaa-7000-8000-000000000002'];
  const statuses = async (bearer: string, ...urls: string[]) => {
    const answers = await Promise.all(urls.map((url) => call(`Bearer ${bearer}`, url)));
    return answers.map(({ statusCode }) => statusCode);
  };

  it('“Changed flags count from the next request”: is looked up each time, whatever the token says', async () => {
    const agent = token();
    present.set(user, ['can_use_agent']);
    expect(await statuses(agent, '/agent', '/either')).toEqual([201, 403]);
    present.set(user, ['can_view_specs']);
    expect(await statuses(agent, '/agent', '/either')).toEqual([403, 201]);
  });

  it('is read from the token of an API user that is not known yet', async () => {
    present.set(other, []);
    expect(await statuses(token(), '/agent', '/either')).toEqual([201, 403]);
    expect(await statuses(token({ claims: { scope: '' } }), '/agent', '/either')).toEqual([403, 403]);
    expect(await statuses(token({ claims: { scope: 'can_view_specs' } }), '/agent', '/either')).toEqual([403, 201]);
  });

  it('is refused with a detail, and not to routes that require none', async () => {
    present.set(user, []);
    const answer = await call(`Bearer ${token()}`, '/agent');
    expect(answer.json()).toMatchObject({ code: 'permission.missing', detail: expect.any(String) as string });
    expect(await statuses(token(), '/call')).toEqual([201]);
  });

  it('is not permitted by a token that an application has narrowed, whatever its role permits', async () => {
    present.set(user, ['can_use_agent', 'can_view_specs']);
    const narrowed = token({ claims: { scope: 'can_view_specs', narrowed: true } });
    expect(await statuses(narrowed, '/agent', '/either')).toEqual([403, 201]);
    // Nor by one whose role has lost it since.
    present.set(user, ['can_use_agent']);
    expect(await statuses(narrowed, '/agent', '/either')).toEqual([403, 403]);
  });

  it('is permitted by what is known here and the token together, where what is known may be old', async () => {
    isCertain = false;
    present.set(user, ['can_use_agent']);
    expect(await statuses(token(), '/agent')).toEqual([201]);
    expect(await statuses(token({ claims: { scope: 'can_view_specs' } }), '/agent', '/either')).toEqual([403, 403]);
    present.set(user, []);
    expect(await statuses(token(), '/agent')).toEqual([403]);
  });

  it('never makes a Super Admin of an API user, whatever it may do', async () => {
    present.set(user, ['can_add_users', 'can_add_roles', 'can_view_activity', 'can_view_specs', 'can_use_agent']);
    expect(await statuses(token(), '/owner')).toEqual([403]);
  });
});

describe('the guard of a downstream API', () => {
  it('lets a genuine token in and says whose it is', async () => {
    expect((await call(`Bearer ${token()}`)).statusCode).toBe(201);
    expect(request?.apiUser).toMatchObject({
      apiUserId: genuine().sub,
      customerId: genuine().customer_id,
      role: 'RebelCore_AgentUser',
      scope: ['can_use_agent'],
    });
  });

  it('knows the API user by the subject: the client is the name that the application presented (RFC 9068)', async () => {
    const bearer = `Bearer ${token({ claims: { client_id: 'robot@api.rebelcore.local' } })}`;
    expect((await call(bearer)).statusCode).toBe(201);
    expect(request?.apiUser?.apiUserId).toBe(genuine().sub);
  });

  it('answers an expired token as published, and knows whose call to record', async () => {
    const response = await call(`Bearer ${token({ claims: { exp: now() - 1 } })}`);
    expect([response.statusCode, response.body]).toEqual([401, '{"detail":"token expired"}']);
    expect(response.headers['www-authenticate']).toContain('token expired');
  });

  it('tells whoever has no valid token where to learn who issues them (RFC 9728)', async () => {
    const challenge = async (bearer?: string) => (await call(bearer)).headers['www-authenticate'];
    const where = 'resource_metadata="https://api.test/metadata"';
    expect(await challenge()).toBe(`Bearer ${where}`);
    expect(await challenge('Bearer x')).toBe(
      `Bearer error="invalid_token", error_description="invalid token", ${where}`,
    );
  });

  describe('a token that is confined to networks', () => {
    const confined = (...networks: string[]) => `Bearer ${token({ claims: { networks } })}`;

    it('is accepted from there, in whichever spelling the address comes', async () => {
      const bearer = confined('203.0.113.0/24', '2001:db8::/32');
      for (const from of ['203.0.113.9', '::ffff:203.0.113.9', '2001:db8::1']) {
        expect([from, (await call(bearer, '/call', from)).statusCode]).toEqual([from, 201]);
      }
      expect(request?.apiUser?.networks?.networks).toEqual(['203.0.113.0/24', '2001:db8::/32']);
    });

    it('is refused from elsewhere, also once it was verified, and not with a 401, which would have another one fetched', async () => {
      const bearer = confined('203.0.113.0/24');
      expect((await call(bearer, '/call', '203.0.113.9')).statusCode).toBe(201);
      request = undefined;
      for (const from of ['198.51.100.1', '203.0.114.0', '2001:db8::1', '::ffff:198.51.100.1', 'unknown']) {
        const answer = await call(bearer, '/call', from);
        expect([from, answer.statusCode]).toEqual([from, 403]);
        const detail = expect.any(String) as string;
        expect(answer.json()).toMatchObject({ code: 'token.network-not-allowed', detail });
        expect(answer.headers['www-authenticate']).toBeUndefined();
      }
      expect(request).toBeUndefined();
      expect(described).toMatchObject({ apiUserId: genuine().sub, reason: 'token.network-not-allowed' });
    });

    it('is expired first, wherever it is used', async () => {
      const expired = `Bearer ${token({ claims: { networks: ['203.0.113.0/24'], exp: now() - 1 } })}`;
      expect((await call(expired, '/call', '198.51.100.1')).body).toBe('{"detail":"token expired"}');
    });
  });

  it('notices the expiry of a token that it has verified before', async () => {
    const short = `Bearer ${token({ claims: { exp: now() + 1 } })}`;
    expect((await call(short)).statusCode).toBe(201);
    const realNow = Date.now;
    Date.now = () => realNow() + 2_000;
    try {
      expect((await call(short)).body).toBe('{"detail":"token expired"}');
    } finally {
      Date.now = realNow;
    }
  });

  // S01 and S02
  it.each<[string, Forgery]>([
    ['alg none', { header: { alg: 'none' }, signature: '' }],
    ['alg HS256', { header: { alg: 'HS256' } }],
    ['alg ES384', { header: { alg: 'ES384' } }],
    ['alg RS256 with another key', { header: { alg: 'RS256' }, key: rsa.privateKey }],
    ['a stranger’s key', { key: stranger.privateKey }],
    ['a zero signature', { signature: Buffer.alloc(64).toString('base64url') }],
    ['a DER signature', { dsaEncoding: 'der' }],
    ['no signature', { signature: '' }],
    ['no kid', { header: { kid: undefined } }],
    ['a kid like a path', { header: { kid: '../../etc/passwd' } }],
    ['a foreign kid', { header: { kid: 'another' } }],
    ['a key of its own', { header: { jwk: stranger.publicKey.export({ format: 'jwk' }) }, key: stranger.privateKey }],
    ['a key address of its own', { header: { jku: 'http://127.0.0.1:1/jwks' } }],
    ['a critical extension', { header: { crit: ['exp'] } }],
    ['another type', { header: { typ: 'JWT' } }],
    ['a session’s type', { header: { typ: 'session+jwt' } }],
    ['no type', { header: { typ: undefined } }],
    ['another issuer', { claims: { iss: 'https://evil.test' } }],
    ['another audience', { claims: { aud: 'another-api' } }],
    ['no expiry', { claims: { exp: undefined } }],
    ['a life of more than a day', { claims: { exp: now() + 90_000 } }],
    ['an expiry as text', { claims: { exp: '4000000000' } }],
    ['not valid yet', { claims: { nbf: 4_000_000_000 } }],
    ['an issue in the future', { claims: { iat: now() + 3_600 } }],
    ['no issue', { claims: { iat: undefined } }],
    ['no subject', { claims: { sub: undefined } }],
    ['a subject that is no id', { claims: { sub: 'admin' } }],
    ['no customer', { claims: { customer_id: undefined } }],
    ['a customer that is no id', { claims: { customer_id: 'acme' } }],
    ['no issuer', { claims: { iss: undefined } }],
    ['no audience', { claims: { aud: undefined } }],
    ['an audience as a number', { claims: { aud: 7 } }],
    ['no id', { claims: { jti: undefined } }],
    ['an id as an object', { claims: { jti: {} } }],
    ['a huge claim', { claims: { jti: 'x'.repeat(5_000) } }],
    ['a huge subject', { claims: { sub: '0'.repeat(5_000) } }],
    [
      'a certificate chain of its own',
      { header: { x5u: 'http://127.0.0.1:1/x5u', x5c: ['AAAA'] }, key: stranger.privateKey },
    ],
    ['no algorithm', { header: { alg: undefined } }],
    ['a signature that is too long', { signature: Buffer.alloc(65, 1).toString('base64url') }],
    ['a scope as a list', { claims: { scope: ['can_use_agent'] } }],
    ['a list without a network', { claims: { networks: [] } }],
    ['networks as text', { claims: { networks: '127.0.0.0/8' } }],
    ['a network that is none', { claims: { networks: ['127.0.0.0/8', '10.0.0.0/99'] } }],
  ])('refuses a token with %s', async (_, forgery) => {
    const response = await call(`Bearer ${token(forgery)}`);
    expect([response.statusCode, response.body]).toEqual([401, '{"detail":"invalid token"}']);
    expect(request).toBeUndefined();
  });

  // S01
  it.each([
    ['nothing', undefined],
    ['an empty token', 'Bearer '],
    ['another scheme', 'Basic YTpi'],
    ['garbage', 'Bearer a.b.c'],
    ['trailing bytes', `Bearer ${token()}AAAA`],
    ['a fourth part', `Bearer ${token()}.x`],
    ['words after the token', `Bearer ${token()} and more`],
    ['a line break in the token', `Bearer ${token().replace('.', '.\n')}`],
    ['another spelling of the same signature', `Bearer ${respelled(token())}`],
  ])('refuses %s', async (_, authorization) => {
    expect((await call(authorization)).statusCode).toBe(401);
    expect(request).toBeUndefined();
  });

  // S01
  it('fetches keys a handful of times at most, however many unknown kids come', async () => {
    const before = jwksRequests;
    for (let n = 0; n < 50; n += 1) await call(`Bearer ${token({ header: { kid: `unknown-${n}` } })}`);
    expect(jwksRequests - before).toBeLessThanOrEqual(10);
    expect((await call(`Bearer ${token()}`)).statusCode).toBe(201);
  });

  // S18
  it('forgets a token that it has verified once the key of it was withdrawn', async () => {
    const verified = `Bearer ${token({ claims: { exp: now() + 86_000 } })}`;
    expect((await call(verified)).statusCode).toBe(201);
    const [withdrawn = {}] = published;
    const realNow = Date.now;
    try {
      published = [{ ...withdrawn, kid: 'its-successor' }];
      Date.now = () => realNow() + 3_601_000;
      expect((await call(verified)).body).toBe('{"detail":"invalid token"}');
    } finally {
      Date.now = realNow;
      published = [withdrawn];
    }
  });
});

describe('a service that lets no API user in', () => {
  const holderBy = (server: Server, patienceMs?: number) => {
    const jwksUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
    const holder = refusedHolder({ jwksUri, issuer: 'https://issuer.test', audience: 'an-api' }, patienceMs);
    return (authorization?: string) => holder({ headers: { authorization } });
  };

  it('names whose token it has refused, an expired one as well, and asks for keys when the first one comes', async () => {
    const before = jwksRequests;
    const holder = holderBy(jwks);
    for (const other of [
      undefined,
      'Basic eDp5',
      'Bearer an-operator',
      `Bearer ${token({ header: { typ: 'session+jwt' } })}`,
    ]) {
      expect(await holder(other)).toBeUndefined();
    }
    expect(jwksRequests).toBe(before);
    const { sub, customer_id } = genuine();
    const named = { customerId: customer_id, apiUserId: sub, tokenId: expect.any(String) as string };
    expect(await holder(`Bearer ${token()}`)).toEqual(named);
    expect(await holder(`DPoP ${token({ claims: { cnf: { jkt: 'of-some-key' } } })}`)).toEqual(named);
    expect(await holder(`Bearer ${token({ claims: { exp: now() - 1 } })}`)).toEqual(named);
    expect(await holder(`Bearer ${token({ key: stranger.privateKey })}`)).toBeUndefined();
    expect(jwksRequests).toBe(before + 1);
  });

  it('names nobody, and goes on, while the issuer does not answer', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    expect(await holderBy(silent, 10)(`Bearer ${token()}`)).toBeUndefined();
    silent.closeAllConnections();
    await new Promise((resolve) => silent.close(resolve));
  });
});
