import { KafkaBatchStrategy } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import { SigningKeyRing } from '@rebelcore/credentials/signing-key-ring';
import { generateSigningKey, signJwt } from '@rebelcore/credentials/signing-keys';
import { readClientKey } from '@rebelcore/credentials/client-key';
import { currentKeyOf } from '@rebelcore/service/signing-key-ring';
import { testAssertion, testPair, type TestPair } from '@rebelcore/testing/client-assertions';
import { ProvingClient } from '@rebelcore/testing/dpop-proofs';
import { recordedCalls } from '@rebelcore/testing/recorded-calls';
import { until } from '@rebelcore/testing/until';
import jwt from 'jsonwebtoken';
import { randomUUID } from 'node:crypto';
import { UsedAssertions } from '../authorize/used-assertions.js';
import { TestApiUser, TokenFixture, type Answer, type Replica } from '../token.fixture-spec.js';

let fixture: TokenFixture;
let replica: Replica;
let apiUser: TestApiUser;
const ROLE = { id: randomUUID(), name: 'Night shift', permissions: ['can_view_specs', 'can_use_agent'] };

beforeAll(async () => {
  fixture = await TokenFixture.start();
  replica = await fixture.addReplica();
  apiUser = await minted();
});
beforeEach(() => fixture.current());
afterAll(() => fixture.stop());

async function minted(role = ROLE): Promise<TestApiUser> {
  const made = new TestApiUser();
  await fixture.publish([made.credential(), made.created(role)]);
  return made;
}

const basic = (username: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
});
const own = () => basic(apiUser.username, apiUser.password);
const GRANT = 'grant_type=client_credentials';
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

async function send(path: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(`${replica.url}${path}`, init);
  const text = await response.text();
  const mediaType = response.headers.get('content-type') ?? '';
  const contract = await fixture.contract();
  contract.check(init.method ?? 'GET', path, { status: response.status, mediaType, text });
  const body = (text === '' ? {} : JSON.parse(text)) as Answer['body'];
  return { status: response.status, headers: response.headers, text, body };
}
const ask = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = own()) =>
  send('/oauth2/token', { method: 'POST', headers: { ...FORM, ...headers }, body });

/** What every error below /oauth2 looks like, and what no library accepts otherwise. */
function expectError(answer: Answer, status: number, error: string): void {
  expect([answer.status, answer.body.error]).toEqual([status, error]);
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(String(answer.body.error_description)).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
}

