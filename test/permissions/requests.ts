import { randomUUID } from 'node:crypto';
import { testPair } from '@rebelcore/testing/client-assertions';
import { until } from '@rebelcore/testing/until';
import { acceptedPerson, newPerson, newRole } from '../support/people.js';
import { endpoints, expectStatus, type ActivityEntry, type TestCustomer } from '../support/system.js';

/**
 * Who asks: nobody; three portal users, with no flag, with `can_add_users` and with `can_view_activity`; the Super Admin; the
 * Super Admin of another customer; an API user, by its token, whose role has every flag.
 */
export const WHO = ['nobody', 'user', 'adder', 'auditor', 'owner', 'other', 'apiUser'] as const;
export type Who = (typeof WHO)[number];

export interface Asked {
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

type Statuses = readonly [number, number, number, number, number, number, number];
type Row = readonly [route: string, answers: Statuses, request: (acme: TestCustomer) => Asked | Promise<Asked>];

const USER = '0198a1de-0000-7000-8000-000000000002';
const AGENT = '0198a1de-0000-7000-8000-000000000003';
/** Stands in every name and label that is made here: nobody of another customer may read it anywhere. */
export const MARK = 'Zanzibar';
const some = () => `${MARK} ${randomUUID()}`;

const at = (path: string, body?: unknown, headers?: Record<string, string>): Asked => ({
  path,
  ...(body !== undefined && { body }),
  ...(headers && { headers }),
});
const fixed = (path: string, body?: () => unknown) => () => at(path, body?.());
const apiUser = (acme: TestCustomer) => acme.mint({ label: some() });
const accepted = (acme: TestCustomer) => acceptedPerson(endpoints(), acme, USER);
const ofApiUser = (rest: string, body?: unknown) => async (acme: TestCustomer) =>
  at(`/api/v1/users/${(await apiUser(acme)).id}${rest}`, body);
const ofInvited = (rest: string, body?: unknown) => async (acme: TestCustomer) =>
  at(`/api/v1/users/${await invited(acme)}${rest}`, body);
const ofPerson = (rest: string) => async (acme: TestCustomer) =>
  at(`/api/v1/users/${(await accepted(acme)).id}${rest}`);
const ofCustomer = (rest: string) => (acme: TestCustomer) => at(`/api/v1/customers/${acme.id}${rest}`);
const ofRole = (body?: unknown) => async (acme: TestCustomer) =>
  at(`/api/v1/roles/${await newRole(acme, some())}`, body);
const ciphertext = { ciphertext: Buffer.alloc(48, 7).toString('base64url') };

async function ofKey(acme: TestCustomer): Promise<Asked> {
  const { publicJwk } = testPair('EdDSA');
  const { id } = await apiUser(acme);
  const made = await acme.owner.post(`/api/v1/api-users/${id}/keys`, { public_key: publicJwk });
  expectStatus(made, 201);
  return at(`/api/v1/api-users/${id}/keys/${(made.body as { kid: string }).kid}`);
}

async function handOver(acme: TestCustomer): Promise<string> {
  const made = await acme.owner.post(`/api/v1/api-users/${(await apiUser(acme)).id}/hand-overs`, ciphertext);
  expectStatus(made, 201);
  return (made.body as { id: string }).id;
}

async function inactive(acme: TestCustomer, id: string): Promise<string> {
  expectStatus(await acme.deactivate({ id }), 200);
  return id;
}

async function entryOf(acme: TestCustomer): Promise<ActivityEntry> {
  const [entry] = await acme.activity('event_type=api_user.create', 1);
  if (entry === undefined) throw new Error('there is no entry');
  return entry;
}

/**
 * Every route of the API, and what each of {@link WHO} is answered. A route may stand here more than once, where it
 * matters whom it is asked about. Other customers' ids are 404, never 403: they do not exist.
 */
// prettier-ignore
export const ROWS: readonly Row[] = [
  //                                                     nobody user adder auditor owner other apiUser
  ['GET /api/v1/users',                                    [401, 403, 200, 403, 200, 200, 401], fixed('/api/v1/users?limit=200')],
  ['GET /api/v1/users/{id}',                               [401, 403, 200, 403, 200, 404, 401], ofApiUser('')],
  ['POST /api/v1/users',                                   [401, 403, 201, 403, 201, 201, 401], fixed('/api/v1/users', newcomer)],
  ['PATCH /api/v1/users/{id}',                             [401, 403, 200, 403, 200, 404, 401], ofInvited('', { first_name: 'Grace' })],
  ['DELETE /api/v1/users/{id}',                            [401, 403, 204, 403, 204, 404, 401], ofInvited('')],
  ['POST /api/v1/users/{id}/resend-invite',                [401, 403, 200, 403, 200, 404, 401], ofInvited('/resend-invite')],
  // a portal user
  ['POST /api/v1/users/{id}/deactivate',                   [401, 403, 200, 403, 200, 404, 401], ofPerson('/deactivate')],
  ['POST /api/v1/users/{id}/reactivate',                   [401, 403, 200, 403, 200, 404, 401], async (acme) => at(`/api/v1/users/${await inactive(acme, (await accepted(acme)).id)}/reactivate`)],
  ['POST /api/v1/users/{id}/reset-second-factor',          [401, 403, 403, 403, 204, 404, 401], ofPerson('/reset-second-factor')],
  // an API user
  ['POST /api/v1/users/{id}/deactivate',                   [401, 403, 403, 403, 200, 404, 401], ofApiUser('/deactivate')],
  ['POST /api/v1/users/{id}/reactivate',                   [401, 403, 403, 403, 200, 404, 401], async (acme) => at(`/api/v1/users/${await inactive(acme, (await apiUser(acme)).id)}/reactivate`)],
  ['PATCH /api/v1/users/{id}',                             [401, 403, 403, 403, 200, 404, 401], ofApiUser('', { role_id: USER })],
  ['POST /api/v1/api-users',                               [401, 403, 403, 403, 201, 201, 401], () => at('/api/v1/api-users', { role_id: AGENT, label: 'App' }, { 'idempotency-key': randomUUID() })],
  ['GET /api/v1/api-users/usage',                          [401, 403, 403, 403, 200, 200, 401], fixed('/api/v1/api-users/usage')],
  ['POST /api/v1/api-users/usage',                         [401, 403, 403, 403, 200, 200, 401], async (acme) => at('/api/v1/api-users/usage', { ids: [(await withUsage(acme)).id] })],
  ['GET /api/v1/api-users/{id}/usage',                     [401, 403, 403, 403, 200, 404, 401], async (acme) => at(`/api/v1/api-users/${(await withUsage(acme)).id}/usage`)],
  ['GET /api/v1/api-users/{id}/keys',                      [401, 403, 403, 403, 200, 404, 401], async (acme) => at(`/api/v1/api-users/${(await apiUser(acme)).id}/keys`)],
  ['POST /api/v1/api-users/{id}/keys',                     [401, 403, 403, 403, 201, 404, 401], async (acme) => at(`/api/v1/api-users/${(await apiUser(acme)).id}/keys`, { public_key: testPair('EdDSA').publicJwk })],
  ['DELETE /api/v1/api-users/{id}/keys/{kid}',             [401, 403, 403, 403, 204, 404, 401], ofKey],
  ['GET /api/v1/api-users/{id}/networks',                  [401, 403, 403, 403, 200, 404, 401], async (acme) => at(`/api/v1/api-users/${(await apiUser(acme)).id}/networks`)],
  ['PUT /api/v1/api-users/{id}/networks',                  [401, 403, 403, 403, 200, 404, 401], async (acme) => at(`/api/v1/api-users/${(await apiUser(acme)).id}/networks`, { authorize_networks: ['203.0.113.0/24'], token_networks: [] })],
  ['POST /api/v1/api-users/{id}/hand-overs',               [401, 403, 403, 403, 201, 404, 401], async (acme) => at(`/api/v1/api-users/${(await apiUser(acme)).id}/hand-overs`, ciphertext)],
  ['GET /api/v1/api-users/{id}/hand-overs',                [401, 403, 403, 403, 200, 404, 401], async (acme) => at(`/api/v1/api-users/${(await apiUser(acme)).id}/hand-overs`)],
  ['DELETE /api/v1/hand-overs/{id}',                       [401, 403, 403, 403, 204, 404, 401], async (acme) => at(`/api/v1/hand-overs/${await handOver(acme)}`)],
  // roles
  ['GET /api/v1/roles',                                    [401, 403, 200, 403, 200, 200, 401], fixed('/api/v1/roles')],
  ['POST /api/v1/roles',                                   [401, 403, 403, 403, 201, 201, 401], fixed('/api/v1/roles', () => ({ name: `Role ${randomUUID()}`, permissions: {} }))],
  ['PATCH /api/v1/roles/{id}',                             [401, 403, 403, 403, 200, 404, 401], ofRole({ permissions: { can_view_specs: true } })],
  ['DELETE /api/v1/roles/{id}',                            [401, 403, 403, 403, 204, 404, 401], ofRole()],
  // the activity log
  ['GET /api/v1/activity',                                 [401, 403, 403, 200, 200, 200, 401], fixed('/api/v1/activity?limit=200')],
  ['GET /api/v1/activity/{id}',                            [401, 403, 403, 200, 200, 404, 401], async (acme) => at(`/api/v1/activity/${(await entryOf(acme)).id}`)],
  ['GET /api/v1/activity/export',                          [401, 403, 403, 200, 200, 200, 401], fixed('/api/v1/activity/export?format=csv')],
  ['GET /api/v1/activity/stream',                          [401, 403, 403, 200, 200, 200, 401], fixed('/api/v1/activity/stream')],
  // oneself
  ['GET /api/v1/me',                                       [401, 200, 200, 200, 200, 200, 401], fixed('/api/v1/me')],
  ['POST /api/v1/me/second-factor',                        [401, 409, 409, 409, 409, 409, 401], fixed('/api/v1/me/second-factor')],
  ['POST /api/v1/me/second-factor/confirm',                [401, 409, 409, 409, 409, 409, 401], fixed('/api/v1/me/second-factor/confirm', () => ({ totp: '000000' }))],
  ['POST /api/v1/me/recovery-codes',                       [401, 400, 400, 400, 400, 400, 401], fixed('/api/v1/me/recovery-codes', () => ({ totp: '12345' }))],
  ['GET /api/v1/sessions',                                 [401, 200, 200, 200, 200, 200, 401], fixed('/api/v1/sessions')],
  ['DELETE /api/v1/sessions/{id}',                         [401, 404, 404, 404, 404, 404, 401], async (acme) => at(`/api/v1/sessions/${await openSession(acme)}`)],
  // with no account, or before signing in
  ['POST /api/v1/sessions',                                [401, 401, 401, 401, 401, 401, 401], fixed('/api/v1/sessions', () => ({ email: `${randomUUID()}@example.test`, password: 'Aa1aaaaaaaaaaa' }))],
  ['POST /api/v1/invites/{token}/accept',                  [410, 410, 410, 410, 410, 410, 410], fixed(`/api/v1/invites/${'A'.repeat(43)}/accept`, () => ({ password: 'Aa1aaaaaaaaaaa' }))],
  ['POST /api/v1/hand-overs/{id}/open',                    [404, 404, 404, 404, 404, 404, 404], fixed(`/api/v1/hand-overs/${randomUUID()}/open`)],
  ['POST /api/v1/credentials/report-leak',                 [202, 202, 202, 202, 202, 202, 202], fixed('/api/v1/credentials/report-leak', () => ({ secret: 'nobody’s' }))],
  // applications
  ['POST /api/v1/authorize',                               [401, 401, 401, 401, 401, 401, 401], fixed('/api/v1/authorize', () => ({ username: 'nobody', password: 'wrong' }))],
  ['POST /api/v1/infer',                                   [401, 401, 401, 401, 401, 401, 200], fixed('/api/v1/infer', () => ({ prompt: 'Hello', spec_ids: [] }))],
  ['POST /oauth2/token',                                   [401, 401, 401, 401, 401, 401, 401], fixed('/oauth2/token')],
  ['POST /oauth2/introspect',                              [401, 401, 401, 401, 401, 401, 401], fixed('/oauth2/introspect')],
  ['GET /.well-known/oauth-authorization-server', [200, 200, 200, 200, 200, 200, 200], fixed('/.well-known/oauth-authorization-server')],
  ['GET /.well-known/oauth-protected-resource', [200, 200, 200, 200, 200, 200, 200], fixed('/.well-known/oauth-protected-resource')],
  ['GET /.well-known/oauth-protected-resource/api/v1/infer', [200, 200, 200, 200, 200, 200, 200], fixed('/.well-known/oauth-protected-resource/api/v1/infer')],
  ['GET /.well-known/jwks.json',                           [200, 200, 200, 200, 200, 200, 200], fixed('/.well-known/jwks.json')],
  // the platform operator
  ['POST /api/v1/customers',                               [401, 401, 401, 401, 401, 401, 401], fixed('/api/v1/customers', () => ({ name: 'Another', owner: {} }))],
  ['POST /api/v1/customers/{id}/owner/resend-invite',      [401, 401, 401, 401, 401, 401, 401], ofCustomer('/owner/resend-invite')],
  ['POST /api/v1/customers/{id}/owner/reset-second-factor', [401, 401, 401, 401, 401, 401, 401], ofCustomer('/owner/reset-second-factor')],
  // last, since afterwards nobody is signed in
  ['DELETE /api/v1/sessions/current',                      [204, 204, 204, 204, 204, 204, 204], fixed('/api/v1/sessions/current')],
];

async function invited(acme: TestCustomer): Promise<string> {
  const made = await acme.owner.post('/api/v1/users', { ...newcomer(), first_name: MARK });
  expectStatus(made, 201);
  return (made.body as { id: string }).id;
}

function newcomer() {
  return { first_name: 'Grace', last_name: 'Clerk', email: `person-${randomUUID()}@example.test`, role_id: USER };
}

let used: Promise<{ id: string }> | undefined;
/** An API user whose usage is known: it is there once the view has read of its creation. */
function withUsage(acme: TestCustomer): Promise<{ id: string }> {
  return (used ??= (async () => {
    const minted = await apiUser(acme);
    const usage = async () => (await acme.owner.get(`/api/v1/api-users/${minted.id}/usage`)).status === 200;
    await until(usage, `the usage of ${minted.id}`);
    return minted;
  })());
}

let colleagues: Promise<string> | undefined;
/** The session of a colleague of theirs. */
function openSession(acme: TestCustomer): Promise<string> {
  return (colleagues ??= (async () => {
    const { client } = await newPerson(endpoints(), acme, USER);
    const { items } = (await client.get('/api/v1/sessions')).body as { items: { id: string }[] };
    return items[0]?.id ?? '';
  })());
}
