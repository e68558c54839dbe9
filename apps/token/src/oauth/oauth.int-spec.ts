import { KafkaBatchStrategy } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import { recordedCalls } from '@rebelcore/testing/recorded-calls';
import { until } from '@rebelcore/testing/until';
import jwt from 'jsonwebtoken';
import { randomUUID } from 'node:crypto';
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
  const body = (text === '' ? {} : JSON.parse(text)) as Answer['body'];
  return { status: response.status, headers: response.headers, text, body };
}
const ask = (body: string, headers: Record<string, string> = own()) =>
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
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
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

  it.each<[string, () => [string, Record<string, string>?], number, string]>([
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
    ['JSON', () => ['{}', { ...own(), 'content-type': 'application/json' }], 415, 'invalid_request'],
    ['too much', () => ['x'.repeat(20_000)], 413, 'invalid_request'],
  ])('refuses %s', async (_, request, status, error) => {
    expectError(await ask(...request()), status, error);
  });

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
