import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request as send, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import pg from 'pg';
import { Contract } from '@rebelcore/testing/contract';
import { until } from '@rebelcore/testing/until';
import { bearerOf, endpoints, TestCustomer, type ApiUser } from '../support/system.js';

interface Entry {
  readonly name: string;
  readonly customer_id: string;
  readonly route: string;
  readonly status: number;
  readonly correlation_id: string;
  readonly outcome: string;
}
interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
}
type Headers = Record<string, string>;

const UNATTRIBUTED = '00000000-0000-0000-0000-000000000000';

let customer: TestCustomer;
let apiUser: ApiUser;
let bearer: Headers;
let database: pg.Client;
beforeAll(async () => {
  customer = await TestCustomer.provision();
  apiUser = await customer.mint();
  bearer = await bearerOf(apiUser);
  database = new pg.Client(endpoints().postgres.audit);
  await database.connect();
});
afterAll(() => database.end());

let contract: Contract | undefined;
/** Not through fetch, which tidies addresses and refuses headers. */
async function ask(base: string, method: string, path: string, headers: Headers, body?: string): Promise<Answer> {
  const { hostname, port } = new URL(base);
  // With a DELETE Node would say nothing of a body, and send it all the same.
  const length = body !== undefined && { 'content-length': String(Buffer.byteLength(body)) };
  const request = send({ hostname, port, method, path, headers: { ...length, ...headers }, agent: false });
  request.end(body);
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  const [status, answered] = [answer.statusCode ?? 0, await text(answer)];
  const mediaType = answer.headers['content-type'] ?? '';
  contract ??= await Contract.of(endpoints().portal);
  contract.check(method, path, { status, mediaType, text: answered });
  return { status, headers: answer.headers };
}

/** The entries of requests whose names begin so, once there are as many; of any customer. */
async function entriesOf(prefix: string, count: number): Promise<Entry[]> {
  return until(
    async () => {
      const { rows } = await database.query<Entry>(
        `select metadata ->> 'caller_correlation_id' as name, customer_id, metadata ->> 'route' as route,
              (metadata ->> 'status')::int as status, correlation_id, outcome
         from activity where metadata ->> 'caller_correlation_id' like $1 order by 1`,
        [`${prefix}%`],
      );
      return rows.length >= count && rows;
    },
    `${String(count)} entries of ${prefix}`,
  );
}

const WHICH = {
  json: { 'content-type': 'application/json' },
  form: { 'content-type': 'application/x-www-form-urlencoded' },
};
const LARGE = 'x'.repeat(2_500_000);
/** What can be wrong with a request before anybody looks at who sent it, and what comes of it. */
const OUTCOMES: readonly {
  what: string;
  methods: RegExp;
  status: number;
  query?: string;
  headers?: Headers;
  body?: string;
}[] = [
  { what: 'not-json', methods: /POST|PUT|PATCH/, status: 400, headers: WHICH.json, body: '{' },
  { what: 'form', methods: /POST|PUT|PATCH/, status: 415, headers: WHICH.form, body: 'a=b' },
  { what: 'no-type', methods: /POST|PUT|PATCH/, status: 415, headers: { 'content-type': ';;;' }, body: '{}' },
  {
    what: 'coded',
    methods: /POST|PUT|PATCH/,
    status: 415,
    headers: { ...WHICH.json, 'content-encoding': 'gzip' },
    body: '{}',
  },
  { what: 'large', methods: /POST|PUT|PATCH/, status: 413, headers: WHICH.json, body: LARGE },
];

