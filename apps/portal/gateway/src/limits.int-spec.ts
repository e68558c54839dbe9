import { once } from 'node:events';
import { Agent, request as send, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { until } from '@rebelcore/testing/until';
import { GatewayFixture, type Handler } from './gateway.fixture-spec.js';

let gateway: GatewayFixture;
beforeAll(async () => {
  gateway = await GatewayFixture.start({ SIGN_INS_PER_MINUTE: '5' });
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.reset();
});

const open = (): Socket => connect(Number(new URL(gateway.base).port), '127.0.0.1');
const raw = (request: string): Promise<string> => {
  const socket = open();
  socket.write(request);
  return text(socket);
};

/** As a service refuses a body that it has read. */
const refuseBody: Handler = (request, answer) => {
  request.resume().on('end', () => {
    answer.writeHead(413, { 'content-type': 'application/problem+json' });
    answer.end('{"detail":"too large"}');
  });
  return true;
};

describe('bodies that are never finished', () => {
  const PATHS = ['authorize', 'infer', 'me', 'sessions', 'activity', 'customers'];

  it('hold up nobody else, and are given up with a problem after six seconds', async () => {
    const head = (path: string) =>
      `POST /api/v1/${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n`;
    let ended = 0;
    const halves = PATHS.flatMap((path) =>
      // What one source may ask without a session is counted.
      Array.from({ length: path === 'sessions' ? 4 : 128 }, () => {
        const socket = open();
        socket.write(head(path));
        return text(socket).finally(() => (ended += 1));
      }),
    );
    for (const path of PATHS) {
      expect((await gateway.ask('POST', `/api/v1/${path}`, {}, '{}')).status).toBe(200);
    }
    // All of them were served while every half one still waited.
    expect(ended).toBe(0);
    expect(gateway.upstreams.flatMap(({ seen }) => seen)).toHaveLength(PATHS.length);
    for (const answer of await Promise.all(halves))
      expect(answer).toMatch(/^HTTP\/1\.1 408 [^]*"code":"request\.timeout"/);
  });
});

describe('bodies that are too large', () => {
  it.each([200_000, 2_500_000])(
    'of %i bytes are refused by the service, which need not take all of it',
    async (length) => {
      gateway.inference.handler = gateway.audit.handler = refuseBody;
      const path = length < 2_000_000 ? '/api/v1/activity' : '/api/v1/infer';
      const service = length < 2_000_000 ? gateway.audit : gateway.inference;
      for (let round = 0; round < 10; round += 1) {
        const answer = await gateway.ask('POST', path, {}, 'x'.repeat(length));
        expect([answer.status, answer.body]).toEqual([413, { detail: 'too large' }]);
      }
      expect(Number(service.last().headers['content-length'])).toBeLessThan(length);
    },
  );

  it('are so without a length too, and leave the connection to the next request', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const { hostname, port } = new URL(gateway.base);
    const ask = async (body: string) => {
      const request = send({ hostname, port, agent, method: 'POST', path: '/api/v1/authorize' });
      request.setHeader('transfer-encoding', 'chunked');
      request.end(body);
      const [answer] = (await once(request, 'response')) as [IncomingMessage];
      await text(answer);
      return { status: answer.statusCode, reused: request.reusedSocket };
    };
    gateway.token.handler = refuseBody;
    expect((await ask('x'.repeat(300_000))).status).toBe(413);
    for (let round = 1; round < 40; round += 1) {
      expect(await ask('x'.repeat(300_000))).toEqual({ status: 413, reused: true });
    }
    gateway.reset();
    expect(await ask('{}')).toEqual({ status: 200, reused: true });
    agent.destroy();
  });

  it('beyond all measure are refused before their end, by the service as well, and end the connection', async () => {
    gateway.inference.handler = refuseBody;
    const head = 'POST /api/v1/infer HTTP/1.1\r\nhost: x\r\n';
    expect(await raw(`${head}content-length: 100000000\r\n\r\nxxx`)).toMatch(
      /^HTTP\/1\.1 413 [^]*\r\nconnection: close\r\n[^]*"detail":"too large"/,
    );
    const socket = open();
    socket.write(`${head}transfer-encoding: chunked\r\n\r\n`);
    const megabyte = `100000\r\n${'x'.repeat(1024 * 1024)}\r\n`;
    socket.on('error', () => undefined);
    for (let sent = 0; sent < 17; sent += 1) socket.write(megabyte);
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(String(first)).toMatch(/^HTTP\/1\.1 413 [^]*\r\nconnection: close\r\n/);
    socket.destroy();
    expect(gateway.inference.seen).toHaveLength(2);
  });
});

