import { until } from '@rebelcore/testing/until';
import { once } from 'node:events';
import { request as send, type IncomingMessage } from 'node:http';
import { COOKIE, GatewayFixture, PUBLIC, type Handler } from './gateway.fixture-spec.js';
import { SERVICES } from './routes.js';

const OVER = 'o'.repeat(43);

let gateway: GatewayFixture;
let ask: GatewayFixture['ask'];
let identity: GatewayFixture['identity'];
let token: GatewayFixture['token'];
let audit: GatewayFixture['audit'];
let inference: GatewayFixture['inference'];
beforeAll(async () => {
  gateway = await GatewayFixture.start({ PUBLIC_ORIGINS: 'http://localhost:3000' });
  ask = gateway.ask.bind(gateway);
  ({ identity, token, audit, inference } = gateway);
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.reset();
});

describe('routing', () => {
  it.each([
    ['POST', '/api/v1/authorize', 'token'],
    ['POST', '/oauth2/token', 'token'],
    ['GET', '/.well-known/jwks.json', 'token'],
    ['POST', '/api/v1/infer', 'inference'],
    ['GET', '/api/v1/activity?limit=5&q=a%20b', 'audit'],
    ['GET', '/api/v1/activity/0198', 'audit'],
    ['POST', '/api/v1/customers', 'identity'],
    ['POST', '/api/v1/invites/t/accept', 'identity'],
    ['POST', '/api/v1/sessions', 'identity'],
    ['DELETE', '/api/v1/sessions/current', 'identity'],
    ['GET', '/api/v1/me', 'identity'],
    ['GET', '/api/v1/users', 'identity'],
    ['PATCH', '/api/v1/users/1', 'identity'],
    ['POST', '/api/v1/api-users', 'identity'],
    ['GET', '/api/v1/roles', 'identity'],
    ['DELETE', '/api/v1/roles/1?reassign_to=2', 'identity'],
    ['POST', '/api/v1/api-users/1/hand-overs', 'identity'],
    ['DELETE', '/api/v1/hand-overs/1', 'identity'],
    ['POST', '/api/v1/hand-overs/1/open', 'identity'],
    ['GET', '/api/v1/api-users/1/usage', 'audit'],
    ['POST', '/api/v1/api-users/usage', 'audit'],
    ['GET', '/api/v1/api-users/usage?flag=unused', 'audit'],
    ['GET', '/api/v1/activity/stream?q=x', 'audit'],
  ])('%s %s goes to %s as it came', async (method, path, service) => {
    const answer = await ask(method, path);
    expect([answer.status, answer.body]).toEqual([200, { service, url: path }]);
  });

  it.each([
    '/internal/session-tokens',
    '/api/v1/users/../../../internal/session-tokens',
    '/api/v1/users/%2e%2e/%2e%2e/%2e%2e/internal/session-tokens',
    '/api/v1/users\\..\\..\\..\\internal\\session-tokens',
    '//internal/session-tokens',
    '/api/v1/invites/a%2Fb/accept',
    '/api/v1/unknown',
    '/api/v1/usersx',
    '/metrics',
    '/',
  ])('%s is nowhere', async (path) => {
    const answer = await ask('POST', path, { cookie: `__Host-session=${COOKIE}` });
    expect([answer.status, answer.headers['content-type'], answer.body.detail]).toEqual([
      404,
      expect.stringContaining('application/problem+json'),
      'There is nothing at this address.',
    ]);
    expect(gateway.upstreams.flatMap(({ seen }) => seen)).toEqual([]);
  });
});

describe('answers', () => {
  it('stream through without being held', async () => {
    const next = Promise.withResolvers<undefined>();
    token.handler = (request, answer) => {
      request.resume();
      answer.writeHead(200, { 'content-type': 'application/octet-stream' });
      answer.write('begun');
      void next.promise.then(() => answer.end('done'));
      return true;
    };
    const { hostname, port } = new URL(gateway.base);
    const request = send({ hostname, port, path: '/oauth2/stream', agent: false }).end();
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    const [begun] = (await once(answer, 'data')) as [Buffer];
    expect(String(begun)).toBe('begun');
    next.resolve(undefined);
    await once(answer, 'end');
  });
});

