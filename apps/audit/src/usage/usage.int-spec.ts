import { randomUUIDv7 as uuid } from 'node:crypto';
import type { Call } from '@rebelcore/contracts/call-events';
import { until } from '@rebelcore/testing/until';
import { AuditFixture, byPrincipal, Customer } from '../audit.fixture-spec.js';

let audit: AuditFixture;
beforeAll(async () => {
  audit = await AuditFixture.start();
});
afterAll(async () => {
  await audit.stop();
});

interface Usage {
  readonly id: string;
  readonly calls_30d: number;
  readonly flags: string[];
  readonly [member: string]: unknown;
}

const HOUR = 3_600_000;
const ago = (hours: number) => new Date(Date.now() - hours * HOUR).toISOString();
const usageOf = async (customer: Customer, id: string) =>
  (await audit.ask(`/api/v1/api-users/${id}/usage`, audit.token(customer.id))).body as unknown as Usage;
const listed = async (customer: Customer, query = '') => {
  const { body } = await audit.ask(`/api/v1/api-users/usage?${query}`, audit.token(customer.id));
  return body.items as unknown as Usage[];
};
/** Publishes, and waits until nothing is pending any more. */
async function arrive(...customers: Customer[]): Promise<void> {
  await audit.arrive(...customers);
  await settled();
}
const settled = () =>
  until(async () => (await audit.owner.query('select from usage_pending')).rowCount === 0, 'usage to be up to date');

/** An API user of this customer, and these calls of it. */
function apiUser(customer: Customer, ...calls: Partial<Call>[]): string {
  const apiUserId = uuid();
  const role = { id: '0198a1de-0000-7000-8000-000000000003', name: 'RebelCore_AgentUser' };
  const actor = { kind: 'portal_user', id: customer.ownerId } as const;
  const username = `${apiUserId}@api.rebelcore.local`;
  customer.identity('ApiUserCreated', { apiUserId, username, role, actor }, 'api_user.create');
  if (calls.length > 0) customer.calls(...calls.map((call) => ({ apiUserId, ...call })));
  return apiUserId;
}
const refused = { status: 401, outcome: 'refused', reason: 'api-user.wrong-password' } as const;
const inADay = () => Math.floor(Date.now() / 1000) + 86_400;

