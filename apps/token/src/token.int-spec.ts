import { UNATTRIBUTED } from '@rebelcore/contracts/call-events';
import { tokenEvents } from '@rebelcore/contracts/token-events';
import { newApiUserPassword } from '@rebelcore/credentials/api-user-password';
import { readClientKey } from '@rebelcore/credentials/client-key';
import { KafkaBatchStrategy } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import { testPair } from '@rebelcore/testing/client-assertions';
import { recordedCalls } from '@rebelcore/testing/recorded-calls';
import { readTopic } from '@rebelcore/testing/topic-reader';
import { until } from '@rebelcore/testing/until';
import jwt from 'jsonwebtoken';
import { createPublicKey, randomUUID, type JsonWebKey } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { TestApiUser, TokenFixture, type Answer, type Replica } from './token.fixture-spec.js';

let fixture: TokenFixture;
let first: Replica;
beforeAll(async () => {
  fixture = await TokenFixture.start();
  first = await fixture.addReplica();
});
beforeEach(() => fixture.current());
afterAll(() => fixture.stop());

async function minted(): Promise<TestApiUser> {
  const apiUser = new TestApiUser();
  await fixture.publish([apiUser.credential(), apiUser.created()]);
  return apiUser;
}

const acknowledgements = async (apiUser: TestApiUser) =>
  (await readTopic(fixture.kafka(), 'token.events.v1'))
    .filter(({ key }) => key === apiUser.customerId)
    .map((record) => tokenEvents.read(record));

