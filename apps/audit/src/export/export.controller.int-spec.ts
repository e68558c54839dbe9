import { recordedCalls } from '@rebelcore/testing/recorded-calls';
import { testKafka } from '@rebelcore/testing/test-kafka';
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
