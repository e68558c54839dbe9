import { COOKIE, GatewayFixture, type Handler } from './gateway.fixture-spec.js';

let gateway: GatewayFixture;
beforeAll(async () => {
  gateway = await GatewayFixture.start();
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.reset();
});

const cookie = `__Host-session=${COOKIE}`;
const mustEnrol = { type: 'about:blank', status: 403, code: 'session.enrolment-required', detail: 'Please enrol.' };
const forbid: Handler = (request, answer) => {
  if (request.url !== '/internal/session-tokens') return false;
  answer.writeHead(403, { 'content-type': 'application/problem+json' }).end(JSON.stringify(mustEnrol));
  return true;
};

describe('a session that has to enrol a second factor first', () => {
  beforeEach(() => {
    gateway.identity.handler = forbid;
  });

  it('is told so at every other address, and no service is asked', async () => {
    for (const path of ['/api/v1/users', '/api/v1/activity', '/api/v1/users/1/deactivate']) {
      const answer = await gateway.ask(path.endsWith('deactivate') ? 'POST' : 'GET', path, { cookie });
      expect([answer.status, answer.body, answer.headers['content-type']]).toEqual([
        403,
        mustEnrol,
        expect.stringMatching(/^application\/problem\+json/),
      ]);
    }
    expect(gateway.audit.seen).toEqual([]);
    expect(gateway.identity.seen.map(({ url }) => url)).toEqual(Array(3).fill('/internal/session-tokens'));
  });

  it.each([
    ['GET', '/api/v1/me'],
    ['POST', '/api/v1/me/second-factor'],
    ['POST', '/api/v1/me/second-factor/confirm'],
    ['GET', '/api/v1/sessions'],
    ['DELETE', '/api/v1/sessions/current'],
  ])('goes to %s %s itself, without a token', async (method, path) => {
    expect((await gateway.ask(method, path, { cookie })).status).toBe(200);
    const { headers } = gateway.identity.last();
    expect([headers.cookie, headers.authorization]).toEqual([cookie, undefined]);
  });
});

describe('nobody at the keyboard', () => {
  const exchanged = () => gateway.identity.seen.findLast(({ url }) => url === '/internal/session-tokens')?.headers;

  it('is what a request says of itself, and what a stream is', async () => {
    await gateway.ask('GET', '/api/v1/users', { cookie });
    expect(exchanged()?.['x-background']).toBeUndefined();
    await gateway.ask('GET', '/api/v1/users', { cookie, 'x-background': '1' });
    expect(exchanged()?.['x-background']).toBe('1');
    await gateway.ask('GET', '/api/v1/activity/stream', { cookie });
    expect(exchanged()?.['x-background']).toBe('1');
    await gateway.ask('GET', '/api/v1/activity', { cookie });
    expect(exchanged()?.['x-background']).toBeUndefined();
  });

  it('is also passed on where the cookie itself goes', async () => {
    await gateway.ask('GET', '/api/v1/sessions', { cookie, 'x-background': '1' });
    expect(gateway.identity.last().headers['x-background']).toBe('1');
  });
});
