import { verifierMatches } from '@rebelcore/credentials/verifier';
import { newApiUserPassword } from '@rebelcore/credentials/api-user-password';
import { EventStore } from '@rebelcore/event-store/event-store';
import { until } from '@rebelcore/testing/until';
import { randomUUID } from 'node:crypto';
import {
  AGENT_ROLE,
  errorsOf,
  idOf,
  IdentityFixture,
  SUPER_USER_ROLE,
  type TestCustomer,
} from '../identity.fixture-spec.js';
import { MailServer } from '../portal-user/mail-server.fixture-spec.js';
import { PepperSource } from './api-user.commands.js';
import { ReportLeak, ReportLeakHandler } from './leak.commands.js';
import { putBackName } from './password-names.js';

let identity: IdentityFixture;
let acme: TestCustomer;
let other: TestCustomer;
let mail: MailServer;
beforeAll(async () => {
  mail = await MailServer.start();
  identity = await IdentityFixture.start({ SMTP_URL: mail.url, MAIL_FROM: 'no-reply@portal.test' });
  acme = await identity.customer();
  other = await identity.customer();
});
afterAll(async () => {
  await identity.stop();
  await mail.goAway();
});

const eventsOf = (subject: string) => identity.events.filter((event) => event.subject === subject);

describe('minting an API user', () => {
  it('invariant 7: shows a password once whose verifier alone leaves the process', async () => {
    const correlation = `order-${randomUUID()}`;
    const answer = await acme.call('POST', '/api/v1/api-users', {
      body: { role_id: AGENT_ROLE, label: 'build server' },
      'idempotency-key': randomUUID(),
      'x-correlation-id': correlation,
    });
    const { id, username, password } = answer.body as unknown as { id: string; username: string; password: string };
    expect([answer.status, Object.keys(answer.body)]).toEqual([
      201,
      ['id', 'username', 'password', 'role', 'created_at'],
    ]);
    expect([username, password]).toEqual([`${id}@api.rebelcore.local`, expect.stringMatching(/^[A-Za-z0-9]{48}$/)]);
    expect(answer.headers.get('cache-control')).toBe('no-store');

    const [created] = eventsOf(id);
    expect(created).toMatchObject({
      name: 'ApiUserCreated',
      correlationId: answer.headers.get('x-correlation-id'),
      causationId: correlation,
      data: { label: 'build server' },
    });
    expect(created?.sequence).toBe(Number(answer.headers.get('position')));
    const issued = identity.credentials.find(({ data }) => data.apiUserId === id);
    expect(issued?.sequence).toBe(created?.sequence);
    expect(issued && verifierMatches(identity.config.CREDENTIAL_PEPPERS, issued.data, username, password)).toBe(true);
    expect(JSON.stringify(created)).not.toContain(issued?.data.verifier);

    const tables = await identity.rows(`select tablename from pg_tables where schemaname = 'public'`);
    for (const { tablename } of tables) {
      const rows = await identity.rows(`select t::text from ${String(tablename)} t`);
      expect([tablename, JSON.stringify(rows).includes(password)]).toEqual([tablename, false]);
    }
  });

  it('invariant 5: answers the same API user to the same Idempotency-Key, and never the password again', async () => {
    const key = randomUUID();
    const first = await acme.mint({ label: 'once' }, key);
    const again = await acme.mint({ label: 'once' }, key);
    expect([again.status, again.body]).toEqual([200, { ...first.body, password: undefined }]);
    expect(again.body).not.toHaveProperty('password');
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await acme.mint({ label: 'twice' }, key)).toMatchObject({
      status: 422,
      body: { code: 'idempotency-key.reused' },
    });
    expect((await other.mint({ label: 'once' }, key)).status).toBe(201);
    expect(eventsOf(idOf(first))).toHaveLength(1);
  });

  it('knows an id in capitals as the same, and publishes it as every id', async () => {
    const replaces = idOf(await acme.mint());
    const key = randomUUID();
    const first = await acme.mint({ replaces: replaces.toUpperCase(), role_id: AGENT_ROLE.toUpperCase() }, key);
    const again = await acme.mint({ replaces, role_id: AGENT_ROLE }, key);
    expect([first.status, again.status, idOf(again)]).toEqual([201, 200, idOf(first)]);
    expect(eventsOf(idOf(first))[0]).toMatchObject({ data: { replaces, role: { id: AGENT_ROLE } } });
  });

  it.each([
    ['deploy\u202etob', 'must not contain invisible characters, such as marks of direction'],
    ['a\0b', 'must not contain NUL or half a surrogate pair'],
    ['a\ud800b', 'must not contain NUL or half a surrogate pair'],
    ['👍'.repeat(101), 'must be at most 100 characters'],
  ])('refuses the label %j', async (label, rule) => {
    expect(errorsOf(await acme.mint({ label }))).toEqual([400, [{ field: 'label', rule }]]);
  });

  it('invariant 5: makes one API user of eight requests with one key at the same moment', async () => {
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 8 }, () => acme.mint({}, key)));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array.from({ length: 7 }, () => 200), 201]);
    expect(new Set(answers.map(idOf)).size).toBe(1);
    expect(answers.filter(({ body }) => 'password' in body)).toHaveLength(1);
  });

  it.each([undefined, '', 'a b', 'ключ', 'x'.repeat(256)])('refuses %j as an Idempotency-Key', async (key) => {
    const headers = key === undefined ? {} : { 'idempotency-key': Buffer.from(key).toString('latin1') };
    const answer = await acme.call('POST', '/api/v1/api-users', { body: { role_id: AGENT_ROLE }, ...headers });
    const rule = key === undefined ? 'is required' : 'must be 1 to 255 visible ASCII characters';
    expect(errorsOf(answer)).toEqual([400, [{ field: 'Idempotency-Key', rule }]]);
  });

  it.each([
    [{ role_id: undefined }, 'role_id', 'is required'],
    [{ role_id: 7 }, 'role_id', 'must be a string'],
    [{ role_id: 'admin' }, 'role_id', 'must be the id of a role'],
    [{ role_id: randomUUID() }, 'role_id', 'is not a role of this customer'],
    [{ password: 'chosen' }, 'password', 'is not a known field'],
    [{ label: 'a\nb' }, 'label', 'must be one line without control characters'],
    [{ label: '\ud800' }, 'label', 'must not contain NUL or half a surrogate pair'],
    [{ label: 'x'.repeat(101) }, 'label', 'must be at most 100 characters'],
  ])('refuses %j, names the field and the rule, and writes nothing', async (changes, field, rule) => {
    const before = await identity.rows('select count(*) from event');
    expect(errorsOf(await acme.mint(changes))).toEqual([400, [{ field, rule }]]);
    expect(await identity.rows('select count(*) from event')).toEqual(before);
  });

  it('“No cap on how many”: mints a hundred, ten at a time, as it does the first', async () => {
    const customer = await identity.customer();
    const minted: unknown[] = [];
    for (let ten = 0; ten < 10; ten++) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => customer.mint()));
      minted.push(...answers.filter(({ body }) => 'password' in body).map(idOf));
    }
    expect(new Set(minted).size).toBe(100);
  });

  it('replaces an API user of the same customer and role, and no other', async () => {
    const replaces = idOf(await acme.mint());
    expect((await acme.mint({ replaces })).status).toBe(201);
    expect((await acme.mint({ replaces, role_id: SUPER_USER_ROLE })).body.code).toBe('api-user.replaces-other-role');
    expect((await other.mint({ replaces })).status).toBe(404);
    expect((await acme.mint({ replaces: acme.ownerId })).status).toBe(404);
  });
});

