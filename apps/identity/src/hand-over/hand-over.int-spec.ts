import { until } from '@rebelcore/testing/until';
import { randomBytes, randomUUID } from 'node:crypto';
import { errorsOf, idOf, IdentityFixture, type TestCustomer } from '../identity.fixture-spec.js';
import { HandOvers } from './hand-overs.js';

let identity: IdentityFixture;
let acme: TestCustomer;
let other: TestCustomer;
let apiUserId: string;
beforeAll(async () => {
  identity = await IdentityFixture.start();
  acme = await identity.customer();
  other = await identity.customer();
  apiUserId = idOf(await acme.mint());
});
afterAll(() => identity.stop());

const cipher = () => randomBytes(180).toString('base64url');
const make = (ciphertext = cipher(), of = apiUserId) =>
  acme.call('POST', `/api/v1/api-users/${of}/hand-overs`, { body: { ciphertext } });
const open = (id: string, headers: Record<string, string> = {}) =>
  identity.call('POST', `/api/v1/hand-overs/${id}/open`, headers);
const withdraw = (id: string, customer = acme) => customer.call('DELETE', `/api/v1/hand-overs/${id}`);
const listed = async (id: string) => {
  const { body } = await acme.call('GET', `/api/v1/api-users/${apiUserId}/hand-overs`);
  return (body.items as unknown as Record<string, unknown>[]).find((item) => item.id === id);
};
/** Everywhere in the database. */
const isStored = async (ciphertext: string): Promise<boolean> => {
  const tables = await identity.rows(`select tablename from pg_tables where schemaname = 'public'`);
  const found = await Promise.all(
    tables.map(({ tablename }) => identity.rows(`select t::text from ${String(tablename)} t`)),
  );
  return JSON.stringify(found).includes(ciphertext);
};
const expire = (id: string) =>
  identity.rows(`update hand_over set expires_at = now() - interval '1 second' where id = '${id}'`);
const failuresOf = (id: string) =>
  identity.calls
    .flatMap(({ data }) => data.calls.map((call) => ({ ...call, customerId: data.customerId })))
    .filter(
      ({ route, apiUserId: whose, callerCorrelationId }) =>
        route === 'POST /api/v1/hand-overs/:id/open' && whose === apiUserId && callerCorrelationId === id,
    );