describe('requests that a service does not answer', () => {
  const cookieOf = (customer: string) => customer.repeat(43).slice(0, 43);
  const stop = (customer: string) =>
    gateway.ask('POST', '/api/v1/users/1/deactivate', { cookie: `__Host-session=${cookieOf(customer)}` });
  const token = (customer: string) =>
    `x.${Buffer.from(JSON.stringify({ customer_id: customer })).toString('base64url')}.x`;

  it('are bounded for each customer, in all its sessions, and cost no other customer anything', async () => {
    gateway.sessions = Object.fromEntries(
      ['a', 'b', 'c'].map((name) => [cookieOf(name), token(name === 'b' ? 'a' : name)]),
    );
    const waiting: (() => void)[] = [];
    const { exchange } = gateway;
    gateway.identity.handler = (request, answer) => {
      if (exchange(request, answer)) return true;
      if (String(request.headers.authorization).includes(token('c'))) return false;
      waiting.push(() => answer.end('{"status":"inactive"}'));
      return true;
    };
    const firsts = Array.from({ length: 200 }, () => stop('a'));
    const refused = (await settled(firsts, 152)).filter(({ status }) => status === 429);
    expect(refused).toHaveLength(152);
    expect(refused[0]).toMatchObject({ headers: { 'retry-after': '1' }, body: { code: 'request.crowded' } });
    expect((await stop('b')).status).toBe(429);
    expect((await stop('c')).status).toBe(200);
    expect(waiting).toHaveLength(48);
    for (const answer of waiting.splice(0)) answer();
    expect((await Promise.all(firsts)).filter(({ status }) => status === 200)).toHaveLength(48);
    const again = stop('b');
    await until(() => waiting.length === 1, 'a place that has become free');
    waiting[0]?.();
    expect((await again).status).toBe(200);
  });

  it('are bounded together where nobody says who they are', async () => {
    let answerAll: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => (answerAll = resolve));
    gateway.token.handler = (_, answer) => {
      void answered.then(() => answer.end('{}'));
      return true;
    };
    const all = Array.from({ length: 530 }, () => gateway.ask('POST', '/api/v1/authorize', {}, '{}'));
    const [refused] = await settled(all, 18);
    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': '1' }, body: { code: 'upstream.crowded' } });
    answerAll();
    expect((await Promise.all(all)).filter(({ status }) => status === 200)).toHaveLength(512);
  });
});

describe('answers whose turn on their connection has not come', () => {
  const CALLS = 15;
  const FIRST = 'GET /api/v1/activity HTTP/1.1\r\nhost: x\r\n\r\n';
  const call = (path: string) => `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}`;

  it.each([
    ['/api/v1/authorize', 600],
    ['/api/v1/users/1/deactivate', 1_200],
  ])('keep no place of those who ask for %s', async (path, count) => {
    // The first is never answered, which the gateway waits for longer than this test.
    gateway.audit.handler = () => true;
    const arrived = arrivals((count / CALLS) * (1 + CALLS));
    const sockets = Array.from({ length: count / CALLS }, () => {
      const socket = open().on('error', () => undefined);
      socket.write(FIRST + call(path).repeat(CALLS));
      return socket;
    });
    await arrived;
    await until(async () => (await gateway.ask('POST', path, {}, '{}')).status === 200, 'a place', 10_000);
    for (const socket of sockets) socket.destroy();
  });
});

describe('callers who hang up', () => {
  it.each(['GET', 'POST'])('free no place before the service has answered, and then all: %s', async (method) => {
    const waiting: (() => void)[] = [];
    gateway.token.handler = (_, answer) => {
      waiting.push(() => answer.end('{}'));
      return true;
    };
    const path = method === 'GET' ? '/.well-known/jwks.json' : '/api/v1/authorize';
    const arrived = arrivals(512);
    const callers = Array.from({ length: 512 }, () => {
      const socket = open().on('error', () => undefined);
      socket.write(`${method} ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n`);
      return socket;
    });
    await until(() => waiting.length === 128, 'as many requests as there are connections');
    await arrived;
    for (const socket of callers) socket.destroy();
    await until(async () => (await connections()) === 0, 'the end of their connections');
    expect((await gateway.ask(method, path)).status).toBe(503);
    for (let left = 512; left > 0; left -= waiting.splice(0).length) {
      await until(() => waiting.length > 0, 'the next requests');
      for (const answer of waiting) answer();
    }
    gateway.reset();
    const again = Array.from({ length: 512 }, () => gateway.ask(method, path));
    expect((await Promise.all(again)).filter(({ status }) => status === 200)).toHaveLength(512);
  });
});

const connections = (): Promise<number> => promisify((done: Counted) => gateway.server.getConnections(done))();
type Counted = Parameters<typeof gateway.server.getConnections>[0];

/** Resolves when the gateway has been sent so many more requests. */
function arrivals(count: number): Promise<void> {
  let left = count;
  return new Promise((resolve) => {
    gateway.server.on('request', function arrive() {
      left -= 1;
      if (left > 0) return;
      gateway.server.off('request', arrive);
      resolve();
    });
  });
}

/** The first `count` of what these promise. */
function settled<T>(promises: readonly Promise<T>[], count: number): Promise<T[]> {
  const first: T[] = [];
  return new Promise((resolve, reject) => {
    for (const promise of promises) {
      promise.then((value) => {
        if (first.push(value) === count) resolve(first.slice());
      }, reject);
    }
  });
}