describe('bodies', () => {
  const TYPES = [
    ...['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'x/y', undefined].map((type) => [
      type,
      type,
    ]),
    // What is no type is none that a service takes.
    ...['', 'json', ';;;'].map((type) => [type, 'application/octet-stream']),
  ];

  it('pass unparsed, whatever their type says, also without one, without a length and without content', async () => {
    for (const [type, sent] of TYPES) {
      for (const [framing, body] of [
        [{ 'content-length': '5' }, '{"a":'],
        [{ 'transfer-encoding': 'chunked' }, '{"a":'],
        [{ 'content-length': '0' }, ''],
      ] as const) {
        const headers = { ...framing, ...(type !== undefined && { 'content-type': type }) };
        expect((await ask('POST', '/api/v1/authorize', headers, body)).status).toBe(200);
        const seen = token.last();
        expect([seen.body(), seen.headers['content-type'], seen.headers['content-length']]).toEqual([
          body,
          sent,
          String(body.length),
        ]);
      }
    }
  });
});

describe('headers', () => {
  it('tell the service the peer’s address and never what the caller claims of it', async () => {
    await ask('GET', '/api/v1/activity', {
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-host': 'evil.example',
      forwarded: 'for=6.6.6.6',
      'x-real-ip': '6.6.6.6',
      via: '1.1 evil',
      te: 'trailers',
      'proxy-authorization': 'Basic x',
      connection: 'close, x-custom, x-forwarded-for',
      'x-custom': '1',
      'user-agent': 'tester',
    });
    const { headers } = audit.last();
    expect(headers['x-forwarded-for']).toBe('127.0.0.1');
    expect(JSON.stringify(headers)).not.toMatch(/6\.6\.6\.6|evil/);
    for (const name of ['te', 'via', 'forwarded', 'proxy-authorization', 'x-custom', 'x-real-ip']) {
      expect([name, headers[name]]).toEqual([name, undefined]);
    }
    expect(headers['user-agent']).toBe('tester');
    expect(headers.host).toBe(new URL(audit.url).host);
  });

  it('tell the service the caller’s own correlation id, and the caller that of the service', async () => {
    audit.handler = (_, answer) => {
      answer.setHeader('x-correlation-id', 'api:of-the-service').end();
      return true;
    };
    const answer = await ask('GET', '/api/v1/activity', { 'x-correlation-id': 'order-7' });
    expect([answer.headers['x-correlation-id'], audit.last().headers['x-correlation-id']]).toEqual([
      'api:of-the-service',
      'order-7',
    ]);
    const refused = await ask('GET', '/nowhere', { 'x-correlation-id': 'order-7' });
    expect(refused.headers['x-correlation-id']).toMatch(/^api:[0-9a-f-]{36}$/);
  });

  it('of the connection to the service stay there, and only identity’s session addresses may set a cookie', async () => {
    const answerWith: Handler = (_, answer) => {
      answer.writeHead(200, {
        'set-cookie': '__Host-session=x',
        'keep-alive': 'timeout=9',
        server: 'inside',
        connection: 'x-inside',
        'x-inside': '1',
        position: '7',
      });
      answer.end();
      return true;
    };
    for (const upstream of gateway.upstreams) upstream.handler = answerWith;
    const read = await ask('GET', '/api/v1/activity');
    for (const name of ['set-cookie', 'server', 'x-inside'])
      expect([name, read.headers[name]]).toEqual([name, undefined]);
    expect(read.headers.position).toBe('7');
    for (const path of ['/api/v1/sessions', '/api/v1/me/second-factor/confirm'])
      expect((await ask('POST', path)).headers['set-cookie']).toEqual(['__Host-session=x']);
  });

  // S14
  it('protect a browser on every answer, also on refusals and unknown addresses', async () => {
    for (const path of ['/api/v1/activity', '/nowhere', '/health/live', '/docs']) {
      const { headers } = await ask('GET', path);
      expect([path, headers['x-content-type-options'], headers['referrer-policy']]).toEqual([
        path,
        'nosniff',
        'no-referrer',
      ]);
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(headers['content-security-policy']).not.toMatch(/script-src[^;]*unsafe/);
      expect(headers['strict-transport-security']).toMatch(/max-age=\d+/);
    }
  });
});

describe('a service’s own words on what browsers may do', () => {
  it('count for nothing', async () => {
    audit.handler = (_, answer) => {
      answer.writeHead(200, { 'x-frame-options': 'ALLOWALL', 'content-security-policy': 'default-src *' }).end();
      return true;
    };
    const { headers } = await ask('GET', '/api/v1/activity');
    expect(headers['x-frame-options']).toBe('DENY');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
  });
});

