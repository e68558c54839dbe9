import { testPair } from '@rebelcore/testing/client-assertions';
import { until } from '@rebelcore/testing/until';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
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
const jwk = (alg: 'ES256' | 'EdDSA' = 'EdDSA') => testPair(alg).publicJwk;
const keysOf = (id: string) => `/api/v1/api-users/${id}/keys`;
const add = (id: string, key: unknown, who = acme) => who.call('POST', keysOf(id), { body: { public_key: key } });
const kidsOf = async (id: string) => {
  const { body } = await acme.call('GET', keysOf(id));
  return (body.items as unknown as { kid: string }[]).map(({ kid }) => kid);
};

it('are registered, listed, published and removed, two at a time', async () => {
  const id = idOf(await acme.mint());
  const mine = jwk('ES256');
  const first = await add(id, { ...mine, kid: 'mine', use: 'sig' });
  const enforced_at = expect.any(String) as string;
  expect(first).toMatchObject({ status: 201, body: { alg: 'ES256', public_key: mine, enforced_at } });
  const kid = String(first.body.kid);
  expect(await acme.call('GET', keysOf(id))).toMatchObject({
    status: 200,
    body: { items: [{ kid, alg: 'ES256', public_key: mine, added_at: first.body.added_at }], next_cursor: null },
  });
  // As a PEM, and as text; the same key again is no second one.
  const pem = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' });
  const second = await add(id, pem);
  expect([second.status, (await add(id, pem)).status, (await add(id, JSON.stringify(mine))).status]).toEqual([
    201, 200, 200,
  ]);
  expect(await add(id, jwk())).toMatchObject({ status: 409, body: { code: 'api-user.too-many-keys' } });
  expect((await acme.call('DELETE', `${keysOf(id)}/${kid}`)).status).toBe(204);
  expect(await acme.call('DELETE', `${keysOf(id)}/${kid}`)).toMatchObject({
    status: 404,
    body: { code: 'api-user.key-unknown' },
  });
  expect((await add(id, jwk())).status).toBe(201);
  expect((await kidsOf(id))[0]).toBe(second.body.kid);
  expect(
    (await published(id, 5)).map(({ name, data }) => [name, 'key' in data ? data.key.kid : 'kid' in data && data.kid]),
  ).toEqual([
    ['ApiUserCreated', false],
    ['ApiUserKeyAdded', kid],
    ['ApiUserKeyAdded', second.body.kid],
    ['ApiUserKeyRemoved', kid],
    ['ApiUserKeyAdded', (await kidsOf(id))[1]],
  ]);
});

it('may come with the mint, whose repetition must name the same', async () => {
  const keys = [jwk(), jwk('ES256')];
  const request = randomUUID();
  const minted = await acme.mint({ public_keys: keys }, request);
  expect(minted.status).toBe(201);
  const id = idOf(minted);
  expect(await kidsOf(id)).toHaveLength(2);
  const events = await published(id, 3);
  expect(events.map(({ name }) => name)).toEqual(['ApiUserCreated', 'ApiUserKeyAdded', 'ApiUserKeyAdded']);
  expect(Number(minted.headers.get('position'))).toBe(events.at(-1)?.sequence);
  const again = await acme.mint({ public_keys: keys }, request);
  expect([again.status, idOf(again)]).toEqual([200, id]);
  expect((await acme.mint({ public_keys: keys.slice(1) }, request)).body.code).toBe('idempotency-key.reused');
  expect((await acme.call('POST', `/api/v1/users/${id}/reactivate`)).status).toBe(200);
});

it('are confirmed by the token service, and 202 says that they are not yet', async () => {
  const id = idOf(await acme.mint());
  const { body: before } = await acme.call('GET', `/api/v1/users/${id}`);
  const kid = String((await add(id, jwk())).body.kid);
  // Since when its status is in force has nothing to do with that.
  expect((await acme.call('GET', `/api/v1/users/${id}`)).body.enforced_at).toBe(before.enforced_at);
  identity.holdConfirmations();
  const other = jwk();
  const [added, removed] = await Promise.all([add(id, other), acme.call('DELETE', `${keysOf(id)}/${kid}`)]);
  expect(added).toMatchObject({ status: 202, body: { enforced_at: null } });
  expect([removed.status, removed.body]).toEqual([202, { enforced_at: null }]);
  await identity.confirm();
  expect(await add(id, other)).toMatchObject({ status: 200, body: { enforced_at: expect.any(String) as string } });
});

const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'pem' });
const privateKey = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
it.each<[string, unknown, string]>([
  ['a weak key', weak, 'must have 2048 to 4096 bits'],
  [
    'another curve',
    { kty: 'EC', crv: 'P-384', x: 'AA', y: 'AA' },
    'must be the public key of an EC pair on P-256, of an Ed25519 pair or of an RSA pair; this one cannot be read',
  ],
  [
    'a private key',
    privateKey,
    'must be the public key alone; make another pair, since the private key of this one was sent',
  ],
  [
    'a secret',
    { kty: 'oct', k: 'AA' },
    'must be the public key alone; make another pair, since the private key of this one was sent',
  ],
  ['text', 'nonsense', 'must be a JWK or a PEM'],
])('refuses %s, names the field and the rule, and writes nothing', async (_, key, rule) => {
  const id = idOf(await acme.mint());
  expect(errorsOf(await add(id, key))).toEqual([400, [{ field: 'public_key', rule }]]);
  expect(errorsOf(await acme.mint({ public_keys: [jwk(), key] }))).toEqual([400, [{ field: 'public_keys.1', rule }]]);
  expect(eventsOf(id)).toHaveLength(1);
});

it('refuses more than two keys, and the same one twice, with the mint', async () => {
  const key = jwk();
  const mint = async (...keys: unknown[]) => errorsOf(await acme.mint({ public_keys: keys }));
  expect(await mint(key, jwk(), jwk())).toEqual([400, [{ field: 'public_keys', rule: 'must be at most 2' }]]);
  expect(await mint(key, key)).toEqual([400, [{ field: 'public_keys', rule: 'must differ' }]]);
});

it('invariant 8: knows no id of another customer', async () => {
  const id = idOf(await acme.mint({ public_keys: [jwk()] }));
  const [kid = ''] = await kidsOf(id);
  for (const unknown of [id, randomUUID(), 'not-an-id', acme.ownerId]) {
    const answers = [
      await other.call('GET', keysOf(unknown)),
      await add(unknown, jwk(), other),
      await other.call('DELETE', `${keysOf(unknown)}/${kid}`),
    ];
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual(answers.map(() => [404, 'user.unknown']));
  }
  expect(await kidsOf(id)).toEqual([kid]);
});
