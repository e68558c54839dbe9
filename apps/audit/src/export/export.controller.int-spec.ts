import { recordedCalls } from '@rebelcore/testing/recorded-calls';
import { testKafka } from '@rebelcore/testing/test-kafka';
import { until } from '@rebelcore/testing/until';
import { once } from 'node:events';
import { request as send, type ClientRequest, type IncomingMessage } from 'node:http';
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

/** Keeps everybody from reading the log, until it is unlocked. */
async function lockedLog() {
  const holder = await audit.owner.connect();
  await holder.query('begin; lock table activity in access exclusive mode');
  return {
    /** The database's processes that wait to read it. */
    readers: async (): Promise<number[]> => {
      const { rows } = await audit.owner.query<{ pid: number }>(`select pid from pg_stat_activity
        where wait_event_type = 'Lock' and query like 'select%order by occurred_at desc%'`);
      return rows.map(({ pid }) => pid);
    },
    unlock: async (): Promise<void> => {
      await holder.query('commit');
      holder.release();
    },
  };
}

async function recorded() {
  const kafka = testKafka();
  const calls = await recordedCalls(kafka.client(), 'audit');
  await kafka.close();
  return calls;
}

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
    const begin = (method = 'GET', id = customer.id): ClientRequest => {
      const headers = { authorization: `Bearer ${audit.token(id)}` };
      const url = `${audit.replicas[0]?.url ?? ''}/api/v1/activity/export?format=csv`;
      const request = send(url, { method, headers, agent: false });
      return request.on('error', () => undefined).end();
    };
    const answerTo = async (begun: ClientRequest): Promise<IncomingMessage> => {
      const [answer] = (await once(begun, 'response')) as [IncomingMessage];
      await once(answer.resume(), 'end');
      return answer;
    };
    const statusOf = async (begun: ClientRequest) => (await answerTo(begun)).statusCode;
    const log = await lockedLog();

    const head = await answerTo(begin('HEAD'));
    expect([head.statusCode, head.headers['content-type']]).toEqual([200, 'text/csv; charset=utf-8']);
    const exports = [begin(), begin(), begin(), begin()];
    await until(async () => (await log.readers()).length === 4, 'four readers');
    const refused = await audit.ask('/api/v1/activity/export?format=csv', audit.token(customer.id));
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5']);
    expect(refused.body).toMatchObject({ code: 'activity.too-many-exports' });
    expect(await statusOf(begin('HEAD'))).toBe(200);
    const other = statusOf(begin('GET', new Customer().id));
    await until(async () => (await log.readers()).length === 5, 'a reader of another customer');

    for (const begun of exports) begun.destroy();
    expect(await statusOf(begin())).toBe(429);
    expect(await log.readers()).toHaveLength(5);
    await log.unlock();
    expect(await other).toBe(200);
    await until(async () => (await statusOf(begin())) === 200, 'a place');
  });

  it.each(['csv', 'ndjson'])('that cannot be begun is a 503, and one entry: %s', async (format) => {
    const log = await lockedLog();
    const asked = exported(`format=${format}`);
    await until(async () => (await log.readers()).length === 1, 'its reader');
    await audit.owner.query('select pg_cancel_backend(pid) from unnest($1::int[]) as pid', [await log.readers()]);
    await log.unlock();
    const { answer, text } = await asked;
    expect([answer.status, JSON.parse(text)]).toEqual([503, expect.objectContaining({ code: 'service.unavailable' })]);
    const id = answer.headers.get('x-correlation-id');
    expect((await recorded()).filter(({ correlationId }) => correlationId === id)).toEqual([
      expect.objectContaining({ status: 503, outcome: 'failed', customerId: customer.id }),
    ]);
    expect(answer.headers.get('content-disposition')).toBeNull();
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
    expect(await recorded()).toContainEqual(
      expect.objectContaining({
        route: 'GET /api/v1/activity/export',
        status: 200,
        customerId: customer.id,
        portalUserId: expect.any(String) as unknown,
      }),
    );
  });
});