describe('deactivating and reactivating', () => {
  it('invariant 4: answers 200 with the moment since which it is in force, and the same when repeated', async () => {
    const id = idOf(await acme.mint());
    const first = await acme.call('POST', `/api/v1/users/${id}/deactivate`);
    const again = await acme.call('POST', `/api/v1/users/${id}/deactivate`);
    expect(first).toMatchObject({
      status: 200,
      body: { status: 'inactive', enforced_at: expect.any(String) as unknown },
    });
    expect([again.status, again.body]).toEqual([first.status, first.body]);
    expect(again.headers.get('position')).toBe(first.headers.get('position'));
    const back = await acme.call('POST', `/api/v1/users/${id}/reactivate`);
    expect(back).toMatchObject({ status: 200, body: { status: 'active' } });
    expect(eventsOf(id).map(({ name }) => name)).toEqual([
      'ApiUserCreated',
      'ApiUserDeactivated',
      'ApiUserReactivated',
    ]);
  });

  it('invariant 4: answers 202 without that moment while it is not confirmed, and 200 once it is', async () => {
    const [id, off] = [idOf(await acme.mint()), idOf(await acme.mint())];
    await acme.call('POST', `/api/v1/users/${off}/deactivate`);
    identity.holdConfirmations();
    const [minted, deactivated, reactivated] = await Promise.all([
      acme.mint({ label: 'unconfirmed' }),
      acme.call('POST', `/api/v1/users/${id}/deactivate`),
      acme.call('POST', `/api/v1/users/${off}/reactivate`),
    ]);
    expect(minted).toMatchObject({ status: 202, body: { enforced_at: null, password: expect.any(String) as unknown } });
    expect([deactivated.status, deactivated.body]).toEqual([202, { status: 'inactive', enforced_at: null }]);
    expect([reactivated.status, reactivated.body]).toEqual([202, { status: 'active', enforced_at: null }]);
    const listed = async () => {
      const { body } = await acme.call('GET', '/api/v1/users?type=api&status=inactive');
      return (body.items as unknown as { id: string; enforced_at: string | null }[]).find((item) => item.id === id);
    };
    expect(await listed()).toMatchObject({ enforced_at: null });
    await identity.confirm();
    const confirmed = await acme.call('POST', `/api/v1/users/${id}/deactivate`);
    expect(confirmed).toMatchObject({ status: 200, body: { enforced_at: expect.any(String) as unknown } });
    expect(await listed()).toMatchObject({ enforced_at: confirmed.body.enforced_at });
  });

  it('invariant 8: knows no id of another customer', async () => {
    const id = idOf(await acme.mint());
    for (const unknown of [id, randomUUID(), 'not-an-id', acme.ownerId]) {
      for (const verb of ['deactivate', 'reactivate']) {
        const answer = await other.call('POST', `/api/v1/users/${unknown}/${verb}`);
        expect([unknown, answer.status, answer.body.code]).toEqual([unknown, 404, 'user.unknown']);
      }
    }
    expect(eventsOf(id)).toHaveLength(1);
  });

  it('leaves the Super Admin alone', async () => {
    const answer = await acme.call('POST', `/api/v1/users/${acme.ownerId}/deactivate`);
    expect(answer).toMatchObject({ status: 409, body: { code: 'portal-user.is-owner' } });
  });
});