// S11
it('leaves exactly one entry for every refusal of every documented address, for its customer where a session or token says whose it is', async () => {
  const { paths } = (await (await fetch(`${endpoints().portal}/openapi.json`)).json()) as {
    paths: Record<string, object>;
  };
  const prefix = `table-${randomUUID()}`;
  const cookie = customer.owner.session ?? '';
  const expected = new Map<string, [string, number, string]>();
  for (const [path, operations] of Object.entries(paths)) {
    // Answers of a standard of its own, with its own errors.
    if (path.startsWith('/oauth2') || path.startsWith('/.well-known')) continue;
    for (const method of Object.keys(operations).map((each) => each.toUpperCase())) {
      for (const { what, methods, status, headers = {}, body } of OUTCOMES) {
        if (!methods.test(method)) continue;
        const address = path.replaceAll(/\{\w+\}/g, randomUUID());
        const name = `${prefix}.${String(expected.size)}`;
        const answer = await ask(
          endpoints().portal,
          method,
          address,
          { ...headers, 'x-correlation-id': name, ...(path === '/api/v1/infer' ? bearer : { cookie }) },
          body,
        );
        expect([method, path, what, answer.status]).toEqual([method, path, what, status]);
        const takesNeither = /^\/api\/v1\/(?:authorize|customers|invites|hand-overs\/\{id\}\/open|credentials)/.test(
          path,
        );
        const route = `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`;
        expected.set(name, [route, status, takesNeither ? UNATTRIBUTED : customer.id]);
      }
    }
  }
  expect(expected.size).toBeGreaterThan(60);
  const entries = await entriesOf(prefix, expected.size);
  const found = entries.map(({ name, route, status, customer_id }) => [name, [route, status, customer_id]] as const);
  expect(found.toSorted()).toEqual([...expected].toSorted());
  expect(new Set(entries.map(({ correlation_id }) => correlation_id)).size).toBe(entries.length);
  for (const { correlation_id } of entries) expect(correlation_id).toMatch(/^api:/);
}, 60_000);

// S17
it('records by route, however an address is spelled, exactly once', async () => {
  const { identity, audit, token, inference, portal } = endpoints();
  const prefix = `spelled-${randomUUID()}`;
  const { host } = new URL(identity);
  const asked: [string, string, string, string][] = [
    [identity, 'GET', '/%61pi/v1/users', 'GET /api/v1/users'],
    [portal, 'GET', '/%61pi/v1/users', 'GET /api/v1/users'],
    [identity, 'GET', `http://${host}/api/v1/users`, 'GET /api/v1/users'],
    [identity, 'GET', '//api/v1/users', 'GET unknown address'],
    [identity, 'GET', '/api//v1/users', 'GET unknown address'],
    [identity, 'GET', '/API/v1/users', 'GET unknown address'],
    [identity, 'GET', '/api/v1/users/', 'GET unknown address'],
    [identity, 'POST', '/%69nternal/nothing', 'POST unknown address'],
    [audit, 'GET', '/api/v1/%61ctivity', 'GET /api/v1/activity'],
    [token, 'POST', '/api/v1/%61uthorize', 'POST /api/v1/authorize'],
    [token, 'POST', '//api/v1/authorize', 'POST unknown address'],
    [inference, 'POST', '/api/v1/%69nfer', 'POST /api/v1/infer'],
    [inference, 'POST', '/api/v1//infer', 'POST unknown address'],
  ];
  for (const [at, [base, method, path]] of asked.entries()) {
    const { status } = await ask(base, method, path, { 'x-correlation-id': `${prefix}.${String(at)}` });
    expect([path, status]).toEqual([path, expect.any(Number)]);
    expect(status).toBeGreaterThanOrEqual(400);
  }
  const entries = await entriesOf(prefix, asked.length);
  const found = entries.map(({ name, route }) => [Number(name.split('.')[1]), route] as const);
  expect(found.toSorted(([a], [b]) => a - b)).toEqual(asked.map(([, , , route], at) => [at, route]));
});

it('records by route also a request that names no host', async () => {
  const name = `hostless-${randomUUID()}`;
  const { hostname, port } = new URL(endpoints().identity);
  const headers = { 'x-correlation-id': name };
  const request = send({ hostname, port, path: '/api/v1/users', headers, setHost: false, agent: false }).end();
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  expect([answer.statusCode, JSON.parse(await text(answer))]).toMatchObject([400, { detail: 'host: is required' }]);
  expect(await entriesOf(name, 1)).toMatchObject([{ route: 'GET /api/v1/users', status: 400 }]);
});

it('refuses an address of which a part is too long for any id, and says so as the document does', async () => {
  const cookie = customer.owner.session ?? '';
  const { status } = await ask(endpoints().portal, 'GET', `/api/v1/users/${'a'.repeat(2_000)}`, { cookie });
  expect(status).toBe(414);
});

