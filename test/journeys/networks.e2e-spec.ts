import { Client } from '@rebelcore/embedded/client';
import { authorize, bearerOf, endpoints, expectStatus, TestCustomer, type ApiUser } from '../support/system.js';

let customer: TestCustomer;
beforeAll(async () => {
  customer = await TestCustomer.provision();
});

const OFFICE = '203.0.113.9';
/** Behind a proxy that the services trust, as the gateway is to them, which says where it comes from. */
const fromOffice = { 'x-forwarded-for': OFFICE };
const INFER = { prompt: 'Hello', spec_ids: [] };
const authorizeFromOffice = ({ username, password }: ApiUser) =>
  new Client(endpoints().token).post('/api/v1/authorize', { username, password }, fromOffice);
const bearerIn = ({ body }: { readonly body: unknown }) => ({
  authorization: `Bearer ${(body as { token: string }).token}`,
});
/** From this machine, through the gateway, which believes nobody’s word for where a call comes from. */
const infer = (bearer: Record<string, string>) =>
  new Client(endpoints().portal).post('/api/v1/infer', INFER, { ...bearer, ...fromOffice });
const inferFromOffice = (bearer: Record<string, string>) =>
  new Client(endpoints().inference).post('/api/v1/infer', INFER, { ...bearer, ...fromOffice });

it('an API user that is confined to networks authenticates and calls from there alone, and the log says why it was refused', async () => {
  const [authorize_networks, token_networks] = [['203.0.113.0/24'], [OFFICE, '2001:db8::/32']];
  const apiUser = await customer.mint({ authorize_networks, token_networks });

  const refused = await authorize(apiUser);
  expect([refused.status, refused.body]).toEqual([401, { detail: 'invalid credentials' }]);
  const granted = await authorizeFromOffice(apiUser);
  expectStatus(granted, 200);
  const bearer = bearerIn(granted);
  expect(await infer(bearer)).toMatchObject({ status: 403, body: { code: 'token.network-not-allowed' } });
  expectStatus(await inferFromOffice(bearer), 200);

  // Changed, for what is asked for from then on.
  const changed = { authorize_networks: ['127.0.0.0/8', '::1'], token_networks: [] };
  const path = `${endpoints().portal}/api/v1/api-users/${apiUser.id}/networks`;
  const answer = await fetch(path, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', cookie: customer.owner.session ?? '' },
    body: JSON.stringify(changed),
  });
  const set = { authorize_networks: ['127.0.0.0/8', '::1/128'], token_networks: [] };
  expect(await answer.json()).toEqual({ ...set, enforced_at: expect.any(String) as string });
  // Confirmed is in force.
  expectStatus(await authorize(apiUser), 200);
  expectStatus(await authorizeFromOffice(apiUser), 401);
  expectStatus(await infer(await bearerOf(apiUser)), 200);
  expectStatus(await infer(bearer), 403);

  // Two changes, each with word that it is applied, and nine calls: what is waited for is all of it, in whatever order it arrives.
  const entries = await customer.activity(`user_id=${apiUser.id}`, 13);
  expect(entries).toHaveLength(13);
  const told = entries.map(({ event_type, outcome, description, metadata: { ip } }) => [
    event_type,
    outcome,
    description.replaceAll(apiUser.id, 'X').replaceAll(customer.ownerId, 'Ada'),
    ip,
  ]);
  const right = 'its credentials are right, but not accepted from this address';
  expect(told).toEqual(
    expect.arrayContaining([
      [
        'api_user.create',
        'success',
        `API user X was created with role RebelCore_AgentUser by portal user Ada; it may authenticate only from 203.0.113.0/24, and use new tokens only from 203.0.113.9/32, 2001:db8::/32`,
        undefined,
      ],
      [
        'api_user.networks_change',
        'success',
        'The networks of API user X were changed by portal user Ada; it may authenticate only from 127.0.0.0/8, ::1/128, and use new tokens from anywhere',
        undefined,
      ],
      ['api.authorize', 'refused', `Authorize refused for API user X: ${right}`, '127.0.0.1'],
      ['api.authorize', 'refused', `Authorize refused for API user X: ${right}`, OFFICE],
      [
        'api.call',
        'refused',
        'POST /api/v1/infer refused for API user X: the token is valid, but not accepted from this address',
        '127.0.0.1',
      ],
    ]),
  );
});