// S14
describe('writes from other origins', () => {
  const write = (headers: Record<string, string>, method = 'POST') =>
    ask(method, '/api/v1/users/1/deactivate', { cookie: `__Host-session=${COOKIE}`, ...headers });

  it.each([
    ['our own origin', { origin: PUBLIC }, 200],
    ['no browser', {}, 200],
    ['another origin', { origin: 'https://evil.example' }, 403],
    ['no origin', { origin: 'null' }, 403],
    ['another site without an origin', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a sister site without an origin', { 'sec-fetch-site': 'same-site' }, 403],
  ])('%s', async (_, headers, status) => {
    const answer = await write(headers);
    expect(answer.status).toBe(status);
    if (status === 403) expect(identity.seen).toEqual([]);
  });

  it('by the name the gateway was asked by are nobody’s own, unless it is configured', async () => {
    expect((await write({ origin: gateway.base, host: new URL(gateway.base).host })).status).toBe(403);
    expect((await write({ origin: 'http://localhost:3000' })).status).toBe(200);
  });
});

describe('the session', () => {
  const cookie = `other=1; __Host-session=${COOKIE}`;

  it('becomes a short-lived token for the services; the cookie itself stays here', async () => {
    await ask('GET', '/api/v1/activity', { cookie });
    expect(audit.last().headers).toMatchObject({ authorization: 'Bearer session-token-1' });
    expect(audit.last().headers.cookie).toBeUndefined();
    await ask('GET', '/api/v1/users', { cookie });
    expect(identity.last().headers.cookie).toBeUndefined();
  });

  it('is exchanged anew for each request, so that a sign-out counts at once', async () => {
    await ask('GET', '/api/v1/users', { cookie });
    gateway.sessions[COOKIE] = 'session-token-2';
    await ask('GET', '/api/v1/users', { cookie });
    expect(identity.last().headers.authorization).toBe('Bearer session-token-2');
    gateway.sessions = {};
    await ask('GET', '/api/v1/users', { cookie });
    expect(identity.last().headers.authorization).toBeUndefined();
  });

  it('wins over the caller’s own header, even when it is over', async () => {
    const authorization = 'Bearer own';
    await ask('GET', '/api/v1/users', { cookie, authorization });
    expect(identity.last().headers.authorization).toBe('Bearer session-token-1');
    await ask('GET', '/api/v1/users', { cookie: `__Host-session=${OVER}`, authorization });
    expect(identity.last().headers.authorization).toBeUndefined();
    await ask('GET', '/api/v1/users', { authorization });
    expect(identity.last().headers.authorization).toBe('Bearer own');
  });

  it('is left alone where applications and the operator call with a header of their own', async () => {
    const authorization = 'Bearer own';
    for (const [path, upstream] of [
      ['/api/v1/infer', inference],
      ['/api/v1/authorize', token],
      ['/api/v1/customers', identity],
    ] as const) {
      await ask('POST', path, { cookie, authorization });
      expect(upstream.last().headers).toMatchObject({ authorization });
      expect(upstream.last().headers.cookie).toBeUndefined();
    }
    expect(identity.seen.filter(({ url }) => url.startsWith('/internal/'))).toEqual([]);
  });

  it('goes upstream as a cookie for signing in and out only', async () => {
    await ask('POST', '/api/v1/sessions', { cookie });
    expect(identity.seen).toHaveLength(1);
    expect(identity.last().headers.cookie).toBe(`__Host-session=${COOKIE}`);
    await ask('DELETE', '/api/v1/sessions/current', { cookie });
    expect(identity.last().headers.cookie).toBe(`__Host-session=${COOKIE}`);
  });

  it('that comes twice or malformed is none', async () => {
    for (const bad of [`__Host-session=${COOKIE}; __Host-session=${OVER}`, '__Host-session=a b', '__Host-session=']) {
      await ask('GET', '/api/v1/users', { cookie: bad });
      expect(identity.last().headers.authorization).toBeUndefined();
    }
  });

  it('that cannot be exchanged is a 503 and not a guess', async () => {
    identity.handler = (request, answer) => {
      if (!request.url?.startsWith('/internal/')) return false;
      answer.writeHead(500).end();
      return true;
    };
    const answer = await ask('GET', '/api/v1/activity', { cookie });
    expect([answer.status, answer.body.code, answer.headers['retry-after']]).toEqual([
      503,
      'upstream.unavailable',
      '1',
    ]);
    expect(audit.seen).toEqual([]);
  });
});

describe('a service in trouble', () => {
  it('that is not there is a 503 problem, and the next request finds it again', async () => {
    const port = Number(new URL(inference.url).port);
    await inference.stop();
    const answer = await ask('POST', '/api/v1/infer');
    expect([answer.status, answer.body.code, answer.headers['retry-after']]).toEqual([
      503,
      'upstream.unavailable',
      '1',
    ]);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    const health = await ask('GET', '/health/ready');
    expect([health.status, health.body]).toMatchObject([
      200,
      { checks: { identity: { ready: true, answers: true }, inference: { ready: true, answers: false } } },
    ]);
    await inference.start(port);
    expect((await ask('POST', '/api/v1/infer')).status).toBe(200);
  });

  it('that breaks off is a 503 problem for a write, which is never sent twice', async () => {
    token.handler = (request) => {
      request.socket.destroy();
      return true;
    };
    const answer = await ask('POST', '/api/v1/authorize', {}, '{}');
    expect([answer.status, answer.body.code]).toEqual([503, 'upstream.unavailable']);
    expect(token.seen).toHaveLength(1);
    const toOAuthClient = await ask('POST', '/oauth2/token', {}, 'grant_type=client_credentials');
    expect([toOAuthClient.status, toOAuthClient.body.error]).toEqual([503, 'temporarily_unavailable']);
    expect(toOAuthClient.headers['content-type']).toMatch(/^application\/json/);
  });

  it('that answers 503 itself is passed on at once, with its own words', async () => {
    audit.handler = (_, answer) => {
      answer.writeHead(503, { 'retry-after': '9', 'content-type': 'application/problem+json' });
      answer.end('{"detail":"mine"}');
      return true;
    };
    const answer = await ask('GET', '/api/v1/activity');
    expect([answer.status, answer.headers['retry-after'], answer.body]).toEqual([503, '9', { detail: 'mine' }]);
    expect(audit.seen).toHaveLength(1);
  });

  it('that begins an answer and does not go on is a 504 problem', async () => {
    audit.handler = (_, answer) => {
      answer.writeHead(200, { 'content-type': 'application/json', 'content-length': '9' }).flushHeaders();
      return true;
    };
    const answer = await ask('GET', '/api/v1/activity');
    expect([answer.status, answer.body.code, answer.headers['content-type'], answer.headers['retry-after']]).toEqual([
      504,
      'upstream.timeout',
      expect.stringMatching(/^application\/problem\+json/),
      '1',
    ]);
  });
});

describe('the gateway’s own addresses', () => {
  const describes =
    (path: string): Handler =>
    (request, answer) => {
      if (request.url !== '/openapi.json') return false;
      answer.end(
        JSON.stringify({
          openapi: '3.0.0',
          info: { title: 'x', version: '1' },
          paths: { [path]: { get: { responses: {} } }, '/health': {} },
        }),
      );
      return true;
    };

  it('name each service in /health/ready', async () => {
    const answer = await ask('GET', '/health/ready');
    expect(answer.status).toBe(200);
    expect(Object.keys(answer.body.checks as object).sort()).toEqual([...SERVICES].sort());
  });

  it('publish one document of all services, and a page that shows it', async () => {
    identity.handler = describes('/api/v1/users');
    token.handler = describes('/api/v1/authorize');
    audit.handler = describes('/api/v1/activity');
    inference.handler = describes('/api/v1/infer');
    const { paths } = (await ask('GET', '/openapi.json')).body;
    expect(Object.keys(paths as object)).toEqual([
      '/api/v1/users',
      '/api/v1/authorize',
      '/api/v1/activity',
      '/api/v1/infer',
    ]);
    const page = await ask('GET', '/docs');
    expect([page.status, page.headers['content-type']]).toEqual([200, expect.stringContaining('text/html')]);
    expect((await ask('GET', '/docs/swagger-ui-bundle.js')).status).toBe(200);
    expect((await ask('GET', '/docs/swagger-ui-init.js')).text).toContain('"swaggerUrl": "/openapi.json"');
    expect((await ask('GET', '/openapi.yaml')).text).toMatch(/^openapi: .*[^]*\n {2}\/api\/v1\/activity:\n/);
  });

  it.each(['/health/ready', '/openapi.json', '/openapi.yaml'])(
    'ask each service once for all who ask for %s within a second, also while one does not answer',
    async (path) => {
      const other = await GatewayFixture.start();
      try {
        for (const upstream of other.upstreams) upstream.handler = describes('/api/v1/users');
        other.token.handler = (_, answer) => {
          answer.writeHead(500).end();
          return true;
        };
        await Promise.all(Array.from({ length: 50 }, () => other.ask('GET', path)));
        await other.ask('GET', path);
        expect(other.upstreams.map(({ seen }) => seen.length)).toEqual([1, 1, 1, 1]);
        await until(async () => {
          await other.ask('GET', path);
          return other.token.seen.length === 2;
        }, 'a second look');
      } finally {
        await other.stop();
      }
    },
  );
});