it('GET /.well-known/oauth-authorization-server says where and how, by the issuer of the tokens (RFC 8414)', async () => {
  const { body } = await send('/.well-known/oauth-authorization-server', {});
  const issued = await ask(GRANT);
  expect(body.issuer).toBe((jwt.decode(String(issued.body.access_token)) as jwt.JwtPayload).iss);
  expect(body).toMatchObject({
    token_endpoint: 'https://issuer.test/oauth2/token',
    jwks_uri: 'https://issuer.test/.well-known/jwks.json',
    grant_types_supported: ['client_credentials'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: ['ES256', 'PS256', 'EdDSA', 'Ed25519'],
    introspection_endpoint: 'https://issuer.test/oauth2/introspect',
    dpop_signing_alg_values_supported: ['ES256', 'PS256', 'EdDSA', 'Ed25519'],
    introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    introspection_endpoint_auth_signing_alg_values_supported: ['ES256', 'PS256', 'EdDSA', 'Ed25519'],
  });
  for (const value of Object.values(body)) expect(value).not.toHaveLength(0);
});

describe('POST /oauth2/token', () => {
  it('answers with the token that /authorize would have given', async () => {
    const answer = await ask(GRANT);
    expect(answer.body).toEqual({
      access_token: expect.any(String) as string,
      token_type: 'Bearer',
      expires_in: 86_400,
      scope: 'can_view_specs can_use_agent',
    });
    expect([answer.headers.get('cache-control'), answer.headers.get('pragma')]).toEqual(['no-store', 'no-cache']);
    const claims = (token: unknown) => {
      const { iat, exp, jti, ...rest } = jwt.decode(String(token)) as jwt.JwtPayload;
      return [Number(exp) - Number(iat), typeof jti, rest];
    };
    const published = await fixture.authorize(apiUser.credentials);
    expect(claims(answer.body.access_token)).toEqual(claims(published.body.token));
  });

  it.each<[string, (username: string, password: string) => [string, Record<string, string>]]>([
    ['Basic, raw', (username, password) => [GRANT, basic(username, password)]],
    ['Basic, form-encoded', (username, password) => [GRANT, basic(encodeURIComponent(username), password)]],
    [
      'Basic, every byte encoded',
      (username, password) => {
        const encoded = (text: string) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16)}`).join('');
        return [GRANT, basic(encoded(username), encoded(password))];
      },
    ],
    [
      'the scheme in small letters',
      (...credentials) => [GRANT, { authorization: basic(...credentials).authorization.replace('Basic', 'basic') }],
    ],
    ['the form', (username, password) => [`${GRANT}&client_id=${username}&client_secret=${password}`, {}]],
    [
      'Basic and the same client_id',
      (username, password) => [`${GRANT}&client_id=${encodeURIComponent(username)}`, basic(username, password)],
    ],
    [
      'Basic in capitals, and the same client_id in small letters',
      (username, password) => [`${GRANT}&client_id=${username}`, basic(username.toUpperCase(), password)],
    ],
    ['Basic and an empty secret', (...credentials) => [`${GRANT}&client_secret=&scope=`, basic(...credentials)]],
    ['an unknown parameter, twice', (...credentials) => [`${GRANT}&audience=a&audience=b`, basic(...credentials)]],
    [
      'a charset',
      (...credentials) => [
        GRANT,
        { ...basic(...credentials), 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' },
      ],
    ],
  ])('takes %s', async (_, request) => {
    expect((await ask(...request(apiUser.username, apiUser.password))).status).toBe(200);
  });

  it.each<[string, () => Parameters<typeof ask>, number, string]>([
    ['no body', () => [''], 400, 'invalid_request'],
    ['an empty grant_type', () => ['grant_type='], 400, 'invalid_request'],
    ['a parameter twice', () => [`${GRANT}&${GRANT}`], 400, 'invalid_request'],
    ['a parameter twice, once empty', () => [`${GRANT}&scope=&scope=can_use_agent`], 400, 'invalid_request'],
    ['two mechanisms', () => [`${GRANT}&client_id=x&client_secret=y`], 400, 'invalid_request'],
    ['a secret beside an assertion', () => [`${GRANT}&client_secret=y&client_assertion=z`, {}], 400, 'invalid_request'],
    ['another client_id beside Basic', () => [`${GRANT}&client_id=another`], 400, 'invalid_request'],
    ['another grant', () => ['grant_type=password&username=a&password=b'], 400, 'unsupported_grant_type'],
    ['a flag that the role lacks', () => [`${GRANT}&scope=can_use_agent+can_add_users`], 400, 'invalid_scope'],
    ['a malformed scope', () => [`${GRANT}&scope=%22`], 400, 'invalid_scope'],
    ['a resource elsewhere', () => [`${GRANT}&resource=https://other.test/`], 400, 'invalid_target'],
    ['a name that only begins alike', () => [`${GRANT}&resource=https://issuer.test.evil/`], 400, 'invalid_target'],
    [
      'one good resource, one not',
      () => [`${GRANT}&resource=https://issuer.test&resource=nonsense`],
      400,
      'invalid_target',
    ],
    ['a fragment', () => [`${GRANT}&resource=https://issuer.test/%23part`], 400, 'invalid_target'],
    ['no client', () => [GRANT, {}], 401, 'invalid_client'],
    ['a client without a secret', () => [`${GRANT}&client_id=${apiUser.username}`, {}], 401, 'invalid_client'],
    ['another scheme', () => [GRANT, { authorization: 'Bearer x' }], 401, 'invalid_client'],
    ['Basic without a colon', () => [GRANT, { authorization: 'Basic eA==' }], 401, 'invalid_client'],
    ['a form in another encoding', () => [Buffer.from(`${GRANT}&scope=ä`, 'latin1')], 400, 'invalid_request'],
    ['escapes in another encoding', () => [`${GRANT}&audience=%e4`], 400, 'invalid_request'],
    ['JSON', () => ['{}', { ...own(), 'content-type': 'application/json' }], 415, 'invalid_request'],
    ['too much', () => ['x'.repeat(20_000)], 413, 'invalid_request'],
  ])('refuses %s', async (_, request, status, error) => {
    expectError(await ask(...request()), status, error);
  });

  it('takes no password in another encoding for the one that it would become', async () => {
    const unreadable = new TestApiUser();
    Object.assign(unreadable, { password: '\ufffd' });
    await fixture.publish([unreadable.credential(), unreadable.created(ROLE)]);
    const { username, password } = unreadable;
    expect((await ask(GRANT, basic(username, password))).status).toBe(200);
    const bytes = Buffer.from(`${username}:ä`, 'latin1');
    expectError(await ask(GRANT, { authorization: `Basic ${bytes.toString('base64')}` }), 401, 'invalid_client');
  });

  // S05
  it('refuses unknown, wrong and inactive with the very same bytes, and asks for Basic (invariant 7)', async () => {
    const inactive = await minted();
    await fixture.publish([inactive.deactivated()]);
    const answers = [
      await ask(GRANT, basic('nobody@api.rebelcore.local', 'x')),
      await ask(GRANT, basic(apiUser.username, 'x')),
      await ask(GRANT, basic(inactive.username, inactive.password)),
      await ask(`${GRANT}&client_id=${inactive.username}&client_secret=${inactive.password}`, {}),
    ];
    for (const answer of answers) {
      expectError(answer, 401, 'invalid_client');
      expect(answer.text).toBe(answers[0]?.text);
      expect(answer.headers.get('www-authenticate')).toBe('Basic realm="RebelCore API users", charset="UTF-8"');
      expect([...answer.headers.keys()].sort()).toEqual([...(answers[0]?.headers.keys() ?? [])].sort());
    }
  });

  it('narrows a token to the scope asked for, and names it where it differs from what was asked', async () => {
    const scopeOf = async (asked: string) => {
      const { status, body } = await ask(`${GRANT}&scope=${asked}`);
      const { scope, narrowed } = jwt.decode(String(body.access_token)) as jwt.JwtPayload;
      return [status, body.scope, scope as unknown, narrowed as unknown];
    };
    expect(await scopeOf('can_use_agent')).toEqual([200, undefined, 'can_use_agent', true]);
    expect(await scopeOf('can_use_agent+can_use_agent')).toEqual([200, 'can_use_agent', 'can_use_agent', true]);
    expect(await scopeOf('')).toEqual([200, ROLE.permissions.join(' '), ROLE.permissions.join(' '), undefined]);
  });

  it('issues for the resources of its origin (RFC 8707), all of which are one audience', async () => {
    for (const resource of ['https://issuer.test', 'https://issuer.test/api/v1/infer', 'rebelcore-api']) {
      const { body } = await ask(`${GRANT}&resource=${encodeURIComponent(resource)}`);
      expect(jwt.decode(String(body.access_token))).toMatchObject({ aud: 'rebelcore-api' });
    }
  });

  it('takes POST alone, and answers in JSON wherever below /oauth2', async () => {
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const answer = await send('/oauth2/token', { method });
      expectError(answer, 405, 'invalid_request');
      expect(answer.headers.get('allow')).toBe('POST');
    }
    const large = { method: 'POST', headers: { ...FORM, ...own() }, body: 'x'.repeat(20_000) };
    expectError(await send('/oauth2/introspect', large), 413, 'invalid_request');
    expectError(await send('/oauth2/nothing', {}), 404, 'invalid_request');
    expectError(await send('/oauth2/%zz', {}), 400, 'invalid_request');
    // Elsewhere as always.
    expect((await send('/nothing', {})).headers.get('content-type')).toMatch('application/problem+json');
    expect((await fixture.authorize('{', replica)).headers.get('content-type')).toMatch('application/problem+json');
    const form = await fixture.authorize('username=a&password=b', replica, FORM);
    expect(form.status).toBe(415);
    expect(form.headers.get('content-type')).toMatch('application/problem+json');
  });

  it('invariant 6: every answer is recorded once, with what was wrong', async () => {
    const test = randomUUID();
    const named = (name: string, headers: Record<string, string> = own()) => ({
      ...headers,
      'x-correlation-id': `${test}-${name}`,
    });
    await ask(GRANT, named('good'));
    await ask(GRANT, named('wrong', basic(apiUser.username, 'x')));
    await ask(`${GRANT}&scope=x`, named('scope'));
    await ask('{}', named('json', { 'content-type': 'application/json' }));
    await send('/oauth2/token', { headers: named('get') });
    const calls = (await recordedCalls(fixture.kafka(), 'token')).filter((call) =>
      call.callerCorrelationId?.startsWith(test),
    );
    const seen = calls.map((call) => [
      call.callerCorrelationId?.slice(37),
      call.route,
      call.status,
      call.reason,
      call.apiUserId,
      call.tokenExpiresAt !== undefined,
    ]);
    expect(seen.toSorted()).toEqual([
      ['get', 'GET /oauth2/token', 405, 'oauth.invalid_request', undefined, false],
      ['good', 'POST /oauth2/token', 200, undefined, apiUser.id, true],
      ['json', 'POST /oauth2/token', 415, undefined, undefined, false],
      ['scope', 'POST /oauth2/token', 400, 'oauth.invalid_scope', apiUser.id, false],
      ['wrong', 'POST /oauth2/token', 401, 'api-user.wrong-password', apiUser.id, false],
    ]);
  });

  it('invariant 4: answers 503 while it is not known to be up to date', async () => {
    await replica.app.get(KafkaBatchStrategy).close();
    const answer = await until(async () => {
      const found = await ask(GRANT);
      return found.status !== 200 && found;
    }, 'the view to be too old');
    expectError(answer, 503, 'temporarily_unavailable');
    expect(answer.headers.get('retry-after')).toBe('5');
    const again = await fixture.addReplica();
    await fixture.remove(replica);
    replica = again;
  });
});

