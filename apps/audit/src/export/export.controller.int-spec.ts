import { recordedCalls } from '@rebelcore/testing/recorded-calls';
import { testKafka } from '@rebelcore/testing/test-kafka';
import { until } from '@rebelcore/testing/until';
import { once } from 'node:events';
import { request as send, type IncomingMessage } from 'node:http';
import { AuditFixture, Customer, type Answer } from '../audit.fixture-spec.js';

let audit: AuditFixture;
let customer: Customer;
beforeAll(async () => {
  audit = await AuditFixture.start();
  ({ customer } = new Customer().wholeStory());
  customer.calls(...Array.from({ length: 2_500 }, () => ({})));
  await audit.arrive(customer);
});
afterAll(() => audit.stop());

const exported = async (query: string, token = audit.token(customer.id)) => {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${audit.replicas[0]?.url ?? ''}/api/v1/activity/export?${query}`, { headers });
  return { answer, text: await answer.text() };
};

describe('an export of the log', () => {
  it('holds every entry that the list has, in its order, however many pages that takes', async () => {
    const { answer, text } = await exported('format=ndjson');
    const entries = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Answer['body']['items'][number]);
    // The export is an entry by now, or not yet.
    const list = await audit.walk(customer.id, '', 100);
    expect(entries).toEqual(list.filter(({ event_type }) => event_type !== 'activity.export'));
    expect(answer.headers.get('content-disposition')).toMatch(/^attachment; filename="activity-[\d-]+\.ndjson"$/);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('holds exactly what the filters let through', async () => {
    const { text } = await exported('format=csv&event_type=api_user.deactivate,api_user.reactivate');
    const lines = text.trimEnd().split('\r\n');
    expect(lines[0]).toMatch(/^id,occurred_at,/);
    expect(
      lines
        .slice(1)
        .map((line) => line.split(',')[2])
        .sort(),
    ).toEqual(['api_user.deactivate', 'api_user.reactivate']);
  });

  it('is for those who may read the log, and of their own customer', async () => {
    expect(
      (await exported('format=csv', audit.token(customer.id, { owner: false, permissions: [] }))).answer.status,
    ).toBe(403);
    const other = await exported('format=ndjson', audit.token(new Customer().id));
    expect([other.answer.status, other.text]).toEqual([200, '']);
  });

  it('reads the log for GET alone, and at most four times at once for one customer', async () => {
    const begin = async (method = 'GET', id = customer.id): Promise<IncomingMessage> => {
      const headers = { authorization: `Bearer ${audit.token(id)}` };
      const url = `${audit.replicas[0]?.url ?? ''}/api/v1/activity/export?format=csv`;
      const request = send(url, { method, headers, agent: false }).on('error', () => undefined);
      const [answer] = (await once(request.end(), 'response')) as [IncomingMessage];
      return answer;
    };
    const statusOf = async (asked: Promise<IncomingMessage>) => (await asked).resume().statusCode;
    const holder = await audit.owner.connect();
    await holder.query('begin; lock table activity in access exclusive mode');
    const readers = `select count(*)::int as waiting from pg_stat_activity
      where wait_event_type = 'Lock' and query like 'select%order by occurred_at desc%'`;
    const waiting = async () => (await audit.owner.query<{ waiting: number }>(readers)).rows[0]?.waiting;

    const head = await begin('HEAD');
    expect(head.headers['content-type']).toBe('text/csv; charset=utf-8');
    const exports = [await begin(), await begin(), await begin(), await begin()];
    expect(exports.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200]);
    await until(async () => (await waiting()) === 4, 'four readers');
    const refused = await audit.ask('/api/v1/activity/export?format=csv', audit.token(customer.id));
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5']);
    expect(refused.body).toMatchObject({ code: 'activity.too-many-exports' });
    expect(await statusOf(begin('HEAD'))).toBe(200);
    const other = await begin('GET', new Customer().id);
    expect(other.statusCode).toBe(200);

    for (const begun of exports) begun.destroy();
    await until(async () => (await waiting()) === 5, 'their queries and that of the other customer');
    expect(await statusOf(begin())).toBe(429);
    await holder.query('commit');
    holder.release();
    other.resume();
    await until(async () => (await statusOf(begin())) === 200, 'a place');
  });

  it.each(['', 'format=xlsx', 'format=csv&limit=5', 'format=csv&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z'])(
    'refuses %j',
    async (query) => {
      const { answer, text } = await exported(query);
      expect([answer.status, JSON.parse(text)]).toEqual([400, expect.objectContaining({ code: 'request.invalid' })]);
    },
  );

  it('is itself recorded', async () => {
    await exported('format=csv&user_id=' + customer.ownerId);
    const kafka = testKafka();
    const recorded = (await recordedCalls(kafka.client(), 'audit')).filter(
      ({ customerId }) => customerId === customer.id,
    );
    await kafka.close();
    expect(recorded).toContainEqual(
      expect.objectContaining({
        route: 'GET /api/v1/activity/export',
        status: 200,
        portalUserId: expect.any(String) as unknown,
      }),
    );
  });
});