describe('/authorize', () => {
  it('answers as published, with a token as RFC 9068 describes it', async () => {
    const apiUser = await minted();
    const answer = await fixture.authorize(apiUser.credentials);
    expect([answer.status, answer.body.token_type]).toEqual([200, 'Bearer']);

    const { keys } = (await (await fetch(`${first.url}/.well-known/jwks.json`)).json()) as { keys: JsonWebKey[] };
    const key = createPublicKey({ key: keys[0] ?? {}, format: 'jwk' });
    const token = jwt.verify(String(answer.body.token), key, { algorithms: ['ES256'], complete: true });
    const claims = token.payload as jwt.JwtPayload;
    expect(token.header.typ).toBe('at+jwt');
    expect(claims).toMatchObject({
      iss: 'https://issuer.test',
      aud: 'rebelcore-api',
      sub: apiUser.id,
      client_id: apiUser.username,
      customer_id: apiUser.customerId,
      role: 'RebelCore_AgentUser',
      scope: 'can_use_agent',
    });
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(86_400);
    expect(answer.body.expires_at).toBe(claims.exp);
  });

  // “Statuses as for portal users (active, inactive); an inactive one cannot authenticate.”
  // S05
  it('refuses unknown, wrong and inactive with the very same bytes (invariant 7)', async () => {
    const [active, inactive] = [await minted(), await minted()];
    await fixture.publish([inactive.deactivated()]);
    const answers = [
      await fixture.authorize({ username: 'nobody@api.rebelcore.local', password: active.password }),
      await fixture.authorize({ username: active.username, password: inactive.password }),
      await fixture.authorize(inactive.credentials),
    ];
    for (const { status, text, headers } of answers) {
      expect([status, text]).toEqual([401, '{"detail":"invalid credentials"}']);
      expect(headers.get('content-type')).toMatch('application/problem+json');
      expect([...headers.keys()].sort()).toEqual([...(answers[0]?.headers.keys() ?? [])].sort());
    }
  });

  it('knows an API user by its username in capitals too, or with a blank around it', async () => {
    const apiUser = await minted();
    const spelled = ` ${apiUser.username.toUpperCase()}\n`;
    expect((await fixture.authorize({ username: spelled, password: apiUser.password })).status).toBe(200);
    const cutOff = { username: spelled, password: newApiUserPassword().slice(0, -1) };
    expect((await fixture.authorize(cutOff, first, { 'x-correlation-id': apiUser.id })).status).toBe(401);
    const calls = await recordedCalls(fixture.kafka(), 'token');
    expect(calls.filter(({ callerCorrelationId }) => callerCorrelationId === apiUser.id)).toMatchObject([
      { apiUserId: apiUser.id },
    ]);
  });

  it('“Credentials do not expire from lying idle”: what was minted five years ago and never used is accepted', async () => {
    const apiUser = new TestApiUser();
    apiUser.eventsAt = new Date(Date.now() - 5 * 365 * 86_400_000);
    await fixture.publish([apiUser.credential(), apiUser.created()]);
    expect((await fixture.authorize(apiUser.credentials)).status).toBe(200);
  });

  it('refuses a password that cannot be right without reading, and records which API user was meant', async () => {
    const apiUser = await minted();
    const cutOff = { username: apiUser.username, password: newApiUserPassword().slice(0, -1) };
    const reader = await fixture.database.pool({ connectionString: fixture.database.url, max: 1 }).connect();
    try {
      await reader.query('begin; lock table authorization_v1 in access exclusive mode');
      const answers = [
        await fixture.authorize(cutOff, first, { 'x-correlation-id': apiUser.id }),
        await fixture.authorize({ ...cutOff, username: 'nobody' }),
      ];
      expect(answers.map(({ status, text }) => [status, text])).toEqual([
        [401, '{"detail":"invalid credentials"}'],
        [401, '{"detail":"invalid credentials"}'],
      ]);
    } finally {
      reader.release(true);
    }
    const calls = await recordedCalls(fixture.kafka(), 'token');
    expect(calls.find(({ callerCorrelationId }) => callerCorrelationId === apiUser.id)).toMatchObject({
      customerId: UNATTRIBUTED,
      apiUserId: apiUser.id,
      reason: 'api-user.misspelt-password',
    });
    // Those from before there was a prefix go on working: the fixture makes such.
    expect((await fixture.authorize(apiUser.credentials)).status).toBe(200);
  });

  it('is recorded so that every reader can read it, whatever the username is', async () => {
    const [misspelt, named] = [newApiUserPassword().slice(0, -1), randomUUID()];
    const ids = ['00000000-0000-0000-0000-000000000001', '0198a1de-aaaa-7000-c000-000000000001', '-'.repeat(36), ''];
    const names = [...ids.map((id) => `${id}@api.rebelcore.local`), '\u202e', '😀'.repeat(500)];
    const refused = names.flatMap((username) => [misspelt, 'wrong'].map((password) => ({ username, password })));
    const answers = await Promise.all(
      refused.map((odd) => fixture.authorize(odd, first, { 'x-correlation-id': named, 'user-agent': 'ÿ'.repeat(300) })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
    // Those that can be read: one that cannot takes the record with it.
    const calls = await recordedCalls(fixture.kafka(), 'token');
    const ofThese = calls.filter(({ callerCorrelationId }) => callerCorrelationId === named);
    expect(ofThese.reduce((sum, { count = 1 }) => sum + count, 0)).toBe(refused.length);
  });

  it('accepts nobody whose verifier or whose state has not arrived', async () => {
    const [stateOnly, verifierOnly] = [new TestApiUser(), new TestApiUser()];
    await fixture.publish([stateOnly.created(), verifierOnly.credential()]);
    expect((await fixture.authorize(stateOnly.credentials)).status).toBe(401);
    expect((await fixture.authorize(verifierOnly.credentials)).status).toBe(401);
    expect(await acknowledgements(stateOnly)).toEqual([]);
    await fixture.publish([stateOnly.credential(), verifierOnly.created()]);
    expect((await fixture.authorize(stateOnly.credentials)).status).toBe(200);
    expect((await fixture.authorize(verifierOnly.credentials)).status).toBe(200);
  });
});

describe('“Changed flags count from the next request”: role and scope of a new token', () => {
  const role = (name: string, ...permissions: string[]) => ({ id: randomUUID(), name, permissions });
  const claimsOf = async (apiUser: TestApiUser) => {
    const { body } = await fixture.authorize(apiUser.credentials);
    const { role: name, scope } = jwt.decode(String(body.token)) as jwt.JwtPayload;
    return [name, scope] as unknown[];
  };

  it('are those of a role of the customer’s own, as it is since it was changed', async () => {
    const night = role('Night shift', 'can_view_specs', 'can_use_agent');
    const [one, stranger] = [new TestApiUser(), new TestApiUser()];
    const other = one.colleague();
    await fixture.publish([one, other, stranger].map((apiUser) => apiUser.credential()));
    await fixture.publish([one.created(night), other.created(), stranger.created(night)]);
    expect(await claimsOf(one)).toEqual(['Night shift', 'can_view_specs can_use_agent']);
    await fixture.publish([one.roleChanged({ ...night, name: 'Late shift', permissions: [] })]);
    expect(await claimsOf(one)).toEqual(['Late shift', '']);
    expect(await claimsOf(other)).toEqual(['RebelCore_AgentUser', 'can_use_agent']);
    // The same id, told by another customer, is another role.
    expect(await claimsOf(stranger)).toEqual(['Night shift', 'can_view_specs can_use_agent']);
  });

  it('are those of the role that the API user was given, or moved to with a deletion, all in one batch', async () => {
    const [night, day] = [role('Night shift', 'can_use_agent'), role('Day shift', 'can_view_specs')];
    const first = new TestApiUser();
    const [second, third, late] = [first.colleague(), first.colleague(), first.colleague()];
    const all = [first, second, third, late];
    await fixture.publish(all.map((apiUser) => apiUser.credential()));
    await fixture.publish([
      first.created(night),
      second.created(night),
      third.created(day),
      second.deactivated(),
      third.givenRole(day, night),
      first.roleDeleted(night, day, 3),
      second.reactivated(),
      first.givenRole(day, { ...night, name: 'Other' }),
      first.roleChanged({ ...day, permissions: ['can_use_agent'] }),
      late.created({ ...day, permissions: ['can_use_agent'] }),
    ]);
    expect(await Promise.all(all.map(claimsOf))).toEqual([
      ['Other', 'can_use_agent'],
      ['Day shift', 'can_use_agent'],
      ['Day shift', 'can_use_agent'],
      ['Day shift', 'can_use_agent'],
    ]);
    // Once for the whole batch, as the last of its own events left it.
    const told = (await acknowledgements(third)).filter(({ data }) => data.apiUserId === third.id);
    expect(told.map(({ data }) => [data.sequence, data.state])).toEqual([[5, 'active']]);
  });
});

describe('an API user that is confined to networks', () => {
  const [HERE, ELSEWHERE] = ['127.0.0.0/8', '203.0.113.0/24'];
  const networksOf = ({ body }: Answer) => (jwt.decode(String(body.token)) as jwt.JwtPayload).networks as unknown;

  it('is refused from elsewhere with the very same bytes as whoever is wrong, and the record says why', async () => {
    const apiUser = new TestApiUser();
    const confinement = { authorizeNetworks: [ELSEWHERE, '2001:db8::/32'] };
    await fixture.publish([apiUser.credential(), apiUser.created(undefined, confinement)]);
    const wrong = { ...apiUser.credentials, password: 'wrong' };
    const asked = [apiUser.credentials, wrong, { ...apiUser.credentials, username: 'nobody' }];
    const answers = [];
    for (const [n, body] of asked.entries()) {
      answers.push(await fixture.authorize(body, first, { 'x-correlation-id': `${apiUser.id}:${String(n)}` }));
    }
    for (const { status, text, headers } of answers) {
      expect([status, text]).toEqual([401, '{"detail":"invalid credentials"}']);
      expect([...headers.keys()].sort()).toEqual([...(answers[0]?.headers.keys() ?? [])].sort());
    }
    const calls = await recordedCalls(fixture.kafka(), 'token');
    const [right, other] = [0, 1].map((n) =>
      calls.find(({ callerCorrelationId }) => callerCorrelationId === `${apiUser.id}:${String(n)}`),
    );
    const { id: apiUserId, customerId } = apiUser;
    expect(right).toMatchObject({ customerId, apiUserId, ip: '127.0.0.1', reason: 'api-user.network-not-allowed' });
    expect(other).toMatchObject({ customerId, apiUserId, reason: 'api-user.wrong-password' });
  });

  it('is accepted from there, and its tokens say where they may be used, which is a list of its own', async () => {
    const apiUser = await minted();
    expect(networksOf(await fixture.authorize(apiUser.credentials))).toBeUndefined();
    await fixture.publish([apiUser.confined([HERE], [ELSEWHERE, '2001:db8::/32'])]);
    expect(networksOf(await fixture.authorize(apiUser.credentials))).toEqual([ELSEWHERE, '2001:db8::/32']);
    await fixture.publish([apiUser.confined([ELSEWHERE], [HERE]), apiUser.confined([HERE], [])]);
    expect(networksOf(await fixture.authorize(apiUser.credentials))).toBeUndefined();
    await fixture.publish([apiUser.confined([ELSEWHERE], [])]);
    expect((await fixture.authorize(apiUser.credentials)).status).toBe(401);
    await fixture.publish([apiUser.confined([], [])]);
    expect((await fixture.authorize(apiUser.credentials)).status).toBe(200);
  });
});

it('invariant 4: whatever happens to an API user is acknowledged once it counts, with the state that it leaves', async () => {
  const apiUser = await minted();
  const key = readClientKey(testPair('EdDSA').publicJwk);
  const happenings = [
    apiUser.keyAdded(key),
    apiUser.confined(['127.0.0.0/8'], []),
    apiUser.deactivated(),
    apiUser.keyRemoved(key),
  ];
  for (const record of happenings) await fixture.publish([record]);
  await until(async () => (await acknowledgements(apiUser)).length >= 5, 'an acknowledgement of each');
  expect((await acknowledgements(apiUser)).map(({ data }) => [data.sequence, data.state])).toEqual([
    [1, 'active'],
    [2, 'active'],
    [3, 'active'],
    [4, 'inactive'],
    [5, 'inactive'],
  ]);
  expect((await fixture.authorize(apiUser.credentials)).status).toBe(401);
});

describe('invariant 3: effect exactly once', () => {
  it('an old event that is delivered or published again never opens the door', async () => {
    const apiUser = await minted();
    const [created, deactivated] = [apiUser.created(), apiUser.deactivated()];
    // The fixture's second ApiUserCreated is sequence 2; what counts is that both come again after the deactivation.
    await fixture.publish([created, deactivated]);
    await fixture.publish([created, deactivated, created]);
    expect((await fixture.authorize(apiUser.credentials)).status).toBe(401);
    await fixture.pool.query('update consumer_offset set next_offset = 0');
    const other = await first.app
      .get(KafkaBatchStrategy)
      .close()
      .then(() => fixture.addReplica());
    await fixture.current();
    expect((await fixture.authorize(apiUser.credentials, other)).status).toBe(401);
    await fixture.remove(first);
    first = other;
  });

  it('says once for each change that it is applied, in the customer’s gap-free sequence', async () => {
    const apiUser = await minted();
    await fixture.publish([apiUser.deactivated()]);
    await fixture.publish([apiUser.reactivated()]);
    const events = await until(async () => {
      const found = await acknowledgements(apiUser);
      return found.length >= 3 && found;
    }, 'three acknowledgements');
    expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(events.map(({ data }) => [data.sequence, data.state])).toEqual([
      [1, 'active'],
      [2, 'inactive'],
      [3, 'active'],
    ]);
  });

  it('goes on with the sequence of a customer when several of its API users are applied at once', async () => {
    const first = new TestApiUser();
    const users = [first, ...Array.from({ length: 9 }, () => new TestApiUser(first.customerId))];
    const other = new TestApiUser();
    users.forEach((apiUser, index) => (apiUser.sequence = index));
    await fixture.publish([...users, other].map((apiUser) => apiUser.credential()));
    await fixture.publish([...users, other].map((apiUser) => apiUser.created()));
    const events = await until(async () => {
      const found = await acknowledgements(first);
      return found.length >= users.length && found;
    }, 'an acknowledgement for each');
    expect(events.map(({ sequence }) => sequence)).toEqual(users.map((_, index) => index + 1));
    expect(events.map(({ data }) => data.apiUserId).sort()).toEqual(users.map(({ id }) => id).sort());
    const ofAnother = await until(async () => {
      const found = await acknowledgements(other);
      return found.length > 0 && found;
    }, 'that of another customer');
    expect(ofAnother.map(({ sequence }) => sequence)).toEqual([1]);
  });

  it('two replicas share the topics; with a rebalance in the middle nothing is lost or doubled', async () => {
    const users = Array.from({ length: 60 }, () => new TestApiUser());
    const second = await fixture.addReplica();
    const half = users.slice(0, 30);
    const publishing = fixture.publish(half.flatMap((user) => [user.credential(), user.created(), user.deactivated()]));
    await fixture.remove(second);
    await publishing;
    const third = await fixture.addReplica();
    await fixture.publish(users.slice(30).flatMap((user) => [user.credential(), user.created()]));
    await fixture.current();
    /** On a slow machine a rebalance may take longer than the view may be old; what it says then is nothing of these users. */
    const decided = ({ credentials }: TestApiUser, replica: Replica) =>
      until(async () => {
        const { status } = await fixture.authorize(credentials, replica);
        if (status === 503) await fixture.current();
        return status !== 503 && status;
      }, 'a decision');
    const statuses = await Promise.all(users.map((user, index) => decided(user, index % 2 ? third : first)));
    expect(statuses).toEqual(users.map((_, index) => (index < 30 ? 401 : 200)));
    const keys = users.flatMap(({ id, customerId }) => [id, customerId]);
    const parked = await fixture.pool.query('select from parked_record where key = any($1::text[])', [keys]);
    expect(parked.rowCount).toBe(0);
    await fixture.remove(third);
  });
});

describe('invariant 4: the view is honest about its age', () => {
  it('refuses everybody with 503 until it has heard a heartbeat, and again once it is too old', async () => {
    const apiUser = await minted();
    const lonely = await TokenFixture.start();
    try {
      const silent = await lonely.addReplica({ consuming: false });
      const answer = await lonely.authorize(apiUser.credentials, silent);
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
      const health = await fetch(`${silent.url}/health/ready`);
      expect([health.status, await health.json()]).toMatchObject([
        200,
        { checks: { authorization: { current: false } } },
      ]);
    } finally {
      await lonely.stop();
    }
    await fixture.current();
    expect((await fixture.authorize(apiUser.credentials)).status).toBe(200);
    await first.app.get(KafkaBatchStrategy).close();
    await until(async () => (await fixture.authorize(apiUser.credentials)).status === 503, 'the view to be too old');
    const again = await fixture.addReplica();
    await fixture.current();
    expect((await fixture.authorize(apiUser.credentials, again)).status).toBe(200);
    await fixture.remove(first);
    first = again;
  });

  it('a customer with a parked event is refused, since its view may be old; others are served', async () => {
    const [unlucky, lucky] = [await minted(), await minted()];
    const poison = { ...unlucky.deactivated(), value: 'not json' };
    await fixture.publish([poison]);
    await until(
      async () => (await fixture.authorize(unlucky.credentials)).status === 503,
      'the customer to be blocked',
    );
    await fixture.current();
    expect((await fixture.authorize(lucky.credentials)).status).toBe(200);
    await fixture.pool.query('delete from parked_record');
  });
});

describe('invariant 6: no call without its record', () => {
  it('every answer stands on api.calls.token.v1 before the caller has it, each once', async () => {
    const apiUser = await minted();
    const send = async (name: string, body: unknown) => {
      const answer = await fixture.authorize(body, first, { 'x-correlation-id': `${apiUser.id}-${name}` });
      return [name, answer.status] as const;
    };
    const sent = await Promise.all([
      send('good', apiUser.credentials),
      send('wrong', { ...apiUser.credentials, password: 'wrong' }),
      send('unknown', { username: 'nobody', password: 'x' }),
      send('missing', {}),
      send('not-json', '{'),
      send('oversize', { username: 'x'.repeat(100_000), password: 'x' }),
    ]);
    expect(Object.fromEntries(sent)).toEqual({
      good: 200,
      wrong: 401,
      unknown: 401,
      missing: 400,
      'not-json': 400,
      oversize: 413,
    });
    const calls = await recordedCalls(fixture.kafka(), 'token');
    const own = calls.filter((call) => call.callerCorrelationId?.startsWith(apiUser.id));
    expect(own.map((call) => [call.callerCorrelationId?.slice(37), call.status]).sort()).toEqual(
      sent.map(([name, status]) => [name, status]).sort(),
    );
    const good = own.find((call) => call.callerCorrelationId?.endsWith('good'));
    expect(good).toMatchObject({
      customerId: apiUser.customerId,
      apiUserId: apiUser.id,
      route: 'POST /api/v1/authorize',
      outcome: 'success',
      service: 'token',
    });
    expect(own.find((call) => call.callerCorrelationId?.endsWith('wrong'))?.reason).toBe('api-user.wrong-password');
    expect(JSON.stringify(own)).not.toContain(apiUser.password);
  });
});

describe('S06: guessing', () => {
  interface Refusal {
    readonly status: number;
    readonly headers: IncomingHttpHeaders;
    readonly body: string;
  }
  /** From another address of this machine. */
  const from = (localAddress: string, path: string, type: string, body: string): Promise<Refusal> =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': type };
      const sent = httpRequest(`${first.url}${path}`, { method: 'POST', localAddress, headers }, (answer) => {
        const { statusCode: status = 0, headers: told } = answer;
        text(answer).then((read) => {
          resolve({ status, headers: told, body: read });
        }, reject);
      });
      sent.on('error', reject).end(body);
    });
  const guess = (source: string, username: string, password = 'wrong') =>
    from(source, '/api/v1/authorize', 'application/json', JSON.stringify({ username, password }));
  const ofStatus = (answers: readonly Refusal[], status: number) =>
    answers.filter((answer) => answer.status === status);

  it('at one account is throttled there; the right password is let in from the same address and from elsewhere', async () => {
    const apiUser = await minted();
    const answers = await Promise.all(Array.from({ length: 100 }, () => guess('127.0.0.2', apiUser.username)));
    const [refused, throttled] = [ofStatus(answers, 401), ofStatus(answers, 429)];
    expect(refused.length + throttled.length).toBe(100);
    expect([refused.length >= 20, throttled.length > 0]).toEqual([true, true]);
    expect(Number(throttled[0]?.headers['retry-after'])).toBeGreaterThan(0);
    expect(JSON.parse(throttled[0]?.body ?? '')).toMatchObject({ status: 429, code: 'authorize.too-many-failures' });

    const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: apiUser.username });
    form.set('client_secret', 'wrong');
    const asClient = await from('127.0.0.2', '/oauth2/token', 'application/x-www-form-urlencoded', form.toString());
    expect([asClient.status, JSON.parse(asClient.body)]).toMatchObject([429, { error: 'temporarily_unavailable' }]);
    expect(Number(asClient.headers['retry-after'])).toBeGreaterThan(0);

    const right = [
      await guess('127.0.0.2', apiUser.username, apiUser.password),
      await guess('127.0.0.3', apiUser.username, apiUser.password),
      await guess('127.0.0.3', apiUser.username),
    ];
    expect(right.map(({ status }) => status)).toEqual([200, 200, 401]);

    const calls = (await recordedCalls(fixture.kafka(), 'token')).filter(
      ({ apiUserId, ip }) => apiUserId === apiUser.id && ip === '127.0.0.2',
    );
    const counted = (status: number) =>
      calls.filter((call) => call.status === status).reduce((sum, { count = 1 }) => sum + count, 0);
    expect([counted(401), counted(429)]).toEqual([refused.length, throttled.length + 1]);
    expect(calls.length).toBeLessThan(answers.length);
  });

  it('is throttled alike where the username is unknown, the password wrong, the API user inactive or it comes from elsewhere', async () => {
    const [active, inactive, elsewhere] = [await minted(), await minted(), await minted()];
    await fixture.publish([inactive.deactivated(), elsewhere.confined(['203.0.113.0/24'], [])]);
    const asked = [
      ['nobody'],
      [active.username],
      [inactive.username, inactive.password],
      [elsewhere.username, elsewhere.password],
    ] as const;
    for (const [username, password] of asked) {
      await fixture.current();
      const answers = await Promise.all(Array.from({ length: 40 }, () => guess('127.0.0.4', username, password)));
      const [throttled] = ofStatus(answers, 429);
      expect(JSON.parse(throttled?.body ?? '{}')).toMatchObject({
        title: 'Too Many Requests',
        code: 'authorize.too-many-failures',
        detail: 'Too many attempts with wrong credentials; please try again later.',
      });
    }
  });

  it('at many accounts is throttled for its source, and for no other', async () => {
    const apiUser = await minted();
    const cutOff = newApiUserPassword().slice(0, -1);
    const names = Array.from({ length: 600 }, () => `${randomUUID()}@api.rebelcore.local`);
    const answers = await Promise.all(names.map((name) => guess('127.0.0.5', name, cutOff)));
    expect(ofStatus(answers, 401).length).toBeGreaterThanOrEqual(300);
    expect(ofStatus(answers, 429).length).toBeGreaterThan(0);
    await fixture.current();
    const others = [
      await guess('127.0.0.5', apiUser.username, apiUser.password),
      await guess('127.0.0.6', apiUser.username, cutOff),
    ];
    expect(others.map(({ status }) => status)).toEqual([200, 401]);
  });
});