it('has one entry for a request with a session that is over, and none for its exchange', async () => {
  const name = `over-${randomUUID()}`;
  const cookie = `__Host-session=${'o'.repeat(43)}`;
  expect((await ask(endpoints().portal, 'GET', '/api/v1/users', { cookie, 'x-correlation-id': name })).status).toBe(
    401,
  );
  // The entry of a later request of the same service has come after all that this one left.
  const later = `${name}-later`;
  await ask(endpoints().portal, 'GET', '/api/v1/users', { 'x-correlation-id': later });
  const entries = await entriesOf(name, 2);
  expect(entries.map((entry) => [entry.name, entry.route])).toEqual([
    [name, 'GET /api/v1/users'],
    [later, 'GET /api/v1/users'],
  ]);
  const { rows } = await database.query(
    `select from activity where metadata ->> 'route' = 'POST /internal/session-tokens' and metadata ->> 'status' = '401'`,
  );
  expect(rows).toEqual([]);
});

it('signs out whatever comes with the request, and says where and with what one has signed in', async () => {
  const visitor = await TestCustomer.provision();
  const cookie = visitor.owner.session ?? '';
  const [signedIn] = await visitor.activity('event_type=session.sign_in', 1);
  expect(signedIn?.metadata).toMatchObject({ ip: '127.0.0.1', user_agent: expect.any(String) as string });
  const headers = { cookie, ...WHICH.form };
  expect((await ask(endpoints().portal, 'DELETE', '/api/v1/sessions/current', headers, LARGE)).status).toBe(204);
  expect((await ask(endpoints().portal, 'GET', '/api/v1/me', { cookie })).status).toBe(401);
});

it('keeps to the published contract where clients are not to notice anything', async () => {
  const { portal } = endpoints();
  const credentials = { username: apiUser.username, password: apiUser.password, grant: 'extra' };
  const body = JSON.stringify(credentials);
  expect((await ask(portal, 'POST', '/api/v1/authorize', WHICH.json, body)).status).toBe(200);
  const wrong = await ask(portal, 'POST', '/api/v1/authorize', WHICH.json, '{"username":"x","password":"x"}');
  expect([wrong.status, wrong.headers['www-authenticate'], wrong.headers['cache-control']]).toEqual([
    401,
    'Bearer',
    'no-store',
  ]);
  const prompt = JSON.stringify({ prompt: 'x'.repeat(900_000), spec_ids: [], model: 'y' });
  const twoBlanks = { authorization: bearer.authorization?.replace('Bearer ', 'Bearer  ') ?? '' };
  expect((await ask(portal, 'POST', '/api/v1/infer', { ...WHICH.json, ...twoBlanks }, prompt)).status).toBe(200);
});

// S09
describe('bodies that are meant to do harm', () => {
  const deep = (open: string, close: string) => `${open.repeat(10_000)}${close.repeat(10_000)}`;
  const BODIES: Readonly<Record<string, string>> = {
    'ten thousand arrays': deep('[', ']'),
    'ten thousand objects': `{"username":${deep('{"a":', '}').replace('}', '1}')}}`,
    'a prototype': '{"__proto__":{"admin":true},"username":"x","password":"x","email":"x"}',
    'a constructor': '{"constructor":{"prototype":{"admin":true}},"username":"x"}',
    'a number beyond all': '{"username":1e309,"email":1e309,"prompt":1e309,"role_id":1e309}',
    NUL: '{"username":"a\\u0000b","password":"x","email":"a\\u0000b","prompt":"","role_id":"\\u0000"}',
    'half a character': '{"username":"\\ud800","password":"\\udfff","email":"\\ud800","prompt":"","role_id":"\\ud800"}',
    'bytes that are no text': '{"username":"\u00ff\u00fe"',
  };

  it.each(Object.keys(BODIES))('%s are refused, and recorded', async (what) => {
    const prefix = `harm-${randomUUID()}`;
    const cookie = customer.owner.session ?? '';
    const places: [string, Headers][] = [
      ['/api/v1/authorize', {}],
      ['/api/v1/infer', bearer],
      ['/api/v1/sessions', {}],
      ['/api/v1/api-users', { cookie, 'idempotency-key': randomUUID() }],
      ['/api/v1/api-users/usage', { cookie }],
    ];
    for (const [at, [path, headers]] of places.entries()) {
      const name = `${prefix}.${String(at)}`;
      const all = { ...WHICH.json, ...headers, 'x-correlation-id': name };
      const { status } = await ask(endpoints().portal, 'POST', path, all, BODIES[what]);
      expect([path, status >= 400 && status < 500]).toEqual([path, true]);
    }
    expect(await entriesOf(prefix, places.length)).toHaveLength(places.length);
  });
});