describe('POST /oauth2/introspect (RFC 7662)', () => {
  /** An API of the same customer as the API user, whose role may ask. */
  let api: TestApiUser;
  const INSPECTOR = { id: randomUUID(), name: 'Inspector', permissions: ['can_introspect'] };

  beforeAll(async () => {
    api = apiUser.colleague();
    await fixture.publish([api.credential(), api.created(INSPECTOR)]);
  });

  const introspect = (token: unknown, headers = basic(api.username, api.password)) =>
    send('/oauth2/introspect', { method: 'POST', headers: { ...FORM, ...headers }, body: `token=${String(token)}` });
  const tokenOf = async (whose: TestApiUser, more = '') =>
    String((await ask(`${GRANT}${more}`, basic(whose.username, whose.password))).body.access_token);
  const claims = (changes: object = {}) => {
    const now = Math.floor(Date.now() / 1000);
    const { id: sub, username, customerId } = apiUser;
    return {
      iss: 'https://issuer.test',
      aud: 'rebelcore-api',
      sub,
      client_id: username,
      customer_id: customerId,
      iat: now - 60,
      exp: now + 60,
      jti: randomUUID(),
      role: 'Night shift',
      scope: 'can_use_agent',
      ...changes,
    };
  };
  const signed = (changes: object = {}, typ = 'at+jwt', key = currentKeyOf(replica.app.get(SigningKeyRing))) =>
    signJwt(key, typ, claims(changes));

  it('tells an API of the same customer whose token it is, and what it permits', async () => {
    const token = await tokenOf(apiUser);
    const { iat, exp, jti } = jwt.decode(token) as jwt.JwtPayload;
    const answer = await introspect(token);
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(answer.body).toEqual({
      active: true,
      scope: 'can_view_specs can_use_agent',
      client_id: apiUser.username,
      token_type: 'Bearer',
      exp,
      iat,
      sub: apiUser.id,
      aud: 'rebelcore-api',
      iss: 'https://issuer.test',
      jti,
      customer_id: apiUser.customerId,
      role: ROLE.name,
      api_user_status: 'active',
    });
    // By the form as well, with parameters that it does not need.
    const { username, password } = api;
    const body = `token=${token}&token_type_hint=refresh_token&client_id=${username}&client_secret=${password}`;
    const again = await send('/oauth2/introspect', { method: 'POST', headers: FORM, body });
    expect(again.body).toEqual(answer.body);
  });

  it('“tokens already issued live until they expire”: active, beside the status of the API user, inactive', async () => {
    const switchedOff = apiUser.colleague();
    await fixture.publish([switchedOff.credential(), switchedOff.created(ROLE)]);
    const token = await tokenOf(switchedOff);
    await fixture.publish([switchedOff.deactivated()]);
    expect((await introspect(token)).body).toMatchObject({ active: true, api_user_status: 'inactive' });
  });

  it('tells where alone a token may be used, and serves nobody who authenticates from elsewhere', async () => {
    const confined = apiUser.colleague();
    await fixture.publish([confined.credential(), confined.created(INSPECTOR)]);
    await fixture.publish([confined.confined(['127.0.0.1/32'], ['203.0.113.0/24', '2001:db8::/32'])]);
    const token = await tokenOf(confined);
    expect((await introspect(token)).body).toMatchObject({
      active: true,
      networks: ['203.0.113.0/24', '2001:db8::/32'],
    });
    const own = basic(confined.username, confined.password);
    expect((await introspect(token, own)).status).toBe(200);
    await fixture.publish([confined.confined(['203.0.113.0/24'], [])]);
    expectError(await introspect(token, own), 401, 'invalid_client');
    // Tokens that are out stay as they are.
    expect((await introspect(token)).body).toMatchObject({
      active: true,
      networks: ['203.0.113.0/24', '2001:db8::/32'],
    });
  });

  it('“changed flags count from the next request”: the scope is what the token permits now', async () => {
    const role = { id: randomUUID(), name: 'Changing', permissions: ['can_view_specs', 'can_use_agent'] };
    const other = apiUser.colleague();
    await fixture.publish([other.credential(), other.created(role)]);
    const tokens = [await tokenOf(other), await tokenOf(other, '&scope=can_use_agent')];
    const scopes = () => Promise.all(tokens.map(async (token) => (await introspect(token)).body.scope));
    expect(await scopes()).toEqual(['can_view_specs can_use_agent', 'can_use_agent']);
    await fixture.publish([other.roleChanged({ ...role, permissions: ['can_use_agent', 'can_add_users'] })]);
    expect(await scopes()).toEqual(['can_use_agent can_add_users', 'can_use_agent']);
    await fixture.publish([other.roleChanged({ ...role, permissions: ['can_add_users'] })]);
    expect(await scopes()).toEqual(['can_add_users', undefined]);
  });

  it.each<[string, () => string | Promise<string>, string]>([
    ['of another customer', async () => tokenOf(await minted()), 'token.foreign'],
    ['that has expired', () => signed({ iat: 1_700_000_000, exp: 1_700_000_060 }), 'token.expired'],
    ['of another key', () => signed({}, 'at+jwt', generateSigningKey()), 'token.invalid'],
    ['of another type', () => signed({}, 'session+jwt'), 'token.invalid'],
    ['of another issuer', () => signed({ iss: 'https://issuer.test/' }), 'token.invalid'],
    ['for another audience', () => signed({ aud: 'other' }), 'token.invalid'],
    ['that lives longer than any', () => signed({ exp: Math.floor(Date.now() / 1000) + 90_000 }), 'token.invalid'],
    ['whose signature was changed', () => `${signed().slice(0, -4)}AAAA`, 'token.invalid'],
    [
      'with alg none',
      () => {
        const [, payload = ''] = signed().split('.');
        return `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${payload}.`;
      },
      'token.invalid',
    ],
    ['that is none', () => 'nonsense', 'token.invalid'],
  ])('answers exactly {"active":false} to a token %s', async (_, token, reason) => {
    const asked = await token();
    expect((await introspect(signed())).body).toMatchObject({ active: true });
    const correlation = randomUUID();
    const headers = { ...basic(api.username, api.password), 'x-correlation-id': correlation };
    const answer = await introspect(asked, headers);
    expect([answer.status, answer.text]).toEqual([200, '{"active":false}']);
    const calls = await recordedCalls(fixture.kafka(), 'token');
    const call = calls.find((each) => each.callerCorrelationId === correlation);
    expect([call?.route, call?.apiUserId, call?.reason]).toEqual(['POST /oauth2/introspect', api.id, reason]);
    expect(call?.tokenId).toBeUndefined();
  });

  it.each<[string, () => [string, Record<string, string>?], number, string]>([
    ['an API user whose role lacks the flag', () => ['token=x', own()], 403, 'unauthorized_client'],
    ['a wrong password', () => ['token=x', basic(api.username, 'x')], 401, 'invalid_client'],
    ['nobody', () => ['token=x', {}], 401, 'invalid_client'],
    ['a token instead of credentials', () => ['token=x', { authorization: 'Bearer x' }], 401, 'invalid_client'],
    ['no token', () => [''], 400, 'invalid_request'],
    ['two tokens', () => ['token=x&token=y'], 400, 'invalid_request'],
    ['two mechanisms', () => ['token=x&client_id=x&client_secret=y'], 400, 'invalid_request'],
    ['JSON', () => ['{}', { 'content-type': 'application/json' }], 415, 'invalid_request'],
  ])('refuses %s', async (_, request, status, error) => {
    const [body, headers = basic(api.username, api.password)] = request();
    const init = { method: 'POST', headers: { ...FORM, ...headers }, body };
    expectError(await send('/oauth2/introspect', init), status, error);
  });
});

