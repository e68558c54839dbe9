import { PERMISSIONS } from '@rebelcore/contracts/roles';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { MARK, ROWS, WHO, type Asked, type Who } from '../permissions/requests.js';
import { Contract } from '@rebelcore/testing/contract';
import { until } from '@rebelcore/testing/until';
import { newPerson, newRole } from '../support/people.js';
import { bearerOf, endpoints, TestCustomer } from '../support/system.js';

/** By the correlation id of the answer. */
const answered = new Map<string, { readonly route: string; readonly status: number; readonly who: Who }>();
const callers = new Map<Who, Record<string, string>>();
let acme: TestCustomer;
/** To which every answer is held. */
let contract: Contract;

beforeAll(async () => {
  contract = await Contract.of(endpoints().portal);
  const [customer, another] = await Promise.all([TestCustomer.provision(), TestCustomer.provision()]);
  acme = customer;
  const person = async (...flags: string[]) =>
    (await newPerson(endpoints(), acme, await newRole(acme, `Role ${flags.join()}`, ...flags))).client;
  const [user, adder, auditor] = [await person(), await person('can_add_users'), await person('can_view_activity')];
  const everything = await acme.mint({ role_id: await newRole(acme, 'Everything', ...PERMISSIONS) });
  callers.set('nobody', {});
  for (const [who, { session }] of [
    ['user', user],
    ['adder', adder],
    ['auditor', auditor],
    ['owner', acme.owner],
    ['other', another.owner],
  ] as const) {
    callers.set(who, { cookie: session ?? '' });
  }
  callers.set('apiUser', await bearerOf(everything));
});

/** Status and text of the answer; of a stream only its beginning. */
async function ask(
  method: string,
  { path, body, headers }: Asked,
  who: Who,
): Promise<{ status: number; text: string; correlationId: string }> {
  const stop = new AbortController();
  const response = await fetch(`${endpoints().portal}${path}`, {
    method,
    signal: stop.signal,
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...callers.get(who),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const text = isStream ? '' : await response.text();
  stop.abort();
  const mediaType = response.headers.get('content-type') ?? '';
  contract.check(method, path, { status: response.status, mediaType, text });
  return { status: response.status, text, correlationId: response.headers.get('x-correlation-id') ?? '' };
}

// “The Customer Super Admin stands outside roles: every check passes, within their own customer.”
// S03, S08
describe('who may what', () => {
  it('is said of every route in the OpenAPI document', () => {
    const document = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as { paths: Record<string, object> };
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect([...new Set(ROWS.map(([route]) => route))].toSorted()).toEqual(routes.toSorted());
  });

  // One after the other: each is asked by all seven, and the last row signs everybody out.
  it.each(ROWS)('%s', async (route, expected, request) => {
    const [method = ''] = route.split(' ');
    const answers: number[] = [];
    // What nobody has changed yet serves for the next one too.
    let unspent: Asked | undefined;
    for (const who of WHO) {
      const asked = unspent ?? (await request(acme));
      const { status, text, correlationId } = await ask(method, asked, who);
      answers.push(status);
      answered.set(correlationId, { route, status, who });
      unspent = status < 300 ? undefined : asked;
      // What another customer's Super Admin reads is about their own.
      if (who === 'other') expect(text).not.toMatch(new RegExp(`${MARK}|${acme.id}`));
    }
    expect(Object.fromEntries(WHO.map((who, n) => [who, answers[n]]))).toEqual(
      Object.fromEntries(WHO.map((who, n) => [who, expected[n]])),
    );
  });

  it('S11: every one of those answers is in the activity log as it should be, once where it refused or changed something', async () => {
    const database = new pg.Client(endpoints().postgres.audit);
    await database.connect();
    const expected = [...answered].flatMap(([id, { route, status }]) => (leavesEntry(route, status) ? [id] : []));
    const found = await until(
      async () => {
        // That the token service applies what identity has done is an entry of its own.
        const { rows } = await database.query<{ id: string }>(
          `select correlation_id as id from activity
           where correlation_id = any($1) and event_type <> 'api_user.authorization_applied'`,
          [[...answered.keys()]],
        );
        return rows.length >= expected.length && rows.map(({ id }) => id);
      },
      `${String(expected.length)} entries`,
    ).finally(() => database.end());
    const named = (ids: string[]) => ids.map((id) => [id, answered.get(id)] as const).toSorted();
    expect(named(found)).toEqual(named(expected));
  });
});

/** What is granted and changes nothing leaves none, but for calls of the APIs and for what is taken out of the log. */
function leavesEntry(route: string, status: number): boolean {
  if (status >= 400 || /^POST .*\/infer$|activity\/(?:export|stream)$/.test(route)) return true;
  return !route.startsWith('GET ') && !CHANGES_NOTHING.has(route);
}
const CHANGES_NOTHING = new Set([
  'POST /api/v1/api-users/usage',
  // Here: the secret that is reported is nobody’s, and there is no second factor yet. Signing out is not recorded.
  'POST /api/v1/credentials/report-leak',
  'POST /api/v1/users/{id}/reset-second-factor',
  'DELETE /api/v1/sessions/current',
]);
