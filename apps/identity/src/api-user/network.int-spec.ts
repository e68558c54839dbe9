import { until } from '@rebelcore/testing/until';
import { randomUUID } from 'node:crypto';
import { errorsOf, idOf, IdentityFixture, type TestCustomer } from '../identity.fixture-spec.js';

let identity: IdentityFixture;
let acme: TestCustomer;
let other: TestCustomer;
beforeAll(async () => {
  identity = await IdentityFixture.start();
  acme = await identity.customer();
  other = await identity.customer();
});
afterAll(() => identity.stop());

const eventsOf = (subject: string) => identity.events.filter((event) => event.subject === subject);
/** As subscribers see them, once there are so many. */
const published = (subject: string, count: number) =>
  until(() => eventsOf(subject).length >= count && eventsOf(subject), `${String(count)} events of ${subject}`);
const networksOf = (id: string) => `/api/v1/api-users/${id}/networks`;
const read = async (id: string) => (await acme.call('GET', networksOf(id))).body;
const set = (id: string, body: object, who = acme) => who.call('PUT', networksOf(id), { body });

const GIVEN = { authorize_networks: ['203.0.113.7', '2001:DB8::/32'], token_networks: ['::ffff:10.0.0.0/104'] };
const KEPT = { authorize_networks: ['203.0.113.7/32', '2001:db8::/32'], token_networks: ['10.0.0.0/8'] };
const ANYWHERE = { authorize_networks: [], token_networks: [] };
const CONFIRMED = { enforced_at: expect.any(String) as string };

it('are none at first, set together, told in full, and no event when they are the same', async () => {
  const id = idOf(await acme.mint());
  expect(await read(id)).toEqual(ANYWHERE);
  const answer = await set(id, GIVEN);
  expect([answer.status, answer.body]).toEqual([200, { ...KEPT, ...CONFIRMED }]);
  expect(await read(id)).toEqual(KEPT);
  const again = await set(id, { ...KEPT, authorize_networks: KEPT.authorize_networks.toReversed() });
  expect([again.status, again.headers.get('position')]).toEqual([200, answer.headers.get('position')]);
  expect((await set(id, ANYWHERE)).body).toEqual({ ...ANYWHERE, ...CONFIRMED });
  expect((await published(id, 3)).slice(1)).toMatchObject([
    {
      name: 'ApiUserNetworksChanged',
      sequence: Number(answer.headers.get('position')),
      data: {
        authorizeNetworks: KEPT.authorize_networks,
        tokenNetworks: KEPT.token_networks,
        actor: { kind: 'portal_user', id: acme.ownerId },
      },
    },
    { name: 'ApiUserNetworksChanged', data: { authorizeNetworks: [], tokenNetworks: [] } },
  ]);
});

it('are confirmed by the token service, and 202 says that they are not yet', async () => {
  const id = idOf(await acme.mint());
  identity.holdConfirmations();
  const answer = await set(id, GIVEN);
  expect([answer.status, answer.body]).toEqual([202, { ...KEPT, enforced_at: null }]);
  await identity.confirm();
  const again = await set(id, GIVEN);
  expect([again.status, again.body]).toEqual([200, { ...KEPT, ...CONFIRMED }]);
});

it('may come with the mint, by its one event, and its repetition must name the same', async () => {
  const request = randomUUID();
  const minted = await acme.mint(GIVEN, request);
  expect(minted.status).toBe(201);
  const id = idOf(minted);
  expect(await read(id)).toEqual(KEPT);
  const [created, ...more] = await published(id, 1);
  expect([created?.data, more]).toMatchObject([
    { authorizeNetworks: KEPT.authorize_networks, tokenNetworks: KEPT.token_networks },
    [],
  ]);
  const again = await acme.mint(KEPT, request);
  expect([again.status, idOf(again)]).toEqual([200, id]);
  expect((await acme.mint({ ...KEPT, token_networks: [] }, request)).body.code).toBe('idempotency-key.reused');
  // One without any says nothing of them, as before there were any.
  const [plain] = await published(idOf(await acme.mint()), 1);
  expect(Object.keys(plain?.data ?? {})).not.toEqual(expect.arrayContaining(['authorizeNetworks']));
});

it('are refused with field and rule, with the mint and later, and nothing is written', async () => {
  const id = idOf(await acme.mint());
  const wrong = { authorize_networks: ['10.0.0.0/8', '10.1.2.3/8', '10.0.0.0/8'], token_networks: ['nonsense'] };
  const errors = [
    400,
    [
      { field: 'authorize_networks.1', rule: 'must be 10.0.0.0/8 for the network, or 10.1.2.3/32 for the one address' },
      {
        field: 'token_networks.0',
        rule: 'must be an IP address, or a network such as 203.0.113.0/24 or 2001:db8::/32',
      },
    ],
  ];
  expect(errorsOf(await set(id, wrong))).toEqual(errors);
  expect(errorsOf(await acme.mint(wrong))).toEqual(errors);
  // Both, so that nobody lifts the one by leaving it out.
  expect(errorsOf(await set(id, { authorize_networks: [] }))).toEqual([
    400,
    [{ field: 'token_networks', rule: 'is required' }],
  ]);
  expect(eventsOf(id)).toHaveLength(1);
});

it('invariant 8: knows no id of another customer', async () => {
  const id = idOf(await acme.mint(KEPT));
  for (const unknown of [id, randomUUID(), 'not-an-id', acme.ownerId]) {
    const answers = [await other.call('GET', networksOf(unknown)), await set(unknown, ANYWHERE, other)];
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual(answers.map(() => [404, 'user.unknown']));
  }
  expect(await read(id)).toEqual(KEPT);
});