// S09
describe('what is no request', () => {
  const SECURITY = ['x-content-type-options: nosniff', "default-src 'none'", 'strict-transport-security: max-age='];

  it.each([
    [
      'an address that cannot be decoded',
      'GET /api/v1/users/%zz HTTP/1.1\r\nhost: x\r\n\r\n',
      400,
      'request.malformed',
    ],
    ['headers of 20 kB', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`, 431, 'request.too-large'],
    ['no HTTP', 'HELO gateway\r\n\r\n', 400, 'request.malformed'],
    ['no host', 'GET /api/v1/users HTTP/1.1\r\nconnection: close\r\n\r\n', 400, 'request.malformed'],
    ['a tunnel', 'CONNECT a:443 HTTP/1.1\r\nhost: x\r\n\r\n', 501, 'request.method'],
    ['an expectation', 'GET / HTTP/1.1\r\nhost: x\r\nexpect: magic\r\n\r\n', 417, 'request.expectation'],
    ['half a head', 'GET /api/v1/users HTTP/1.1\r\nhost:', 408, 'request.timeout'],
  ])('%s is a problem like every other', async (_, request, status, code) => {
    const answer = await raw(request.replace('host: x\r\n', 'host: x\r\nconnection: close\r\n'));
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${String(status)} `));
    expect(head.toLowerCase()).toContain('content-type: application/problem+json');
    for (const header of SECURITY) expect(head.toLowerCase()).toContain(header);
    expect(JSON.parse(body)).toMatchObject({ status, code, type: 'about:blank' });
  });

  it.each([
    ['half a body', 408, 'content-length: 9'],
    ['an expectation', 417, 'expect: magic'],
  ])('%s is told OAuth clients in the shape that they read', async (_, status, header) => {
    const answer = await raw(`POST /oauth2/token HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${header}\r\n\r\n`);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${String(status)} [^]*\r\ncontent-type: application/json(\r\n|$)`, 'i'));
    for (const header of SECURITY) expect(head.toLowerCase()).toContain(header);
    expect(JSON.parse(body)).toMatchObject({ error: 'invalid_request' });
  });

  it.each([
    'CONNECT a:443 HTTP/1.1\r\nhost: x\r\n\r\n',
    'GET / HTTP/1.1\r\nhost: x\r\nexpect: magic\r\n\r\n',
    'HELO\r\n\r\n',
  ])('holds no connection, though its sender never hangs up: %j', async (request) => {
    const opened = once(gateway.server, 'connection') as Promise<[Socket]>;
    const socket = connect({ port: Number(new URL(gateway.base).port), host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => undefined).write(request);
    const [ours] = await opened;
    await once(ours, 'close');
    socket.destroy();
  });

  it('an id of 300 characters is for the service to refuse; a part of 2 000 is no id', async () => {
    expect((await gateway.ask('POST', `/api/v1/users/${'a'.repeat(300)}/deactivate`)).status).toBe(200);
    const answer = await gateway.ask('POST', `/api/v1/users/${'a'.repeat(2_000)}/deactivate`);
    expect([answer.status, answer.body.code]).toEqual([200, undefined]);
  });
});

describe('one source', () => {
  it('is slowed: soon where guessing could pay, later at the management addresses, never at /authorize', async () => {
    const other = await GatewayFixture.start({
      SIGN_INS_PER_MINUTE: '3',
      REQUESTS_PER_MINUTE: '50',
      TRUSTED_PROXIES: '127.0.0.1',
    });
    const from = (ip: string, path: string) => other.ask('POST', path, { 'x-forwarded-for': ip }, '{}');
    for (let round = 0; round < 3; round += 1) {
      expect((await from('192.0.2.1', '/api/v1/sessions')).status).toBe(200);
    }
    const refused = await from('192.0.2.1', '/api/v1/sessions');
    expect([refused.status, refused.headers['content-type'], refused.body.code]).toEqual([
      429,
      expect.stringMatching(/^application\/problem\+json/),
      'request.too-many',
    ]);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(refused.headers['x-frame-options']).toBe('DENY');
    expect(other.identity.seen).toHaveLength(3);

    expect((await from('192.0.2.2', '/api/v1/sessions')).status).toBe(200);
    for (const path of ['/api/v1/hand-overs/0198/open', '/api/v1/invites/t/accept', '/api/v1/invites/t/accept']) {
      expect((await from('192.0.2.1', path)).status).toBe(200);
    }
    expect((await from('192.0.2.1', '/api/v1/hand-overs/0199/open')).status).toBe(429);
    for (let round = 0; round < 20; round += 1) {
      expect((await from('192.0.2.1', '/api/v1/authorize')).status).toBe(200);
      expect((await from('192.0.2.1', '/api/v1/infer')).status).toBe(200);
      expect((await from('192.0.2.1', '/api/v1/users')).status).toBe(200);
    }
    const managing = await Promise.all(Array.from({ length: 31 }, () => from('192.0.2.1', '/api/v1/roles')));
    expect(managing.map(({ status }) => status).sort()).toEqual([...Array<number>(30).fill(200), 429]);
    await other.stop();
  });
});