describe('DPoP (RFC 9449)', () => {
  const client = new ProvingClient();
  const url = 'https://issuer.test/oauth2/token';
  const claimsOf = ({ body }: Answer) => jwt.decode(String(body.access_token)) as jwt.JwtPayload;

  it('binds a token to the key that was proven', async () => {
    const answer = await ask(GRANT, { ...own(), dpop: await client.proof({ url }) });
    expect([answer.status, answer.body.token_type]).toEqual([200, 'DPoP']);
    expect(claimsOf(answer).cnf).toEqual({ jkt: await client.thumbprint() });
    const { username, password } = apiUser;
    const about = `token=${String(answer.body.access_token)}&client_id=${username}&client_secret=${password}`;
    const inactive = await send('/oauth2/introspect', { method: 'POST', headers: FORM, body: about });
    expectError(inactive, 403, 'unauthorized_client');
  });

  it('refuses what proves nothing, and what was sent before, and says so to the activity log', async () => {
    const used = await client.proof({ url });
    expect((await ask(GRANT, { ...own(), dpop: used })).status).toBe(200);
    const elsewhere = await client.proof({ url: 'https://issuer.test/oauth2/introspect' });
    for (const dpop of [
      used,
      elsewhere,
      '',
      'none',
      `${await client.proof({ url })}, ${await client.proof({ url })}`,
    ]) {
      const answer = await ask(GRANT, { ...own(), dpop });
      expectError(answer, 400, 'invalid_dpop_proof');
      const id = answer.headers.get('x-correlation-id');
      const call = (await recordedCalls(fixture.kafka(), 'token')).find(({ correlationId }) => correlationId === id);
      expect(call).toMatchObject({ apiUserId: apiUser.id, reason: 'oauth.invalid_dpop_proof' });
    }
  });

  it('asks who it is before it looks at the proof', async () => {
    expectError(await ask(GRANT, { ...basic(apiUser.username, 'x'), dpop: 'none' }), 401, 'invalid_client');
  });
});

