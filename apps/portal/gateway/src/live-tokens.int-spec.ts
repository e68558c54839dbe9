import { COOKIE, GatewayFixture, type Handler } from './gateway.fixture-spec.js';

const ID = '0198a1de-aaaa-7000-8000-000000000001';
const STATUS = { status: 'inactive', enforced_at: '2026-11-27T12:03:04.120Z' };
const EXPIRY = '2026-11-28T11:40:00.000Z';
const USAGE = '/api/v1/api-users/usage';

let gateway: GatewayFixture;
beforeAll(async () => {
  gateway = await GatewayFixture.start();
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.reset();
  identityAnswers(200, STATUS);
});

function identityAnswers(status: number, body: object): void {
  gateway.identity.handler = (request, answer) => {
    if (gateway.exchange(request, answer)) return true;
    answer.writeHead(status, { 'content-type': 'application/json', position: '7' }).end(JSON.stringify(body));
    return true;
  };
}
const auditAnswers =
  (status: number, body: unknown): Handler =>
  (request, answer) => {
    if (request.url !== USAGE) return false;
    answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    return true;
  };
const change = (to = 'deactivate') =>
  gateway.ask('POST', `/api/v1/users/${ID}/${to}`, { cookie: `__Host-session=${COOKIE}`, 'x-correlation-id': 'c-1' });

describe('deactivating and reactivating an API user', () => {
  it('says how many tokens are still valid and till when, as audit tells the same caller', async () => {
    const item = { id: ID, live_tokens: 3, last_expiry: EXPIRY, calls_30d: 9 };
    gateway.audit.handler = auditAnswers(200, { items: [item], as_of: EXPIRY });
    for (const to of ['deactivate', 'reactivate']) {
      const answer = await change(to);
      expect([answer.status, answer.body, answer.headers.position]).toEqual([
        200,
        { ...STATUS, live_tokens: 3, last_expiry: EXPIRY },
        '7',
      ]);
    }
    const { headers, body } = gateway.audit.last();
    expect(headers).toMatchObject({
      authorization: 'Bearer session-token-1',
      'x-correlation-id': expect.stringMatching(/^api:/) as string,
      'x-forwarded-for': '127.0.0.1',
    });
    expect(JSON.parse(body())).toEqual({ ids: [ID] });
  });

  it('says so while it is not confirmed too', async () => {
    identityAnswers(202, { status: 'inactive', enforced_at: null });
    gateway.audit.handler = auditAnswers(200, { items: [{ live_tokens: 0, last_expiry: null }] });
    const answer = await change();
    expect([answer.status, answer.body]).toEqual([
      202,
      { status: 'inactive', enforced_at: null, live_tokens: 0, last_expiry: null },
    ]);
  });

  const unknown = { ...STATUS, live_tokens: null, last_expiry: null };

  it.each([
    ['refuses', auditAnswers(403, { detail: 'no' })],
    ['knows nothing of it', auditAnswers(200, { items: [] })],
    ['speaks another language', auditAnswers(200, 'yes')],
  ])('says null when audit %s', async (_, handler) => {
    gateway.audit.handler = handler;
    const answer = await change();
    expect([answer.status, answer.body]).toEqual([200, unknown]);
  });

  it('says null when audit does not answer', async () => {
    gateway.audit.handler = () => true;
    expect((await change()).body).toEqual(unknown);
  });

  it('leaves refusals, and what identity says of portal users, as they are', async () => {
    gateway.audit.handler = auditAnswers(200, { items: [{ live_tokens: 3, last_expiry: EXPIRY }] });
    const refusal = { detail: 'There is no such user.', code: 'user.unknown' };
    identityAnswers(404, refusal);
    expect((await change()).body).toEqual(refusal);
    const person = { ...STATUS, live_tokens: 0, last_expiry: null };
    identityAnswers(200, person);
    expect((await change()).body).toEqual(person);
    expect(gateway.audit.seen).toEqual([]);
  });
});