describe('a leaked password', () => {
  const report = (body: unknown) => identity.call('POST', '/api/v1/credentials/report-leak', { body });
  const minted = async (label: string) => {
    const { body } = await acme.mint({ label });
    return body as unknown as { id: string; username: string; password: string };
  };
  const leaksOf = (id: string) =>
    eventsOf(id).filter((event) => event.name === 'ApiUserDeactivated' && event.data.reason === 'leaked');

  it('is enough to have its API user switched off for good, whose owner is told once', async () => {
    const { id, username, password } = await minted('leaked <b>');
    const answers = [await report({ secret: password }), await report({ secret: password })];
    expect(answers.map(({ status, body }) => [status, body])).toEqual([
      [202, {}],
      [202, {}],
    ]);
    await until(() => leaksOf(id).length > 0, 'the event');
    expect(leaksOf(id)).toMatchObject([{ data: { actor: { kind: 'anonymous' } } }]);

    expect((await acme.call('GET', `/api/v1/users/${id}`)).body).toMatchObject({ status: 'inactive', leaked: true });
    const again = await acme.call('POST', `/api/v1/users/${id}/reactivate`);
    expect(again).toMatchObject({ status: 409, body: { code: 'api-user.leaked' } });
    expect((await acme.call('POST', `/api/v1/users/${id}/deactivate`)).body.status).toBe('inactive');

    const told = await until(() => mail.mailsTo(acme.email)[0], 'a mail to the owner');
    expect(told.subject).toBe('The password of an API user has leaked');
    expect(told.text).toContain(`“leaked <b>” (${username})`);
    expect(told.text).toContain(`/users?user=${id}`);
    expect(told.html).toContain('“leaked &lt;b&gt;”');
    expect(JSON.stringify(told)).not.toContain(password);
    await until(async () => (await identity.rows('select from leak_mail')).length === 0, 'no mail to wait');
    expect(mail.mailsTo(acme.email)).toHaveLength(1);
  });

  it('may be one of a hundred, or come as GitHub tells its partners, beside others that open nothing', async () => {
    const [one, two, untouched] = [await minted('one'), await minted('two'), await minted('untouched')];
    const others = Array.from({ length: 97 }, newApiUserPassword);
    const many = await report({ secrets: [...others, one.password, 'not a password', 'A'.repeat(48)] });
    const partner = await report([
      { token: newApiUserPassword(), type: 'rebelcore_api_user', url: 'https://x.test/a', source: 'content' },
      { token: two.password, type: 'rebelcore_api_user', url: 'https://x.test/b', source: 'commit' },
    ]);
    expect([many.status, partner.status]).toEqual([202, 202]);
    await until(() => leaksOf(one.id).length + leaksOf(two.id).length === 2, 'both events');
    expect(leaksOf(untouched.id)).toEqual([]);
  });

  it('finds also an API user that was put back from the topics', async () => {
    const { id, password } = await minted('put back');
    const { data } = await until(
      () => identity.credentials.find(({ data: { apiUserId } }) => apiUserId === id),
      'the verifier',
    );
    const { scope, key } = putBackName(data);
    await identity.database.asOwner(
      `set rebelcore.every_customer = on;
       update claim set scope = '${scope}', key = '${key}' where stream_id = '${id}' and scope = 'api-user.password'`,
    );
    await report({ secret: newApiUserPassword() });
    await report({ secret: password });
    await until(() => leaksOf(id).length > 0, 'the event');
  });

  it('is looked for with as many queries as a hundred that open nothing', async () => {
    const pool = identity.database.pool();
    let queries = 0;
    pool.on('acquire', () => (queries += 1));
    const handler = new ReportLeakHandler(new EventStore({ pool, streams: [] }), identity.app.get(PepperSource));
    const queriesFor = async (count: number) => {
      const before = queries;
      const passwords = Array.from({ length: count }, newApiUserPassword);
      await handler.execute(new ReportLeak(passwords, { correlationId: randomUUID(), writeBy: Infinity }));
      return queries - before;
    };
    expect([await queriesFor(1), await queriesFor(100)]).toEqual([2, 2]);
  });

  it('may be reported again soon where there are too many reports already', async () => {
    const unknown = { secret: newApiUserPassword() };
    const holder = await identity.database.pool({ connectionString: identity.database.url, max: 1 }).connect();
    await holder.query('begin; lock table claim in access exclusive mode');
    const waiting = `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%from claim%'`;
    const reports = [report(unknown), report(unknown)];
    await until(async () => (await identity.rows(waiting)).length >= 2, 'two reports to be under way');
    const { status, headers, body } = await report(unknown);
    expect([status, headers.get('retry-after'), body.code]).toEqual([503, '1', 'service.overloaded']);
    const next = report(unknown);
    await holder.query('commit');
    holder.release();
    expect((await Promise.all([...reports, next])).map((answer) => answer.status)).toEqual([202, 202, 202]);
  });

  it('that opens nothing is answered in the same way', async () => {
    const [{ password }] = [await minted('found')];
    const answers = [await report({ secret: password }), await report({ secret: newApiUserPassword() })];
    const [found, unknown] = answers.map(({ status, body, headers }) => [status, body, [...headers.keys()].sort()]);
    expect(found).toEqual(unknown);
  });

  it.each([
    [{}],
    [[]],
    [{ secrets: [] }],
    [{ secrets: Array.from({ length: 101 }, () => 'x') }],
    [{ secret: 7 }],
    ['x'],
  ])('is not reported by %j', async (body) => {
    expect((await report(body)).status).toBe(400);
  });
});