describe('a hand-over link', () => {
  it('opens once for whoever holds it, within an hour, and its maker sees from where', async () => {
    const ciphertext = cipher();
    const made = await make(ciphertext);
    const id = idOf(made);
    expect([made.status, made.body]).toEqual([
      201,
      { id: expect.any(String) as string, expires_at: expect.any(String) as string, status: 'waiting' },
    ]);
    expect(Date.parse(String(made.body.expires_at)) - Date.now()).toBeLessThanOrEqual(3_600_000);
    expect(Date.parse(String(made.body.expires_at)) - Date.now()).toBeGreaterThan(3_590_000);
    expect(await isStored(ciphertext)).toBe(true);

    const opened = await open(id, { 'x-forwarded-for': '192.0.2.7' });
    expect([opened.status, opened.body, opened.headers.get('cache-control')]).toEqual([
      200,
      { ciphertext },
      'no-store',
    ]);
    expect(await isStored(ciphertext)).toBe(false);
    expect(await listed(id)).toMatchObject({ status: 'opened', opened_ip: '192.0.2.7', failed_openings: 0 });

    const told = () => identity.events.filter(({ data }) => 'handOverId' in data && data.handOverId === id);
    await until(() => told().length === 2, 'both events on the topic');
    expect(told().map(({ name }) => name)).toEqual(['HandOverCreated', 'HandOverOpened']);
    const published = JSON.stringify(identity.events);
    expect(published).not.toContain(ciphertext);
    expect(published).not.toContain('192.0.2.7');
  });

  it('opens for one of sixteen at the same moment', async () => {
    const ciphertext = cipher();
    const id = idOf(await make(ciphertext));
    const answers = await Promise.all(Array.from({ length: 16 }, () => open(id)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(15).fill(410)]);
    expect(answers.filter(({ body }) => 'ciphertext' in body)).toHaveLength(1);
    expect(await listed(id)).toMatchObject({ status: 'opened', failed_openings: 15 });
  });

  it.each([
    ['opened', 'If it was not you, tell whoever sent it.', (id: string) => open(id)],
    ['withdrawn', 'nobody has opened it', (id: string) => withdraw(id)],
    ['expired', 'nobody has opened it', (id: string) => expire(id)],
  ])(
    'that is %s says so: “%s”; each try is recorded for the customer and shown to its maker',
    async (how, told, end) => {
      const id = idOf(await make());
      await end(id);
      if (how === 'expired') await identity.app.get(HandOvers).sweep();
      const answer = await open(id, { 'x-correlation-id': id });
      expect([answer.status, answer.body.code, answer.body.detail]).toEqual([
        410,
        `hand-over.${how}`,
        expect.stringContaining(told) as string,
      ]);
      await open(id, { 'x-correlation-id': id });
      expect(await listed(id)).toMatchObject({
        status: how,
        failed_openings: 2,
        last_failed_at: expect.any(String) as string,
      });
      await until(() => failuresOf(id).length === 2, 'the records of both tries');
      expect(failuresOf(id)[0]).toMatchObject({
        customerId: acme.id,
        apiUserId,
        reason: `hand-over.${how}`,
        outcome: 'refused',
      });
    },
  );

  it('is forgotten by the sweep once it has expired, and no other', async () => {
    const [late, early] = [cipher(), cipher()];
    const id = idOf(await make(late));
    await make(early);
    await expire(id);
    await identity.app.get(HandOvers).sweep();
    expect([await isStored(late), await isStored(early)]).toEqual([false, true]);
  });

  it('is withdrawn by its maker, twice as well as once, and not after it was opened', async () => {
    const ciphertext = cipher();
    const id = idOf(await make(ciphertext));
    const first = await withdraw(id);
    expect([first.status, Number(first.headers.get('position'))]).toEqual([204, expect.any(Number) as number]);
    expect(await isStored(ciphertext)).toBe(false);
    expect((await withdraw(id)).headers.get('position')).toBe(first.headers.get('position'));
    const openedId = idOf(await make());
    await open(openedId);
    expect(await withdraw(openedId)).toMatchObject({ status: 409, body: { code: 'hand-over.opened' } });
  });

  it('invariant 8: is unknown to another customer', async () => {
    const id = idOf(await make());
    expect(await withdraw(id, other)).toMatchObject({ status: 404, body: { code: 'hand-over.unknown' } });
    const path = `/api/v1/api-users/${apiUserId}/hand-overs`;
    expect(await other.call('GET', path)).toMatchObject({ status: 404, body: { code: 'user.unknown' } });
    expect(await other.call('POST', path, { body: { ciphertext: cipher() } })).toMatchObject({
      status: 404,
      body: { code: 'user.unknown' },
    });
    expect((await listed(id))?.status).toBe('waiting');
  });

  it('that never was is not found, by an id or by no id', async () => {
    for (const id of [randomUUID(), 'x', '%00']) {
      expect(await open(id)).toMatchObject({ status: 404, body: { code: 'hand-over.unknown' } });
    }
    expect(await make(cipher(), randomUUID())).toMatchObject({ status: 404, body: { code: 'user.unknown' } });
  });

  it.each([
    ['nothing', undefined, 'is required'],
    ['a number', 7, 'must be a string'],
    ['an empty text', '', 'must be base64url without padding'],
    ['base64 with padding', 'a+b=', 'must be base64url without padding'],
    ['more than 8192 characters', 'a'.repeat(8_193), 'must be at most 8192 characters'],
  ])('does not take %s', async (_, ciphertext, rule) => {
    const answer = await acme.call('POST', `/api/v1/api-users/${apiUserId}/hand-overs`, { body: { ciphertext } });
    expect(errorsOf(answer)).toEqual([400, [{ field: 'ciphertext', rule }]]);
  });
});