describe('the usage of an API user', () => {
  it('tells last use and last refusal, calls by the hour, callers, and the tokens that live', async () => {
    const customer = new Customer();
    const [used, last, expiry] = [ago(50), ago(1), inADay()];
    const id = apiUser(
      customer,
      { at: last, ip: '10.0.0.2', userAgent: 'java', tokenId: 'b', tokenExpiresAt: expiry },
      { at: used, tokenId: 'a', tokenExpiresAt: expiry - 3_600 },
      { at: ago(200), tokenId: 'c', tokenExpiresAt: Math.floor(Date.now() / 1000) - 60 },
      { at: ago(800), route: 'POST /api/v1/infer' },
      { ...refused, at: ago(2), ip: '10.0.0.9' },
      { at: ago(0), status: 503, outcome: 'failed' },
    );
    await arrive(customer);
    const usage = await usageOf(customer, id);
    expect(usage).toEqual({
      id,
      last_used_at: last,
      last_used_ip: '10.0.0.2',
      last_used_agent: 'java',
      last_refused_at: expect.any(String) as string,
      last_refused_ip: '10.0.0.9',
      last_refused_reason: 'api-user.wrong-password',
      calls_30d: 3,
      refused_30d: 1,
      live_tokens: 2,
      last_expiry: new Date(expiry * 1000).toISOString(),
      hours: expect.arrayContaining([{ at: `${used.slice(0, 13)}:00:00.000Z`, calls: 1, refused: 0 }]) as object,
      callers: [
        { ip: '10.0.0.2', user_agent: 'java', first_at: last, last_at: last, calls: 1, refused: 0 },
        expect.objectContaining({ ip: '10.0.0.1', user_agent: 'test', last_at: used, calls: 3 }),
        expect.objectContaining({ ip: '10.0.0.9', calls: 0, refused: 1 }),
      ],
      flags: ['refused_from_new_place'],
      as_of: usage.as_of,
    });
  });

  it('shows a caller that was let in before however many were refused since, and where a refusal came from a new place', async () => {
    const customer = new Customer();
    const at = ago(1);
    const guesses = Array.from({ length: 25 }, (_, n) => ({ ...refused, at, userAgent: `guess ${n}` }));
    const id = apiUser(customer, { at: ago(2), userAgent: 'application' }, ...guesses);
    await arrive(customer);
    const { callers, flags } = await usageOf(customer, id);
    const agents = (callers as { user_agent: string }[]).map(({ user_agent }) => user_agent);
    expect([agents.length, agents[0], agents[1]]).toEqual([20, 'application', 'guess 0']);
    expect(flags).toEqual([]);
  });

  it('forgets a caller that was never let in 30 days after its last refusal', async () => {
    const customer = new Customer();
    const [long, lately] = [ago(31 * 24), ago(29 * 24)];
    const id = apiUser(
      customer,
      { at: long, userAgent: 'application' },
      { ...refused, at: long, userAgent: 'long ago' },
      { ...refused, at: lately, userAgent: 'lately' },
    );
    await arrive(customer);
    await audit.owner.query('select forget_usage()');
    const { callers } = await usageOf(customer, id);
    expect(callers).toMatchObject([{ user_agent: 'application' }, { user_agent: 'lately' }]);
  });

  it('invariant 3: redelivery, and duplicates published anew, change nothing', async () => {
    const customer = new Customer();
    const calls = Array.from({ length: 30 }, (_, n) => ({ at: ago(n), tokenId: 'x', tokenExpiresAt: inADay() }));
    const id = apiUser(customer, ...calls);
    await arrive(customer);
    const before = await usageOf(customer, id);
    expect([before.calls_30d, before.live_tokens]).toEqual([30, 30]);
    const duplicates = [...customer.records];
    // A record that holds an entry twice, and one that nobody has had yet beside it.
    customer.records.length = 0;
    const call = { id: uuid(), apiUserId: id, at: ago(3) };
    customer.calls(call, call);
    for (const [principal, records] of byPrincipal([...duplicates, ...customer.records, ...duplicates])) {
      await audit.owner.query('delete from applied_sequence; update consumer_offset set next_offset = 0');
      await audit.processed(await audit.publish(principal, records));
    }
    await settled();
    const after = await usageOf(customer, id);
    expect([after.calls_30d, after.live_tokens, after.last_used_at]).toEqual([31, 30, before.last_used_at]);
  });

  it('of many at once, without those of other customers', async () => {
    const [customer, other] = [new Customer(), new Customer()];
    const [mine, idle, foreign] = [apiUser(customer, {}), apiUser(customer), apiUser(other, {})];
    await arrive(customer, other);
    const post = async (ids: unknown, of = customer.id) => {
      const headers = { authorization: `Bearer ${audit.token(of)}`, 'content-type': 'application/json' };
      const answer = await fetch(`${audit.replicas[0]?.url ?? ''}/api/v1/api-users/usage`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ ids }),
      });
      return { status: answer.status, body: (await answer.json()) as { items: Usage[]; errors: { field: string }[] } };
    };
    const { status, body } = await post([mine.toUpperCase(), idle, foreign, uuid()]);
    expect(status).toBe(200);
    expect(Object.fromEntries(body.items.map((item) => [item.id, item.calls_30d]))).toEqual({ [mine]: 1, [idle]: 0 });
    for (const bad of [[], Array.from({ length: 101 }, () => uuid()), ['x'], 'x', undefined]) {
      const answer = await post(bad);
      expect([answer.status, answer.body.errors[0]?.field.split('.')[0]]).toEqual([400, 'ids']);
    }
    const unknown = await audit.ask(`/api/v1/api-users/${foreign}/usage`, audit.token(customer.id));
    expect([unknown.status, unknown.body.code]).toEqual([404, 'api-user.unknown']);
  });

  it('is for the Super Admin alone', async () => {
    const customer = new Customer();
    const auditor = audit.token(customer.id, { owner: false, permissions: ['can_view_activity', 'can_add_users'] });
    for (const path of ['usage', `${uuid()}/usage`]) {
      expect((await audit.ask(`/api/v1/api-users/${path}`, auditor)).status).toBe(403);
      expect((await audit.ask(`/api/v1/api-users/${path}`, undefined)).status).toBe(401);
    }
  });
});