const OVERLOADED = /^(?:service\.overloaded|temporarily_unavailable)$/;
it('F16: with enough in work sheds who comes then, whatever the endpoint, and counts them in the log', async () => {
  const answered: string[] = [];
  const apiUser = await minted();
  await fixture.current();
  const reader = await fixture.database.pool({ connectionString: fixture.database.url, max: 1 }).connect();
  try {
    // So long as nobody can be looked up, everybody stays in work.
    await reader.query('begin; lock table authorization_v1 in access exclusive mode');
    const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: apiUser.username });
    form.set('client_secret', apiUser.password);
    const byForm = async () => {
      const answer = await fetch(`${first.url}/oauth2/token`, { method: 'POST', body: form });
      return { status: answer.status, headers: answer.headers, text: await answer.text() };
    };
    const asked = await Promise.all([
      ...Array.from({ length: 600 }, () => fixture.authorize(apiUser.credentials)),
      ...Array.from({ length: 20 }, byForm),
    ]);
    expect(new Set(asked.map(({ status }) => status))).toEqual(new Set([503]));
    for (const { headers, text } of asked.filter(({ text }) => text.includes('more requests than can be answered'))) {
      const { code, error } = JSON.parse(text) as { code?: string; error?: string };
      expect([code ?? error, headers.get('retry-after')]).toEqual([expect.stringMatching(OVERLOADED), '1']);
      answered.push(code === undefined ? 'POST /oauth2/token' : 'POST /api/v1/authorize');
    }
  } finally {
    reader.release(true);
  }
  await fixture.current();
  expect((await fixture.authorize(apiUser.credentials)).status).toBe(200);
  expect(new Set(answered).size).toBe(2);
  const shed = (await recordedCalls(fixture.kafka(), 'token')).filter(({ reason }) => reason === 'service.overloaded');
  expect(shed.flatMap(({ route, count = 1 }) => Array<string>(count).fill(route)).toSorted()).toEqual(
    answered.toSorted(),
  );
  expect(shed.length).toBeLessThan(answered.length);
});