describe('private_key_jwt (RFC 7523)', () => {
  const TYPE = 'client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
  const issuer = 'https://issuer.test';
  const pairs = [testPair('ES256'), testPair('EdDSA'), testPair('PS256')];
  const keyOf = ({ publicJwk }: TestPair) => readClientKey(publicJwk);
  const [pair = testPair('ES256')] = pairs;
  let other: Replica;
  beforeAll(async () => {
    other = await fixture.addReplica();
    await fixture.publish([apiUser.keyAdded(keyOf(pair))]);
  });

  const assertion = (whose = apiUser, by = pair, claims = {}) =>
    testAssertion(by, { username: whose.username, issuer }, { claims });
  const form = (signed: string, more = '') => `${GRANT}&${TYPE}&client_assertion=${signed}${more}`;
  const sign = (signed: string, more = '', headers = {}) => ask(form(signed, more), headers);
  const used = async () =>
    Number((await fixture.pool.query<{ count: string }>('select count(*) from client_assertion')).rows[0]?.count);

  it('gives the token that the password would have given, whichever key has signed', async () => {
    const whose = apiUser.colleague();
    await fixture.publish([whose.credential(), whose.created(ROLE)]);
    for (const each of pairs) {
      await fixture.publish([whose.keyAdded(keyOf(each))]);
      const { status, body } = await sign(assertion(whose, each), `&client_id=${whose.username}`);
      expect(status).toBe(200);
      expect(jwt.decode(String(body.access_token))).toMatchObject({ sub: whose.id, client_id: whose.username });
    }
    // One that was removed counts no more, and the others still do.
    await fixture.publish([whose.keyRemoved(keyOf(pair))]);
    expectError(await sign(assertion(whose)), 401, 'invalid_client');
    expect((await sign(assertion(whose, pairs[1]))).status).toBe(200);
  });

  it('lets an assertion count once, at whichever replica, and only those that were right take room', async () => {
    const before = await used();
    const again = assertion();
    expect((await sign(again)).status).toBe(200);
    const elsewhere = await fetch(`${other.url}/oauth2/token`, { method: 'POST', headers: FORM, body: form(again) });
    expect([elsewhere.status, await elsewhere.json()]).toMatchObject([401, { error: 'invalid_client' }]);
    expectError(await sign(again), 401, 'invalid_client');
    expect(await used()).toBe(before + 1);
    // A jti that is not signed cannot be used up for somebody else.
    const jti = randomUUID();
    expectError(await sign(assertion(apiUser, testPair('ES256'), { jti })), 401, 'invalid_client');
    expectError(await sign(assertion(apiUser, pair, { jti, aud: `${issuer}/oauth2/token` })), 401, 'invalid_client');
    expect((await ask(GRANT)).status).toBe(200);
    expect(await used()).toBe(before + 1);
    expect((await sign(assertion(apiUser, pair, { jti }))).status).toBe(200);
    // Another API user's jti is another one.
    const whose = apiUser.colleague();
    await fixture.publish([whose.credential(), whose.created(ROLE), whose.keyAdded(keyOf(pair))]);
    expect((await sign(assertion(whose, pair, { jti }))).status).toBe(200);
  });

  it('refuses like a wrong password, with the very same bytes, and records why', async () => {
    const inactive = apiUser.colleague();
    await fixture.publish([inactive.credential(), inactive.created(ROLE), inactive.keyAdded(keyOf(pair))]);
    const elsewhere = apiUser.colleague();
    await fixture.publish([elsewhere.credential(), elsewhere.created(ROLE), elsewhere.keyAdded(keyOf(pair))]);
    await fixture.publish([inactive.deactivated(), elsewhere.confined(['203.0.113.0/24'], [])]);
    const replayed = assertion();
    await sign(replayed);
    const password = await ask(GRANT, basic(apiUser.username, 'x'));
    const now = Math.floor(Date.now() / 1000);
    const cases: [string, string][] = [
      [assertion(apiUser, testPair('ES256')), 'client-assertion.wrong-signature'],
      [assertion(apiUser, pair, { aud: [issuer, 'https://other.test'] }), 'client-assertion.wrong-audience'],
      [assertion(apiUser, pair, { exp: now - 1 }), 'client-assertion.wrong-times'],
      [assertion(apiUser, pair, { exp: now + 900 }), 'client-assertion.wrong-times'],
      [assertion(inactive), 'api-user.inactive'],
      [assertion(elsewhere), 'api-user.network-not-allowed'],
      [assertion(new TestApiUser()), 'api-user.unknown'],
      [replayed, 'client-assertion.replayed'],
      ['nonsense', 'oauth.invalid_client'],
    ];
    const test = randomUUID();
    const before = await used();
    for (const [index, [signed]] of cases.entries()) {
      const answer = await sign(signed, '', { 'x-correlation-id': `${test}-${String(index)}` });
      expectError(answer, 401, 'invalid_client');
      expect([answer.text, answer.headers.get('www-authenticate')]).toEqual([
        password.text,
        password.headers.get('www-authenticate'),
      ]);
    }
    const calls = (await recordedCalls(fixture.kafka(), 'token')).filter((call) =>
      call.callerCorrelationId?.startsWith(test),
    );
    // Nothing was signed in vain that could count later.
    expect(await used()).toBe(before);
    const reasons = new Map(calls.map((call) => [Number(call.callerCorrelationId?.slice(37)), call.reason]));
    expect(cases.map((_, index) => reasons.get(index))).toEqual(cases.map(([, reason]) => reason));
  });

  it.each<[string, () => [string, Record<string, string>?]]>([
    ['an assertion without its type', () => [`${GRANT}&client_assertion=x`]],
    ['a type without an assertion', () => [`${GRANT}&${TYPE}`]],
    ['Basic besides', () => [form(assertion()), own()]],
    ['a secret besides', () => [form(assertion(), `&client_secret=x`)]],
    ['the client_id of another one', () => [form(assertion(), '&client_id=another')]],
    ['two assertions', () => [form(assertion(), '&client_assertion=x')]],
  ])('refuses %s', async (_, request) => {
    const [body, headers = {}] = request();
    expectError(await ask(body, headers), 400, 'invalid_request');
  });

  it('serves at the introspection endpoint too', async () => {
    const api = apiUser.colleague();
    const inspector = { id: randomUUID(), name: 'Inspector', permissions: ['can_introspect'] };
    await fixture.publish([api.credential(), api.created(inspector), api.keyAdded(keyOf(pair))]);
    const { body } = await sign(assertion());
    const asked = `token=${String(body.access_token)}&${TYPE}&client_assertion=${assertion(api)}`;
    const answer = await send('/oauth2/introspect', { method: 'POST', headers: FORM, body: asked });
    expect(answer.body).toMatchObject({ active: true, sub: apiUser.id });
  });

  it('forgets what has long expired', async () => {
    await fixture.pool.query(
      `insert into client_assertion values ($1, '\\x00', now() - interval '2 hours'), ($1, '\\x01', now())`,
      [randomUUID()],
    );
    const before = await used();
    await replica.app.get(UsedAssertions).sweep();
    expect(await used()).toBe(before - 1);
  });
});
