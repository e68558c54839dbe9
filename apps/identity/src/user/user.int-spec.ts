import { until } from '@rebelcore/testing/until';
import { AGENT_ROLE, errorsOf, idOf, IdentityFixture, type TestCustomer } from '../identity.fixture-spec.js';

let identity: IdentityFixture;
let other: TestCustomer;
beforeAll(async () => {
  identity = await IdentityFixture.start();
  other = await identity.customer();
});
afterAll(() => identity.stop());

describe('the list of users', () => {
  type Item = Record<string, unknown> & { id: string };
  const list = async (customer: TestCustomer, query: string) => {
    const answer = await customer.call('GET', `/api/v1/users?${query}`);
    const { items, next_cursor, as_of } = answer.body as unknown as Record<string, unknown> & { items: Item[] };
    return { answer, items, next: next_cursor as string | null, asOf: as_of };
  };
  let customer: TestCustomer;
  let minted: string[];
  beforeAll(async () => {
    customer = await identity.customer();
    minted = [];
    for (const label of ['Alpha', 'Beta', '100% Gamma']) minted.unshift(idOf(await customer.mint({ label })));
  });

  // “Belong to a customer, like portal users”, “(synthetic address `<uuid>@api.rebelcore.local`, not a mailbox)”
  it('"lists the portal users and API users", newest first, and flags the owner, who "carries an OWNER badge"', async () => {
    const { items, next, asOf } = await list(customer, '');
    expect(items.map(({ id }) => id)).toEqual([...minted, customer.ownerId]);
    expect(items[0]).toEqual({
      id: minted[0],
      type: 'api',
      owner: false,
      status: 'active',
      leaked: false,
      label: '100% Gamma',
      replaces: null,
      replaced_by: [],
      username: `${String(minted[0])}@api.rebelcore.local`,
      role: { id: AGENT_ROLE, name: 'RebelCore_AgentUser' },
      created_at: expect.any(String) as unknown,
      enforced_at: expect.any(String) as unknown,
    });
    expect(items[3]).toMatchObject({ type: 'portal', owner: true, status: 'active', email: customer.email });
    expect([next, typeof asOf]).toEqual([null, 'string']);
  });

  it('waits while four of its customer are read, then is refused, and nobody else waits', async () => {
    const [mine, others] = [await identity.exchange(customer.cookie), await identity.exchange(other.cookie)];
    const ask = (path: string, { body }: typeof mine) =>
      identity.call('GET', path, { authorization: `Bearer ${String(body.token)}` });
    const holder = await identity.database.pool({ connectionString: identity.database.url, max: 1 }).connect();
    await holder.query('begin; lock table portal_user_private in access exclusive mode');
    const searches = Array.from({ length: 4 }, () => ask('/api/v1/users?q=zzzz', mine));
    const readers = `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%from user_v1%'`;
    await until(async () => (await identity.rows(readers)).length >= 4, 'the searches to be under way');

    const more = Array.from({ length: 8 }, () => ask('/api/v1/users', mine));
    expect((await ask('/api/v1/roles', others)).status).toBe(200);
    const refused = (await Promise.all(more)).map(({ status, headers, body }) =>
      [status, headers.get('retry-after'), body.code].join(' '),
    );
    expect([...new Set(refused)]).toEqual(['429 1 request.crowded']);

    await holder.query('commit');
    holder.release();
    expect((await Promise.all(searches)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });

  it('is filtered by type, status and a part of a name, taken literally', async () => {
    const ids = async (query: string) => (await list(customer, query)).items.map(({ id }) => id);
    expect(await ids('type=portal')).toEqual([customer.ownerId]);
    expect(await ids('type=api')).toEqual(minted);
    expect(await ids('q=bETa')).toEqual([minted[1]]);
    expect(await ids('q=%25')).toEqual([minted[0]]);
    expect(await ids('q=_')).toEqual([]);
    expect(await ids('q=&cursor=&status=&limit=&position=&type=portal')).toEqual([customer.ownerId]);
    expect(await ids(`q=${customer.email.slice(0, 20)}`)).toEqual([customer.ownerId]);
    await customer.call('POST', `/api/v1/users/${String(minted[2])}/deactivate`);
    expect(await ids('status=inactive')).toEqual([minted[2]]);
  });

  it('is searched in any case and composition of letters', async () => {
    const munich = idOf(await other.mint({ label: 'MU\u0308NCHEN' }));
    const istanbul = idOf(await other.mint({ label: 'İSTANBUL' }));
    const found = async (q: string) => (await list(other, `q=${encodeURIComponent(q)}`)).items.map(({ id }) => id);
    expect(await found('münchen')).toEqual([munich]);
    expect(await found('Mu\u0308nchen')).toEqual([munich]);
    expect(await found('istanbul')).toEqual([istanbul]);
    expect((await other.call('GET', `/api/v1/users/${munich}`)).body.label).toBe('MÜNCHEN');
  });

  it('goes on after a cursor, without gaps and repetitions', async () => {
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page = await list(customer, `limit=1${cursor && `&cursor=${cursor}`}`);
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.next;
    }
    expect(seen).toEqual([...minted, customer.ownerId]);
  });

  // S03, S04
  it('refuses a cursor that is changed, of other filters, or of another customer', async () => {
    const { next } = await list(customer, 'limit=1');
    const cursor = next ?? '';
    const refused = [
      [customer, `cursor=${cursor.slice(1)}0`],
      [customer, `cursor=${cursor}&type=api`],
      [other, `cursor=${cursor}`],
    ] as const;
    for (const [who, query] of refused) {
      const { status, body } = (await list(who, query)).answer;
      expect([status, body.code, body.errors]).toEqual([
        400,
        'cursor.invalid',
        [{ field: 'cursor', rule: 'is not a cursor of this list' }],
      ]);
    }
  });

  it('invariant 5: holds what was written at a position, and refuses one beyond the last write', async () => {
    const answer = await customer.mint();
    const position = Number(answer.headers.get('position'));
    expect((await list(customer, `position=${String(position)}`)).items[0]?.id).toBe(idOf(answer));
    expect((await list(customer, `position=${String(position + 100)}`)).answer).toMatchObject({
      status: 400,
      body: { code: 'position.unknown' },
    });
  });

  it.each([
    ['type=robot', 'type', 'must be portal or api'],
    ['status=gone', 'status', 'must be active or inactive'],
    ['limit=0', 'limit', 'must be from 1 to 200'],
    ['limit=1e2', 'limit', 'must be a whole number'],
    ['q=a%00b', 'q', 'must not contain NUL or half a surrogate pair'],
    ['limit=0x10', 'limit', 'must be a whole number'],
    ['limit=%2B5', 'limit', 'must be a whole number'],
    ['customer_id=1', 'customer_id', 'is not a known field'],
  ])('refuses %s', async (query, field, rule) => {
    expect(errorsOf((await list(customer, query)).answer)).toEqual([400, [{ field, rule }]]);
  });

  // “Lists the portal users and API users of one’s own customer only”
  it('invariant 8: "of one’s own customer only": holds nobody of another customer', async () => {
    const ids = (await list(other, 'limit=200')).items.map(({ id }) => id);
    expect(ids).toContain(other.ownerId);
    for (const id of [...minted, customer.ownerId]) expect(ids).not.toContain(id);
  });
});

it('one user says which API users replace it, and is the same as in the list', async () => {
  const customer = await identity.customer();
  const old = idOf(await customer.mint());
  const next = idOf(await customer.mint({ replaces: old }));
  const find = async (id: string) => (await customer.call('GET', `/api/v1/users/${id}`)).body;
  expect(await find(old)).toMatchObject({ replaces: null, replaced_by: [next] });
  expect(await find(next)).toMatchObject({ replaces: old, replaced_by: [] });
  const { items } = (await customer.call('GET', '/api/v1/users')).body;
  expect(items).toEqual([await find(next), await find(old), await find(customer.ownerId)]);
});
