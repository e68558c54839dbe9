import { PERMISSIONS } from '@rebelcore/contracts/roles';
import { readFileSync } from 'node:fs';
import { MARK, ROWS, WHO, type Asked, type Who } from '../permissions/requests.js';
import { newPerson, newRole } from '../support/people.js';
import { bearerOf, endpoints, TestCustomer } from '../support/system.js';

const callers = new Map<Who, Record<string, string>>();
let acme: TestCustomer;

beforeAll(async () => {
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
): Promise<{ status: number; text: string }> {
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
  return { status: response.status, text };
}

// “The Customer Super Admin stands outside roles: every check passes, within their own customer.”
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
      const { status, text } = await ask(method, asked, who);
      answers.push(status);
      unspent = status < 300 ? undefined : asked;
      // What another customer's Super Admin reads is about their own.
      if (who === 'other') expect(text).not.toMatch(new RegExp(`${MARK}|${acme.id}`));
    }
    expect(Object.fromEntries(WHO.map((who, n) => [who, answers[n]]))).toEqual(
      Object.fromEntries(WHO.map((who, n) => [who, expected[n]])),
    );
  });
});
