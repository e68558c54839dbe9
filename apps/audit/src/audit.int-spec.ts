import { encodeEvent } from '@rebelcore/contracts/cloud-event';
import { DEFAULT_PARTITIONS } from '@rebelcore/contracts/topics';
import { callEvents } from '@rebelcore/contracts/call-events';
import { Projection } from '@rebelcore/messaging/projection';
import type { PublishedOffsets } from '@rebelcore/messaging/publisher';
import { until } from '@rebelcore/testing/until';
import { randomUUID } from 'node:crypto';
import { v7 as uuid } from 'uuid';
import { activityHandlers } from './activity/activity.projector.js';
import { AuditFixture, byPrincipal, Customer, type Answer } from './audit.fixture-spec.js';

let audit: AuditFixture;
beforeAll(async () => {
  audit = await AuditFixture.start();
});
afterAll(async () => {
  await audit.stop();
});

/** Publishes what the customers have, each principal's share in order, and waits for the log. */
async function arrive(...customers: Customer[]): Promise<void> {
  for (const [principal, records] of byPrincipal(customers.flatMap(({ records }) => records))) {
    await audit.processed(await audit.publish(principal, records));
  }
}

async function stored(customer: Customer): Promise<[string, string][]> {
  const sql = 'select id, event_type from activity where customer_id = $1 order by id';
  const { rows } = await audit.owner.query<{ id: string; event_type: string }>(sql, [customer.id]);
  return rows.map((row) => [row.id, row.event_type]);
}
const expected = (customer: Customer): [string, string][] =>
  [...customer.expected].sort(([a], [b]) => (a < b ? -1 : 1));
const typesOf = (items: Answer['body']['items']): string[] => items.map((item) => item.event_type);

describe('the activity log', () => {
  it('holds every event and every call, each exactly once, with what a person and a machine can read', async () => {
    const { customer, apiUserId } = new Customer().wholeStory();
    await arrive(customer);
    expect(await stored(customer)).toEqual(expected(customer));
    const items = await audit.walk(customer.id);
    const refused = items.find((item) => item.outcome === 'refused' && item.event_type === 'api.authorize');
    expect(refused).toEqual({
      id: expect.any(String) as string,
      customer_id: customer.id,
      user_id: apiUserId,
      event_type: 'api.authorize',
      occurred_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      outcome: 'refused',
      description: `Authorize refused for API user ${apiUserId}: it is inactive`,
      metadata: expect.objectContaining({
        status: 401,
        route: 'POST /api/v1/authorize',
        reason: 'api-user.inactive',
      }) as object,
      correlation_id: expect.stringMatching(/^api:/) as string,
    });
  });

  it('invariant 3: the topics read three times over, and duplicates published anew, change nothing', async () => {
    const { customer } = new Customer().wholeStory();
    await arrive(customer);
    const duplicates = customer.records.map((record) => ({ ...record }));
    for (let reading = 0; reading < 3; reading += 1) {
      for (const [principal, records] of byPrincipal(duplicates)) {
        const published = await audit.publish(principal, records);
        await audit.owner.query('delete from applied_sequence');
        await audit.owner.query('update consumer_offset set next_offset = 0');
        await audit.processed(published);
      }
    }
    expect(await stored(customer)).toEqual(expected(customer));
    expect((await audit.owner.query('select from parked_record where key = $1', [customer.id])).rowCount).toBe(0);
  });

  it('invariant 3: two replicas and rebalances in the middle lose nothing and double nothing', async () => {
    const customers = Array.from({ length: 40 }, () => new Customer());
    const published: PublishedOffsets[] = [];
    let rounds = 0;
    const rebalancing = new AbortController();
    const publishing = (async () => {
      for (; rounds < 60 || !rebalancing.signal.aborted; rounds += 1) {
        for (const customer of customers) {
          customer.records.length = 0;
          const { ownerId: portalUserId } = customer;
          customer.calls({}, {}, {}).identity('PortalUserSignedIn', { portalUserId }, 'session.sign_in');
        }
        for (const [principal, records] of byPrincipal(customers.flatMap(({ records }) => records))) {
          published.push(await audit.publish(principal, records));
        }
      }
    })();
    await until(() => rounds > 10, 'some rounds');
    const [second, third] = [await audit.addReplica(), await audit.addReplica()];
    for (const replica of [second, third]) {
      const isReady = async () => (await audit.ask('/health/ready', undefined, replica)).status === 200;
      await until(isReady, 'a replica to have joined');
    }
    await audit.remove(third);
    rebalancing.abort();
    await publishing;
    for (const offsets of published) await audit.processed(offsets);
    for (const customer of customers) expect(await stored(customer)).toEqual(expected(customer));
    await audit.remove(second);
  });

  it('invariant 11: a call with a time that cannot be right is parked, and other customers go on', async () => {
    const [bad, good] = [new Customer().calls({ at: '9999-01-01T00:00:00.000Z' }).calls({}), new Customer().calls({})];
    await arrive(bad, good);
    expect(await stored(bad)).toEqual([]);
    expect(await stored(good)).toEqual(expected(good));
    const sql = 'select code, reason from parked_record where key = $1 order by "offset"';
    const { rows } = await audit.owner.query(sql, [bad.id]);
    expect(rows).toMatchObject([
      { code: 'event.bad-data', reason: 'the time 9999-01-01T00:00:00.000Z cannot be right' },
      { code: 'key.waiting' },
    ]);
    await audit.owner.query('delete from parked_record where key = $1', [bad.id]);
  });

  it('takes entries of any month since the beginning, making partitions on the way', async () => {
    const months = [
      '2020-01-31T23:59:59.999Z',
      '2023-02-28T00:00:00.000Z',
      '2025-12-31T23:59:59.999Z',
      '2026-01-01T00:00:00.000Z',
    ];
    const customer = new Customer().calls(...months.map((at) => ({ at })));
    await arrive(customer);
    const items = await audit.walk(customer.id, '', 1);
    expect(items.map((item) => item.occurred_at)).toEqual(months.toReversed());
    const { rows } = await audit.owner.query<{ name: string }>(
      `select distinct tableoid::regclass::text as name from activity where customer_id = $1 order by 1`,
      [customer.id],
    );
    expect(rows.map(({ name }) => name)).toEqual([
      'activity_2020_01',
      'activity_2023_02',
      'activity_2025_12',
      'activity_2026_01',
    ]);
  });

  it('keeps text that was made to do harm as text', async () => {
    const customer = new Customer().calls({
      userAgent: 'x\u0000\r\n\u001b[2J"\ud800',
      correlationId: 'a\u0000b',
      route: "GET /';drop",
    });
    await arrive(customer);
    const [item] = await audit.walk(customer.id);
    expect(item?.metadata.user_agent).toBe('x   \u0020[2J" ');
    expect(item?.correlation_id).toBe('a b');
  });
});