describe('silence', () => {
  it('marks API users that are unused, were never used, have stopped calling, or were refused from a new place', async () => {
    const customer = new Customer();
    const hourly = (from: number, to: number) => Array.from({ length: from - to }, (_, n) => ({ at: ago(to + n) }));
    const users = {
      lively: apiUser(customer, ...hourly(20, 0), { ...refused, at: ago(0) }),
      never: apiUser(customer),
      unused: apiUser(customer, { at: ago(24 * 31) }),
      stopped: apiUser(customer, ...hourly(50, 26)),
      // A night without it is nothing yet.
      nightly: apiUser(customer, ...Array.from({ length: 12 }, (_, n) => ({ at: ago(30 + 24 * n) }))),
      attacked: apiUser(customer, { at: ago(2) }, { ...refused, at: ago(1), ip: '203.0.113.7' }),
      retired: apiUser(customer),
    };
    const actor = { kind: 'portal_user', id: customer.ownerId } as const;
    customer.identity('ApiUserDeactivated', { apiUserId: users.retired, actor }, 'api_user.deactivate');
    await arrive(customer);
    const flags = Object.fromEntries((await listed(customer)).map((item) => [item.id, item.flags]));
    expect(Object.fromEntries(Object.entries(users).map(([name, id]) => [name, flags[id]]))).toEqual({
      lively: [],
      never: ['never_used'],
      unused: ['unused'],
      stopped: ['stopped_calling'],
      nightly: [],
      attacked: ['refused_from_new_place'],
      retired: ['never_used'],
    });
    const having = async (query: string) => (await listed(customer, query)).map(({ id }) => id);
    expect(await having('flag=never_used')).toEqual([users.never]);
    expect(await having('flag=unused')).toEqual([users.unused]);
    expect((await having('flag=unused&unused_days=1')).sort()).toEqual(
      [users.unused, users.stopped, users.nightly].sort(),
    );
    expect(await having('flag=stopped_calling')).toEqual([users.stopped]);
    expect(await having('flag=refused_from_new_place')).toEqual([users.attacked]);
  });

  it('walks the list, newest first, by cursors of this filter alone', async () => {
    const customer = new Customer();
    const ids = Array.from({ length: 5 }, () => apiUser(customer));
    await arrive(customer);
    const walked: string[] = [];
    let cursor = '';
    do {
      const { body } = await audit.ask(
        `/api/v1/api-users/usage?flag=never_used&limit=2${cursor}`,
        audit.token(customer.id),
      );
      walked.push(...body.items.map(({ id }) => id));
      cursor = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`;
      if (cursor === '') continue;
      const elsewhere = await audit.ask(`/api/v1/api-users/usage?flag=unused${cursor}`, audit.token(customer.id));
      expect(elsewhere.body.code).toBe('cursor.invalid');
    } while (cursor !== '');
    expect(walked).toEqual(ids.toSorted().toReversed());
    for (const [query, field] of [
      ['flag=x', 'flag'],
      ['unused_days=0', 'unused_days'],
      ['limit=1e2', 'limit'],
      ['ids=x', 'ids'],
    ]) {
      const { status, body } = await audit.ask(`/api/v1/api-users/usage?${query ?? ''}`, audit.token(customer.id));
      expect([status, (body.errors as { field: string }[])[0]?.field]).toEqual([400, field]);
    }
  });
});
