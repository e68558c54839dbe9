import { randomUUIDv7 as uuid } from 'node:crypto';
import { callEvents, UNATTRIBUTED } from '@rebelcore/contracts/call-events';
import { encodeEvent } from '@rebelcore/contracts/cloud-event';
import { partitionOf } from '@rebelcore/messaging/publish/kafka-publisher';
import type { PublishedOffsets } from '@rebelcore/messaging/publish/publisher';
import { until } from '@rebelcore/testing/until';
import { AuditFixture, byPrincipal, Customer } from '../audit.fixture-spec.js';
import { activityHandlers } from './activity.projector.js';

let audit: AuditFixture;
beforeAll(async () => {
  audit = await AuditFixture.start();
});
afterAll(async () => {
  await audit.stop();
});

/** What the log holds of this customer: the type of each entry by its id. */
async function stored(customer: Customer): Promise<[string, string][]> {
  const sql = 'select id, event_type from activity where customer_id = $1 order by id';
  const { rows } = await audit.owner.query<{ id: string; event_type: string }>(sql, [customer.id]);
  return rows.map((row) => [row.id, row.event_type]);
}
const expected = (customer: Customer): [string, string][] =>
  [...customer.expected].sort(([a], [b]) => (a < b ? -1 : 1));
describe('the activity log', () => {
  it('holds every event and every call, each exactly once, with what a person and a machine can read', async () => {
    const { customer, apiUserId } = new Customer().wholeStory();
    await audit.arrive(customer);
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
    await audit.arrive(customer);
    const duplicates = customer.records.map((record) => ({ ...record }));
    for (let reading = 0; reading < 3; reading += 1) {
      for (const [principal, records] of byPrincipal(duplicates)) {
        await audit.owner.query('delete from applied_sequence; update consumer_offset set next_offset = 0');
        await audit.processed(await audit.publish(principal, records));
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
      const hasJoined = async () => {
        const { body } = (await audit.ask('/health/ready', undefined, replica)) as { body: unknown };
        return (body as { checks: { activity: { joined: boolean } } }).checks.activity.joined;
      };
      await until(hasJoined, 'a replica to have joined');
    }
    await audit.remove(third);
    rebalancing.abort();
    await publishing;
    for (const offsets of published) await audit.processed(offsets);
    for (const customer of customers) expect(await stored(customer)).toEqual(expected(customer));
    await audit.remove(second);
  });

  it('gives a call that names an API user and no customer to the one whose API user it is, when the token service says it', async () => {
    const { customer, apiUserId } = new Customer().wholeStory();
    await audit.arrive(customer);
    const reason = 'api-user.misspelt-password';
    const nobodys = new Customer(UNATTRIBUTED);
    nobodys.calls({ apiUserId, status: 401, outcome: 'refused', reason }, { apiUserId: uuid() }, {});
    nobodys.callsOf('inference', { apiUserId });
    await audit.arrive(nobodys);
    const [its, unknown, unnamed, ofAnApi] = nobodys.expected.keys();
    expect((await stored(customer)).map(([id]) => id).sort()).toEqual([...customer.expected.keys(), its].sort());
    expect((await stored(nobodys)).map(([id]) => id)).toEqual(expect.arrayContaining([unknown, unnamed, ofAnApi]));
    const [entry] = await audit.walk(customer.id, '&outcome=refused&q=mistyped');
    expect(entry?.description).toBe(
      `Authorize refused for API user ${apiUserId}: the password was cut off or mistyped`,
    );
  });

  it('invariant 11: a call with a time that cannot be right is parked, and it alone', async () => {
    const bad = new Customer().calls({ at: '9999-01-01T00:00:00.000Z' });
    bad.expected.clear();
    bad.calls({});
    await audit.arrive(bad);
    expect(await stored(bad)).toEqual(expected(bad));
    const sql = 'select code, reason from parked_record where key = $1 order by "offset"';
    const { rows } = await audit.owner.query(sql, [bad.id]);
    expect(rows).toEqual([
      {
        code: 'event.bad-data',
        reason: expect.stringContaining(
          'the time 9999-01-01T00:00:00.000Z cannot be that of a call recorded at 20',
        ) as string,
      },
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
    await audit.arrive(customer);
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
    await audit.arrive(customer);
    const [item] = await audit.walk(customer.id);
    expect(item?.metadata.user_agent).toBe('x   \u0020[2J" ');
    expect(item?.correlation_id).toBe('a b');
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
    await audit.arrive(new Customer().calls({ at: '2020-01-15T00:00:00.000Z' }));
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
  it('invariant 11: of an unknown type wait, and are replayed once they can be read', async () => {
    const customer = new Customer().calls({});
    const [readable] = customer.records.splice(0);
    const future = encodeEvent(
      {
        id: uuid(),
        source: '/token',
        time: new Date().toISOString(),
        subject: customer.id,
        sequence: 1,
        type: 'rebelcore.calls.ApiCallRecorded.v2',
        correlationId: 'x',
        data: {},
      },
      customer.id,
    );
    customer.records.push({ topic: 'api.calls.token.v1', ...future });
    await audit.arrive(customer);
    expect(await stored(customer)).toEqual([]);
    await audit.owner.query(
      `update parked_record set headers = jsonb_set(headers, '{ce_type}', $2::jsonb), value = $3 where key = $1 and code = 'event.unknown-type'`,
      [customer.id, JSON.stringify(callEvents.wireType('ApiCallRecorded')), readable?.value],
    );
    await audit.projection.replayParked(activityHandlers);
    expect(await stored(customer)).toEqual(expected(customer));
  });
});

describe('records that Kafka has lost before the log had read them', () => {
  const incarnation = uuid();
  /** Nobody reads it: what is said of it here disturbs no consumer. */
  const topic = 'api.calls.forgetful.v1';
  const partitions = 3;
  /** Has the log find these records gone from the partition in which those of this customer lie. */
  const lose = async (key: string, from: bigint, to: bigint, of: { topic: string; partitions: number }) => {
    const begin = (low: bigint) =>
      audit.projection
        .offsets()
        .begin?.(
          { topic: of.topic, incarnation, partitions: Array(of.partitions).fill({ low, high: to }) },
          [partitionOf(key, of.partitions)],
          new Map(),
        );
    await begin(from);
    await begin(to);
    await begin(to);
  };
  const provisioned = () => {
    const customer = new Customer();
    const data = { name: 'Acme', ownerId: customer.ownerId, actor: { kind: 'operator' } } as const;
    return customer.identity('CustomerProvisioned', data, 'customer.provision');
  };
  const toldOf = (customer: Customer) => audit.walk(customer.id, '&event_type=log.gap');

  it('leave one entry with every customer whose they may have been, and with nobody else', async () => {
    const customers = Array.from({ length: 12 }, provisioned);
    await audit.arrive(...customers);
    const [first] = customers as [Customer];
    const partition = partitionOf(first.id, partitions);
    await lose(first.id, 0n, 20n, { topic, partitions });
    for (const customer of customers) {
      const entries = await toldOf(customer);
      expect(entries).toHaveLength(partitionOf(customer.id, partitions) === partition ? 1 : 0);
    }
    expect(await toldOf(first)).toEqual([
      expect.objectContaining({
        outcome: 'failed',
        description:
          `Calls that forgetful answered may be missing from this log: Kafka lost records 0 to 19 of ` +
          `${topic}/${partition} before it was written down here`,
        metadata: { topic, partition, topic_id: incarnation, kind: 'truncated', from: '0', to: '20' },
      }),
    ]);
  });

  it('are told to a customer that the log comes to know later, if it was there before, and to no other', async () => {
    const late = { topic: 'api.calls.late.v1', partitions };
    const [before, after] = [provisioned(), new Customer()];
    await lose(before.id, 0n, 20n, late);
    after.identity('PortalUserSignedIn', { portalUserId: after.ownerId }, 'session.sign_in');
    await audit.arrive(before, after);
    const partition = partitionOf(before.id, partitions);
    const told = (await toldOf(before)).map(({ metadata }) => metadata);
    expect(told.filter((each) => each['topic'] === late.topic)).toEqual([
      { topic: late.topic, partition, topic_id: incarnation, kind: 'truncated', from: '0', to: '20' },
    ]);
    expect(await toldOf(after)).toEqual([]);
  });

  it('are told to those whose they may have been before partitions were added, and after', async () => {
    const grown = 'api.calls.grown.v1';
    const customers = Array.from({ length: 24 }, provisioned);
    const [early, late] = [customers.slice(0, 12), customers.slice(12)];
    await audit.arrive(...early);
    const begin = (low: bigint, count: number) =>
      audit.projection
        .offsets()
        .begin?.(
          { topic: grown, incarnation, partitions: Array(count).fill({ low, high: 9n }) },
          [...Array(count).keys()],
          new Map(),
        );
    await begin(0n, partitions);
    await begin(9n, 5);
    await audit.arrive(...late);
    for (const customer of customers) {
      const concerned = new Set([partitions, 5].map((count) => partitionOf(customer.id, count)));
      const told = (await toldOf(customer)).filter(({ metadata }) => metadata['topic'] === grown);
      expect(new Set(told.map(({ metadata }) => metadata['partition']))).toEqual(concerned);
      expect(told).toHaveLength(concerned.size);
    }
  });

  it('are told to everybody where refusals lay whose customer only the log finds out', async () => {
    const customer = new Customer();
    customer.identity('PortalUserSignedIn', { portalUserId: customer.ownerId }, 'session.sign_in');
    await audit.arrive(customer);
    // Beyond the partitions that are read.
    const many = Array.from({ length: 50 }, (_, n) => n + 50).find((n) => partitionOf(UNATTRIBUTED, n) > 12) ?? 0;
    await lose(UNATTRIBUTED, 5n, 7n, { topic: 'api.calls.token.v1', partitions: many });
    const told = (await toldOf(customer)).map(({ metadata }) => metadata);
    expect(told).toContainEqual(expect.objectContaining({ topic: 'api.calls.token.v1', from: '5', to: '7' }));
  });
});