describe('reading the log', () => {
  let customer: Customer;
  let apiUserId: string;
  beforeAll(async () => {
    ({ customer, apiUserId } = new Customer().wholeStory());
    const at = (hour: number) => `2026-03-01T${String(hour).padStart(2, '0')}:00:00.000Z`;
    for (let hour = 0; hour < 20; hour += 1) customer.calls({ at: at(hour) }, { at: at(hour) });
    await arrive(customer);
  });

  it.each([
    ['event_type=api_user.deactivate', ['api_user.deactivate']],
    ['event_type=session.sign_in', ['session.sign_in']],
    ['outcome=refused', ['api.authorize', 'session.sign_in_failed']],
    ['outcome=refused&event_type=api.authorize', ['api.authorize']],
    ['outcome=failed', []],
    ['q=was%20DEACTIVATED', ['api_user.deactivate']],
    ['q=%25', []],
    ['q=nothing%20like%20it', []],
    ['from=2026-03-01T05:00:00Z&to=2026-03-01T06:00:00Z', ['api.authorize', 'api.authorize']],
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
    expect((await audit.ask(`/api/v1/activity/${one?.id ?? ''}`, audit.token(customer.id))).body).toEqual(one);
  });

  it.each([1, 7, 200])('walks %i at a time through everything once, newest first', async (limit) => {
    const items = await audit.walk(customer.id, '', limit);
    expect(items.map(({ id }) => id).sort()).toEqual([...customer.expected.keys()].sort());
    const order = items.map(({ occurred_at, id }) => `${occurred_at} ${id}`);
    expect(order).toEqual(order.toSorted().toReversed());
  });

  it('walks without gap or double while entries keep arriving', async () => {
    const busy = new Customer().calls(...Array.from({ length: 300 }, () => ({ at: '2026-03-02T00:00:00.000Z' })));
    await arrive(busy);
    const present = [...busy.expected.keys()];
    const seen: string[] = [];
    let cursor = '';
    do {
      busy.records.length = 0;
      // Before, at and after the place of the walk.
      for (const at of ['2026-03-01T00:00:00.000Z', '2026-03-02T00:00:00.000Z', '2026-03-03T00:00:00.000Z'])
        busy.calls({ at });
      await arrive(busy);
      const { body } = await audit.ask(`/api/v1/activity?limit=40${cursor}`, audit.token(busy.id));
      seen.push(...body.items.map(({ id }) => id));
      cursor = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`;
    } while (cursor !== '');
    expect(new Set(seen).size).toBe(seen.length);
    expect(present.filter((id) => !seen.includes(id))).toEqual([]);
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=201', 'limit'],
    ['limit=x', 'limit'],
    ['from=yesterday', 'from'],
    ['from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z', 'to'],
    ['event_type=no.such', 'event_type'],
    ['outcome=fine', 'outcome'],
    ['user_id=me', 'user_id'],
    ['position=-1', 'position'],
    ['q=', 'q'],
    ['q=a%00b', 'q'],
    ['customer_id=x', 'customer_id'],
    ['cursor=abc', 'cursor'],
    ['limit=1&limit=2', 'limit'],
  ])('refuses %s by name', async (query, field) => {
    const { status, headers, body } = await audit.ask(`/api/v1/activity?${query}`, audit.token(customer.id));
    expect([status, headers.get('content-type')]).toEqual([400, expect.stringContaining('application/problem+json')]);
    expect(body.errors).toEqual([{ field, rule: expect.any(String) as string }]);
  });

  it('accepts a cursor only for the customer, the filters and the bytes it was made for', async () => {
    const { body } = await audit.ask('/api/v1/activity?limit=1', audit.token(customer.id));
    const cursor = body.next_cursor ?? '';
    const status = async (query: string, customerId = customer.id) =>
      (await audit.ask(`/api/v1/activity?${query}`, audit.token(customerId))).status;
    expect(await status(`cursor=${cursor}`)).toBe(200);
    expect(await status(`cursor=${cursor}`, uuid())).toBe(400);
    expect(await status(`cursor=${cursor}&event_type=api.call`)).toBe(400);
    expect(await status(`cursor=${cursor.slice(0, -1)}`)).toBe(400);
    expect(await status(`cursor=${cursor.startsWith('A') ? 'B' : 'A'}${cursor.slice(1)}`)).toBe(400);
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
    const next = Array.from({ length: DEFAULT_PARTITIONS }, (_, partition) => String(offsets?.get(partition) ?? 0));
    const at = new Date().toISOString();
    const value = JSON.stringify({ at, published: { 'identity.events.v1': next } });
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
    await arrive(customer, other);
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
    await arrive(new Customer().calls({}));
    const { rows } = await audit.database.pool().query('select id from activity');
    expect(rows).toEqual([]);
  });

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
    expect(items.map(({ outcome, metadata }) => [outcome, metadata.route, metadata.status]).sort()).toEqual([
      ['refused', 'GET /api/v1/activity', 403],
      ['refused', 'GET /api/v1/activity/:id', 404],
    ]);
  });
});

describe('the role of the service', () => {
  it.each([
    `update activity set outcome = 'failed'`,
    'delete from activity',
    'truncate activity',
    'drop table activity',
    'alter table activity disable row level security',
    'create table mine (x int)',
    'alter table activity detach partition activity_2020_01',
    'select * from activity_2020_01',
    'delete from activity_2020_01',
    'insert into activity_2020_01 select',
  ])('invariant 10: may not %s', async (sql) => {
    await arrive(new Customer().calls({ at: '2020-01-15T00:00:00.000Z' }));
    await expect(audit.database.pool({ max: 1 }).query(sql)).rejects.toThrow(/permission denied|must be owner/);
  });

  it('invariant 10: makes partitions through the one function alone, and only of plausible months', async () => {
    const pool = audit.database.pool();
    await pool.query(`select ensure_activity_months(array['2021-05-17'::date])`);
    await expect(pool.query(`select ensure_activity_months(array['1999-01-01'::date])`)).rejects.toThrow(
      'no activity in 1999-01',
    );
    await expect(pool.query(`select ensure_activity_months(array['9999-01-01'::date])`)).rejects.toThrow(
      'no activity in 9999-01',
    );
    const { rows } = await audit.owner.query(
      `select to_regclass('activity_2021_05') is not null as made, to_regclass('activity_1999_01') as not_made`,
    );
    expect(rows).toEqual([{ made: true, not_made: null }]);
  });

  it('two replicas that make the same partition at once both succeed', async () => {
    const make = () =>
      audit.database.pool({ max: 1 }).query(`select ensure_activity_months(array['2022-07-01'::date])`);
    await expect(Promise.all(Array.from({ length: 8 }, make))).resolves.toHaveLength(8);
  });
});

describe('parked records', () => {
  it('invariant 11: of an unknown type wait, later ones of that customer behind them, and are replayed in order', async () => {
    const customer = new Customer().calls({});
    const future = encodeEvent(
      {
        ...{ id: uuid(), source: '/token', time: new Date().toISOString(), subject: customer.id, sequence: 1 },
        ...{ type: 'rebelcore.calls.ApiCallRecorded.v2', correlationId: 'x', data: {} },
      },
      customer.id,
    );
    customer.records.unshift({ topic: 'api.calls.v1', ...future });
    await arrive(customer);
    expect(await stored(customer)).toEqual([]);
    await audit.owner.query(
      `update parked_record set headers = jsonb_set(headers, '{ce_type}', $2::jsonb), value = $3 where key = $1 and code = 'event.unknown-type'`,
      [
        customer.id,
        JSON.stringify(callEvents.wireType('ApiCallRecorded')),
        JSON.parse(JSON.stringify(customer.records[1]?.value)),
      ],
    );
    await audit.replicas[0]?.app.get(Projection).replayParked(activityHandlers);
    expect(await stored(customer)).toEqual(expected(customer));
  });
});
