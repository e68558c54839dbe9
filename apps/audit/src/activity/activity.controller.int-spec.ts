import { provocations } from '@rebelcore/testing/contract';
import { DEFAULT_PARTITIONS } from '@rebelcore/contracts/topics';
import { testKafka } from '@rebelcore/testing/test-kafka';
import { until } from '@rebelcore/testing/until';
import { randomUUID, randomUUIDv7 as uuid } from 'node:crypto';
import { AuditFixture, Customer, type Answer } from '../audit.fixture-spec.js';

let audit: AuditFixture;
beforeAll(async () => {
  audit = await AuditFixture.start();
});
afterAll(async () => {
  await audit.stop();
});

const typesOf = (items: Answer['body']['items']): string[] => items.map((item) => item.event_type);

describe('reading the log', () => {
  let customer: Customer;
  let apiUserId: string;
  beforeAll(async () => {
    ({ customer, apiUserId } = new Customer().wholeStory());
    const at = (hour: number) => `2026-03-01T${String(hour).padStart(2, '0')}:00:00.000Z`;
    for (let hour = 0; hour < 20; hour += 1) customer.calls({ at: at(hour) }, { at: at(hour) });
    await audit.arrive(customer);
  });

  it.each([
    ['event_type=api_user.deactivate', ['api_user.deactivate']],
    ['event_type=session.sign_in', ['session.sign_in']],
    ['outcome=refused', ['api.authorize', 'session.sign_in_failed']],
    ['outcome=refused&event_type=api.authorize', ['api.authorize']],
    ['event_type=session.sign_in,api_user.deactivate', ['api_user.deactivate', 'session.sign_in']],
    ['event_type=session.sign_in&event_type=user.add,session.sign_in', ['session.sign_in', 'user.add']],
    ['event_type=api.call,api_user.create&q=deactivated', []],
    ['event_type=api.call,api_user.deactivate&q=deactivated', ['api_user.deactivate']],
    ['outcome=failed', []],
    ['q=was%20DEACTIVATED', ['api_user.deactivate']],
    ['q=%25', []],
    ['q=nothing%20like%20it', []],
    ['from=2026-03-01T05:00:00Z&to=2026-03-01T06:00:00Z', ['api.authorize', 'api.authorize']],
    ['from=2026-03-01t05:00:00z&to=2026-03-01t06:00:00.000z', ['api.authorize', 'api.authorize']],
    ['from=2026-03-01T19:00:00%2B14:00&to=2026-03-01T05:00:00.0001Z', ['api.authorize', 'api.authorize']],
    ['to=2026-03-01T00:00:00.000000001Z&limit=5', ['api.authorize', 'api.authorize']],
    ['q=&cursor=&limit=&from=&event_type=&outcome=failed', []],
    ['from=2026-03-01T19:00:00.0001Z&to=2026-03-01T20:00:00Z', []],
    ['from=2026-03-01T06:00:00%2B01:00&to=2026-03-01T05:00:00.001Z', ['api.authorize', 'api.authorize']],
  ])('finds by %s', async (query, types) => {
    const { status, body } = await audit.ask(`/api/v1/activity?${query}`, audit.token(customer.id));
    expect([status, typesOf(body.items).sort()]).toEqual([200, types]);
  });

  it('finds all of one API user, and an entry by its correlation id or its own', async () => {
    const all = await audit.walk(customer.id);
    const ofUser = await audit.walk(customer.id, `&user_id=${apiUserId}`, 3);
    expect(ofUser).toEqual(all.filter((item) => item.user_id === apiUserId));
    expect(ofUser).toHaveLength(9);
    const [one] = ofUser;
    expect(await audit.walk(customer.id, `&q=${one?.correlation_id ?? ''}`)).toEqual([one]);
    for (const id of [one?.id, one?.id.toUpperCase()])
      expect((await audit.ask(`/api/v1/activity/${id ?? ''}`, audit.token(customer.id))).body).toEqual(one);
    expect(await audit.walk(customer.id, `&user_id=${apiUserId.toUpperCase()}`, 3)).toEqual(ofUser);
  });

  it('finds what one person did, and all that belongs to one request', async () => {
    const all = await audit.walk(customer.id);
    const byOwner = await audit.walk(customer.id, `&actor_id=${customer.ownerId.toUpperCase()}`, 2);
    expect(typesOf(byOwner).sort()).toEqual([
      'api_user.create',
      'api_user.deactivate',
      'api_user.reactivate',
      'session.sign_in',
    ]);
    const [one] = byOwner;
    expect(await audit.walk(customer.id, `&correlation_id=${one?.correlation_id ?? ''}`)).toEqual([one]);
    const some = all.filter(({ event_type }) => event_type.startsWith('api'));
    const types = [...new Set(typesOf(some))];
    for (const limit of [3, 200]) {
      expect(await audit.walk(customer.id, `&event_type=${types.join(',')}`, limit)).toEqual(some);
    }
  });

  it('accepts a cursor for the same event types in another order', async () => {
    const token = audit.token(customer.id);
    const { body } = await audit.ask('/api/v1/activity?limit=1&event_type=api.call,api.authorize', token);
    const again = `event_type=api.authorize&event_type=api.call&cursor=${body.next_cursor ?? ''}`;
    expect((await audit.ask(`/api/v1/activity?limit=1&${again}`, token)).status).toBe(200);
  });

  it.each([1, 7, 200])('walks %i at a time through everything once, newest first', async (limit) => {
    const items = await audit.walk(customer.id, '', limit);
    expect(items.map(({ id }) => id).sort()).toEqual([...customer.expected.keys()].sort());
    const order = items.map(({ occurred_at, id }) => `${occurred_at} ${id}`);
    expect(order).toEqual(order.toSorted().toReversed());
  });

  it('walks without gap or double while entries keep arriving', async () => {
    const busy = new Customer().calls(...Array.from({ length: 300 }, () => ({ at: '2026-03-02T00:00:00.000Z' })));
    await audit.arrive(busy);
    const present = [...busy.expected.keys()];
    const seen: string[] = [];
    let cursor = '';
    do {
      busy.records.length = 0;
      // Before, at and after the place of the walk.
      for (const at of ['2026-03-01T00:00:00.000Z', '2026-03-02T00:00:00.000Z', '2026-03-03T00:00:00.000Z'])
        busy.calls({ at });
      await audit.arrive(busy);
      const { body } = await audit.ask(`/api/v1/activity?limit=40${cursor}`, audit.token(busy.id));
      seen.push(...body.items.map(({ id }) => id));
      cursor = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`;
    } while (cursor !== '');
    expect(new Set(seen).size).toBe(seen.length);
    expect(present.filter((id) => !seen.includes(id))).toEqual([]);
  });

  it('answers without a token, and with another than JSON, as the document says', async () => {
    const contract = await audit.contract();
    const url = audit.replicas[0]?.url ?? '';
    for (const { method, path, status, contentType, body } of provocations(contract)) {
      const headers = contentType === undefined ? {} : { 'content-type': contentType };
      const answer = await fetch(`${url}${path}`, { method, headers, ...(body !== undefined && { body }) });
      const mediaType = answer.headers.get('content-type') ?? '';
      contract.check(method, path, { status: answer.status, mediaType, text: await answer.text() });
      expect([method, path, answer.status]).toEqual([method, path, status]);
    }
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=201', 'limit'],
    ['limit=x', 'limit'],
    ['limit=1e2', 'limit'],
    ['limit=0x10', 'limit'],
    ['limit=%2B5', 'limit'],
    ['from=yesterday', 'from'],
    ['from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z', 'to'],
    ['from=0000-01-01T00:00:00Z', 'from'],
    ['from=2026-03-02T04:00:00%2B23:00', 'from'],
    [`from=2026-03-01T00:00:00.${'0'.repeat(200)}Z`, 'from'],
    ['from=2026-02-30T00:00:00Z', 'from'],
    ['to=9999-12-31T23:59:59-23:59', 'to'],
    ['event_type=no.such', 'event_type'],
    ['event_type=api.call,', 'event_type'],
    ['actor_id=me', 'actor_id'],
    ['correlation_id=a%00b', 'correlation_id'],
    ['status=active&limit=5', 'status'],
    ['outcome=fine', 'outcome'],
    ['user_id=me', 'user_id'],
    ['position=-1', 'position'],
    ['q=a%00b', 'q'],
    ['customer_id=x', 'customer_id'],
    ['cursor=abc', 'cursor'],
    ['limit=1&limit=2', 'limit'],
  ])('refuses %s by name', async (query, field) => {
    const { status, headers, body } = await audit.ask(`/api/v1/activity?${query}`, audit.token(customer.id));
    expect([status, headers.get('content-type')]).toEqual([400, expect.stringContaining('application/problem+json')]);
    expect(body.errors).toEqual([{ field, rule: expect.any(String) as string }]);
  });

  // S03, S04
  it('accepts a cursor only for the customer, the filters and the bytes it was made for', async () => {
    const { body } = await audit.ask('/api/v1/activity?limit=1', audit.token(customer.id));
    const cursor = body.next_cursor ?? '';
    const ask = (query: string, customerId = customer.id) =>
      audit.ask(`/api/v1/activity?${query}`, audit.token(customerId));
    expect((await ask(`cursor=${cursor}`)).status).toBe(200);
    for (const refused of [
      await ask(`cursor=${cursor}`, uuid()),
      await ask(`cursor=${cursor}&event_type=api.call`),
      await ask(`cursor=${cursor.slice(0, -1)}`),
      await ask(`cursor=${cursor.startsWith('A') ? 'B' : 'A'}${cursor.slice(1)}`),
    ]) {
      expect([refused.status, refused.body.code, refused.body.errors]).toEqual([
        400,
        'cursor.invalid',
        [{ field: 'cursor', rule: 'is not a cursor of this list' }],
      ]);
    }
  });

  it('finds a text whatever callers call their requests, and by what they call them', async () => {
    const some = new Customer();
    const mine = { callerCorrelationId: 'my-trace' };
    some.calls({ apiUserId, status: 401, outcome: 'refused' }, mine, mine);
    const audited = await audit.publish('token', some.records);
    await audit.processed(audited);
    const hiding = some.calls({ status: 401, outcome: 'refused', callerCorrelationId: 'refused' });
    await audit.processed(await audit.publish('token', hiding.records.slice(-1)));
    const [newest] = await audit.walk(some.id);
    expect(newest?.metadata).toMatchObject({ caller_correlation_id: 'refused' });
    expect(await audit.walk(some.id, '&q=refused')).toHaveLength(2);
    expect(await audit.walk(some.id, '&q=my-trace')).toHaveLength(2);
    expect(await audit.walk(some.id, `&q=${newest?.correlation_id ?? ''}`)).toEqual([newest]);
    expect(new Set((await audit.walk(some.id)).map(({ correlation_id }) => correlation_id)).size).toBe(4);
  });

  it('has no place for everybody of one customer to wait, and refuses at once what is too far ahead', async () => {
    const some = new Customer().identity('PortalUserSignedIn', { portalUserId: uuid() }, 'session.sign_in');
    await audit.processed(await audit.publish('identity', some.records));
    const ask = (position: number) => audit.ask(`/api/v1/activity?position=${position}&limit=1`, audit.token(some.id));
    expect([503, 400]).toContain((await ask(999_999_999_999_999)).status);
    const answers = await Promise.all(Array.from({ length: 80 }, () => ask(2)));
    const said = answers.map(({ status, headers, body }) => [status, headers.get('retry-after'), body.code].join(' '));
    expect([...new Set(said)].sort()).toEqual(['429 1 activity.crowded', '503 1 activity.behind']);
  });

  it('has the lists of one customer wait for each other, then refuses them, and nobody else waits', async () => {
    const mine = audit.token(customer.id);
    const ask = (path: string, token = mine) => audit.ask(`/api/v1/${path}`, token);
    const holder = await audit.owner.connect();
    await holder.query('begin; lock table activity in access exclusive mode');
    const readers = `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%from activity%'`;
    const searches = Array.from({ length: 4 }, () => ask('activity?q=zzzz'));
    await until(async () => ((await audit.owner.query(readers)).rowCount ?? 0) >= 4, 'the searches to be under way');

    const paths = ['activity', 'api-users/usage?flag=unused', ...Array.from({ length: 8 }, () => 'activity?q=zzzz')];
    const more = paths.map((path) => ask(path));
    expect((await ask('api-users/usage', audit.token(uuid()))).status).toBe(200);
    const refused = (await Promise.all(more)).map(({ status, headers, body }) =>
      [status, headers.get('retry-after'), body.code].join(' '),
    );
    expect([...new Set(refused)]).toEqual(['429 1 request.crowded']);

    const turn = ask('activity?q=zzzz');
    await holder.query('commit');
    holder.release();
    expect((await Promise.all([...searches, turn])).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  });

  it('waits for a position, and says 503 when it does not come', async () => {
    const late = new Customer().identity('PortalUserSignedIn', { portalUserId: uuid() }, 'session.sign_in');
    const asking = audit.ask('/api/v1/activity?position=1', audit.token(late.id));
    const [published] = await Promise.all([audit.publish('identity', late.records), asking]);
    await audit.processed(published);
    expect(typesOf((await asking).body.items)).toEqual(['session.sign_in']);
    const never = await audit.ask('/api/v1/activity?position=2', audit.token(late.id));
    expect([never.status, never.headers.get('retry-after'), never.body.code]).toEqual([503, '1', 'activity.behind']);
  });

  it('tells from the heartbeats how current it is', async () => {
    const some = new Customer().identity('PortalUserSignedIn', { portalUserId: uuid() }, 'session.sign_in');
    const offsets = (await audit.publish('identity', some.records)).get('identity.events.v1');
    const said = await audit.store.heartbeat(testKafka().client(), ['identity.events.v1']);
    const next = Array.from({ length: DEFAULT_PARTITIONS }, (_, partition) => String(offsets?.get(partition) ?? 0));
    const { at } = said;
    const value = JSON.stringify({ ...said, published: { 'identity.events.v1': next } });
    await audit.publish('identity', [{ topic: 'identity.heartbeats.v1', key: 'identity', headers: {}, value }]);
    const answer = await until(async () => {
      const { body } = await audit.ask('/api/v1/activity', audit.token(some.id));
      return body.as_of !== null && body.as_of >= at && body;
    }, 'the log to be current');
    expect(typesOf(answer.items)).toEqual(['session.sign_in']);
  });
});

describe('who may read', () => {
  it('invariant 8: nothing of another customer, by list, filter, text, or id', async () => {
    const [{ customer, apiUserId }, other] = [new Customer().wholeStory(), new Customer().calls({})];
    await audit.arrive(customer, other);
    const token = audit.token(other.id);
    const [id = ''] = customer.expected.keys();
    const correlation_id = (await audit.walk(customer.id))[0]?.correlation_id ?? '';
    expect((await audit.walk(other.id)).map((item) => item.customer_id)).toEqual([other.id]);
    for (const query of [`user_id=${apiUserId}`, `q=${apiUserId}`, `q=${correlation_id}`]) {
      expect((await audit.ask(`/api/v1/activity?${query}`, token)).body.items).toEqual([]);
    }
    const foreign = await audit.ask(`/api/v1/activity/${id}`, token);
    const unknown = await audit.ask(`/api/v1/activity/${uuid()}`, token);
    expect([foreign.status, unknown.status]).toEqual([404, 404]);
    expect(foreign.body).toEqual(unknown.body);
  });

  it('invariant 8: a query that forgets its customer finds nothing', async () => {
    await audit.arrive(new Customer().calls({}));
    const { rows } = await audit.database.pool().query('select id from activity');
    expect(rows).toEqual([]);
  });

  // “Visible to the Customer Super Admin only”, and to the auditors whom they name by a role
  it('the Super Admin and holders of can_view_activity, and nobody else', async () => {
    const customerId = uuid();
    const status = async (token: string | undefined) => (await audit.ask('/api/v1/activity', token)).status;
    expect(await status(audit.token(customerId))).toBe(200);
    expect(await status(audit.token(customerId, { owner: false, permissions: ['can_view_activity'] }))).toBe(200);
    expect(
      await status(audit.token(customerId, { owner: false, permissions: ['can_add_users', 'can_use_agent'] })),
    ).toBe(403);
    expect(await status(audit.token(customerId, { exp: Math.floor(Date.now() / 1000) - 1 }))).toBe(401);
    expect(await status(audit.token(customerId, { aud: 'rebelcore-api' }))).toBe(401);
    expect(await status(undefined)).toBe(401);
  });

  it('invariant 9: not an API user, whatever its role', async () => {
    const claims = {
      iss: 'https://portal.example',
      aud: 'rebelcore-api',
      client_id: uuid(),
      role: 'x',
      scope: 'can_view_activity',
    };
    for (const token of [
      audit.token(uuid(), claims, 'at+jwt'),
      audit.token(uuid(), {}, 'at+jwt'),
      audit.token(uuid(), claims),
    ]) {
      const { status, body } = await audit.ask('/api/v1/activity', token);
      expect([status, body.items]).toEqual([401, undefined]);
    }
  });

  it('records what it refuses, in the log itself', async () => {
    const customer = new Customer();
    const token = audit.token(customer.id, { owner: false });
    await audit.ask('/api/v1/activity?limit=5', token);
    await audit.ask(`/api/v1/activity/${randomUUID()}`, audit.token(customer.id));
    const items = await until(async () => {
      const found = await audit.walk(customer.id, '&event_type=api.call');
      return found.length >= 2 && found;
    }, 'the refusals to be in the log');
    const said = items.map(({ outcome, metadata: { route, status, reason } }) => [outcome, route, status, reason]);
    expect(said.sort()).toEqual([
      ['refused', 'GET /api/v1/activity', 403, 'permission.missing'],
      ['refused', 'GET /api/v1/activity/:id', 404, undefined],
    ]);
  });
});
