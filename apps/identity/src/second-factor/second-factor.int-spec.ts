import { Authenticator } from '@rebelcore/embedded/authenticator';
import { until } from '@rebelcore/testing/until';
import { randomUUID } from 'node:crypto';
import { errorsOf, IdentityFixture, type Answer, type TestCustomer } from '../identity.fixture-spec.js';
import { somebody, type TestPerson } from '../portal-user/person.fixture-spec.js';

let identity: IdentityFixture;
let acme: TestCustomer;
beforeAll(async () => {
  identity = await IdentityFixture.start();
  acme = await identity.customer();
});
afterAll(() => identity.stop());

const signIn = ({ email, password }: Pick<TestPerson, 'email' | 'password'>, code: object = {}, headers: object = {}) =>
  identity.call('POST', '/api/v1/sessions', { body: { email, password, ...code }, ...headers });
const cookieOf = (answer: Answer) => answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
const secondFactorOf = ({ body }: Answer) => (body.session as unknown as { second_factor: string }).second_factor;
const begin = (cookie: string) => identity.call('POST', '/api/v1/me/second-factor', { cookie });
const confirm = (cookie: string, totp: unknown) =>
  identity.call('POST', '/api/v1/me/second-factor/confirm', { cookie, body: { totp } });

/** Somebody enrolled, whose app has shown one code. */
async function enrolled() {
  const person = await somebody(identity, acme.id);
  const cookie = cookieOf(await signIn(person));
  const app = new Authenticator(String((await begin(cookie)).body.secret));
  const confirmed = await confirm(cookie, await app.nextCode());
  const { body } = confirmed;
  return { ...person, cookie: cookieOf(confirmed), app, codes: body.recovery_codes as unknown as string[] };
}
const forgetUsedCodes = ({ id }: { id: string }) =>
  identity.database.asOwner(`update second_factor set last_step = 0 where portal_user_id = '${id}'`);

describe('"Mandatory in the portal: authenticator app (TOTP), enrolled at the first sign-in"', () => {
  it('so a session without it may look at itself, enrol and sign out, and nothing else', async () => {
    const person = await somebody(identity, acme.id);
    const opened = await signIn(person);
    const cookie = cookieOf(opened);
    expect([opened.status, secondFactorOf(opened)]).toEqual([201, 'enrolment_required']);
    expect(await identity.exchange(cookie)).toMatchObject({
      status: 403,
      body: { code: 'session.enrolment-required' },
    });
    const statuses = async (calls: readonly (readonly [string, string])[]) =>
      Promise.all(calls.map(async ([method, path]) => (await identity.call(method, path, { cookie })).status));
    const allowed = [
      ['GET', '/api/v1/me'],
      ['GET', '/api/v1/sessions'],
      ['POST', '/api/v1/me/second-factor'],
    ] as const;
    expect(await statuses(allowed)).toEqual([200, 200, 201]);
    const others = [
      ['GET', '/api/v1/users'],
      ['GET', '/api/v1/roles'],
      ['POST', `/api/v1/users/${randomUUID()}/deactivate`],
      ['POST', `/api/v1/users/${randomUUID()}/reset-second-factor`],
    ] as const;
    expect(await statuses(others)).toEqual([401, 401, 401, 401]);
    expect((await identity.call('DELETE', '/api/v1/sessions/current', { cookie })).status).toBe(204);
  });

  it('and a code of the app makes the session a full one, with ten recovery codes shown once', async () => {
    const person = await somebody(identity, acme.id);
    const before = cookieOf(await signIn(person));
    const { status, body } = await begin(before);
    expect([status, Object.keys(body)]).toEqual([201, ['secret', 'otpauth_uri']]);
    expect(body.secret).toMatch(/^[A-Z2-7]{32}$/);
    expect(body.otpauth_uri).toContain(`secret=${String(body.secret)}`);
    const confirmed = await confirm(before, await new Authenticator(String(body.secret)).nextCode());
    expect(confirmed.status).toBe(200);
    expect(confirmed.body.recovery_codes).toHaveLength(10);
    expect(confirmed.headers.get('cache-control')).toBe('no-store');
    const cookie = cookieOf(confirmed);
    expect(secondFactorOf(await identity.call('GET', '/api/v1/me', { cookie }))).toBe('enrolled');
    // Whoever may have known the cookie while a password was enough is left outside.
    expect((await identity.call('GET', '/api/v1/me', { cookie: before })).status).toBe(401);
    expect((await identity.exchange(before)).status).toBe(401);
    expect((await identity.exchange(cookie)).status).toBe(200);
    const again = [await begin(cookie), await confirm(cookie, '123456')];
    expect(again.map((answer) => [answer.status, answer.body.code])).toEqual([
      [409, 'second-factor.enrolled'],
      [409, 'second-factor.enrolled'],
    ]);
  });

  it('and the last secret that was asked for counts, an earlier one does not', async () => {
    const cookie = cookieOf(await signIn(await somebody(identity, acme.id)));
    const [first, second] = [await begin(cookie), await begin(cookie)].map(
      ({ body }) => new Authenticator(String(body.secret)),
    );
    const wrong = await confirm(cookie, await first?.nextCode());
    expect(errorsOf(wrong)).toEqual([400, [{ field: 'totp', rule: 'is not what the app shows now' }]]);
    expect((await confirm(cookie, await second?.nextCode())).status).toBe(200);
  });

  it.each([
    [undefined, 'is required'],
    [123456, 'must be a string'],
    ['12345', 'must be six digits'],
    ['12345a', 'must be six digits'],
  ])('and %j is not a code', async (totp, rule) => {
    const cookie = cookieOf(await signIn(await somebody(identity, acme.id)));
    expect(errorsOf(await confirm(cookie, totp))).toEqual([400, [{ field: 'totp', rule }]]);
  });

  it('and whoever opened another session by the password alone does not get in by it', async () => {
    const person = await somebody(identity, acme.id);
    const [mine, foreign] = [cookieOf(await signIn(person)), cookieOf(await signIn(person))];
    await begin(foreign);
    const app = new Authenticator(String((await begin(mine)).body.secret));
    expect((await confirm(mine, await app.nextCode())).status).toBe(200);
    expect((await identity.call('GET', '/api/v1/me', { cookie: foreign })).status).toBe(401);
  });
});

describe('a second factor', () => {
  it('invariant 7: is kept so that neither secret nor recovery codes can be read, and is in no event', async () => {
    const { id, app, codes } = await enrolled();
    const [stored] = await identity.rows(`select sealed_secret from second_factor where portal_user_id = '${id}'`);
    const kept = JSON.stringify([
      (stored as { sealed_secret: Buffer }).sealed_secret.toString('latin1'),
      await identity.rows('select encode(code_hash, $$escape$$) from recovery_code'),
      await identity.rows('select data from event'),
      await identity.rows('select value from outbox'),
    ]);
    for (const secret of [app.secret, ...codes, ...codes.map((code) => code.replace('-', ''))]) {
      expect(kept).not.toContain(secret);
    }
    const published = () => identity.events.find(({ name, subject }) => name.endsWith('Enrolled') && subject === id);
    const event = await until(published, 'the enrolment to be published');
    expect(event.data).toEqual({ portalUserId: id, customerId: acme.id });
  });

  it('is asked for once the password is right', async () => {
    const person = await enrolled();
    expect(await signIn(person)).toMatchObject({ status: 401, body: { code: 'session.second-factor-required' } });
    expect(await signIn({ ...person, password: 'wrong-password-1' })).toMatchObject({
      status: 401,
      body: { code: 'session.not-opened' },
    });
    const opened = await signIn(person, { totp: await person.app.nextCode() });
    expect([opened.status, secondFactorOf(opened)]).toEqual([201, 'enrolled']);
  });

  it('never takes a code twice, neither that of the enrolment nor one of many at the same moment', async () => {
    const person = await enrolled();
    const used = person.app.shown(Date.now() - 30_000).code;
    expect((await signIn(person, { totp: used })).status).toBe(401);
    const totp = await person.app.nextCode();
    const answers = await Promise.all(Array.from({ length: 6 }, () => signIn(person, { totp })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 5 }, () => 401)]);
    await identity.database.asOwner(`update second_factor set wrong_codes = 0 where portal_user_id = '${person.id}'`);
    expect(await signIn(person, { totp })).toMatchObject({ status: 401, body: { code: 'session.not-opened' } });
  });

  it('takes the code before and the next, and none further away', async () => {
    const person = await enrolled();
    const at = (offset: number) => person.app.shown(Date.now() + offset).code;
    for (const [offset, status] of [
      [-90_000, 401],
      [0, 201],
      [30_000, 201],
      [90_000, 401],
    ] as const) {
      await forgetUsedCodes(person);
      expect([offset, (await signIn(person, { totp: at(offset) })).status]).toEqual([offset, status]);
    }
  });

  it('may be a recovery code, however it is typed and once, also for many at the same moment', async () => {
    const person = await enrolled();
    const [first = '', second = ''] = person.codes;
    const typed = first.toUpperCase().replace('-', ' ');
    const opened = await signIn(person, { recovery_code: typed });
    expect([opened.status, secondFactorOf(opened)]).toEqual([201, 'enrolled']);
    expect(await signIn(person, { recovery_code: first })).toMatchObject({
      status: 401,
      body: { code: 'session.not-opened' },
    });
    const many = await Promise.all(Array.from({ length: 8 }, () => signIn(person, { recovery_code: second })));
    expect(many.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 7 }, () => 401)]);
    await until(
      () => identity.events.some(({ data }) => 'secondFactor' in data && data.secondFactor === 'recovery-code'),
      'the sign-in by recovery code to be published',
    );
  });

  it('cannot be guessed by somebody who knows the password and comes from many places', async () => {
    const person = await enrolled();
    const from = (n: number) => ({ 'x-forwarded-for': `203.0.113.${n}` });
    for (let n = 1; n <= 5; n++) {
      expect((await signIn(person, { totp: '000000' }, from(n))).status).toBe(401);
    }
    const totp = await person.app.nextCode();
    const throttled = await signIn(person, { totp }, from(6));
    expect(throttled).toMatchObject({ status: 429, body: { code: 'session.too-many-attempts' } });
    expect(Number(throttled.headers.get('retry-after'))).toBeGreaterThan(20);
    // A recovery code cannot be guessed, so the owner has a way in meanwhile.
    expect((await signIn(person, { recovery_code: person.codes[0] }, from(7))).status).toBe(201);
    await identity.database.asOwner(
      `update second_factor set last_wrong_at = now() - interval '30 s' where portal_user_id = '${person.id}'`,
    );
    expect((await signIn(person, { totp }, from(8))).status).toBe(201);
  });
});

describe('recovery codes made anew', () => {
  const renew = async ({ cookie }: { cookie: string }, totp: unknown) => {
    const { token } = (await identity.exchange(cookie)).body;
    return identity.call('POST', '/api/v1/me/recovery-codes', {
      authorization: `Bearer ${String(token)}`,
      body: { totp },
    });
  };

  it('are ten for a code of the app, after which those before open nothing', async () => {
    const person = await enrolled();
    const answer = await renew(person, await person.app.nextCode());
    const codes = answer.body.recovery_codes as unknown as string[];
    expect([answer.status, new Set([...codes, ...person.codes]).size]).toEqual([200, 20]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect((await signIn(person, { recovery_code: person.codes[0] })).status).toBe(401);
    expect((await signIn(person, { recovery_code: codes[0] })).status).toBe(201);
    expect((await signIn(person, { recovery_code: codes[0] })).status).toBe(401);
    const made = () => identity.events.find(({ name, subject }) => /Renewed$/.test(name) && subject === person.id);
    const event = await until(made, 'the renewal to be published');
    expect(event.data).toEqual({ portalUserId: person.id, customerId: acme.id });
    expect(event.sequence).toBe(Number(answer.headers.get('position')));
  });

  it('take more than the session: no wrong code, none that was used, and not too many', async () => {
    const person = await enrolled();
    const used = person.app.shown(Date.now() - 30_000).code;
    expect(errorsOf(await renew(person, used))).toEqual([
      400,
      [{ field: 'totp', rule: 'was used already; the app shows another within 30 seconds' }],
    ]);
    expect(errorsOf(await renew(person, 'abcdef'))).toEqual([400, [{ field: 'totp', rule: 'must be six digits' }]]);
    for (let n = 0; n < 4; n++) {
      expect(errorsOf(await renew(person, '000000'))).toEqual([
        400,
        [{ field: 'totp', rule: 'is not what the app shows now' }],
      ]);
    }
    const throttled = await renew(person, await person.app.nextCode());
    expect(throttled).toMatchObject({ status: 429, body: { code: 'session.too-many-attempts' } });
    expect(Number(throttled.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await signIn(person, { recovery_code: person.codes[0] })).status).toBe(201);
  });

  it('are not to be had before the app is enrolled', async () => {
    const cookie = cookieOf(await signIn(await somebody(identity, acme.id)));
    expect((await renew({ cookie }, '123456')).status).toBe(401);
  });
});

describe('the reset of a second factor', () => {
  const resetOf = (id: string) => acme.call('POST', `/api/v1/users/${id}/reset-second-factor`);
  const resetOwner = (id: string, authorization = `Bearer ${identity.operatorToken}`) =>
    identity.call('POST', `/api/v1/customers/${id}/owner/reset-second-factor`, { authorization });

  it('by the Super Admin ends the person’s sessions and lets the next sign-in enrol anew', async () => {
    const person = await enrolled();
    expect((await acme.call('GET', `/api/v1/users/${person.id}`)).body.second_factor).toBe(true);
    const answer = await resetOf(person.id);
    expect([answer.status, Number(answer.headers.get('position')) > 0]).toEqual([204, true]);
    expect((await acme.call('GET', `/api/v1/users/${person.id}`)).body.second_factor).toBe(false);
    expect((await identity.exchange(person.cookie)).status).toBe(401);
    expect(secondFactorOf(await signIn(person, { recovery_code: person.codes[0] }))).toBe('enrolment_required');
    expect((await resetOf(person.id)).status).toBe(204);
  });

  it('is not for the owner, for API users and for nobody', async () => {
    const apiUser = String((await acme.mint()).body.id);
    const other = await identity.customer();
    const answers = [acme.ownerId, apiUser, other.ownerId, randomUUID(), 'x'].map(async (id) => {
      const { status, body } = await resetOf(id);
      return [status, body.code];
    });
    expect(await Promise.all(answers)).toEqual([
      [409, 'portal-user.is-owner'],
      [404, 'user.unknown'],
      [404, 'user.unknown'],
      [404, 'user.unknown'],
      [404, 'user.unknown'],
    ]);
  });

  it('of the owner is for the operator', async () => {
    const customer = await identity.customer();
    expect((await resetOwner(customer.id, 'Bearer x')).body.code).toBe('operator.required');
    expect((await resetOwner(randomUUID())).body.code).toBe('customer.unknown');
    expect((await resetOwner('x')).body.code).toBe('customer.unknown');
    expect((await resetOwner(customer.id)).status).toBe(204);
    expect((await identity.exchange(customer.cookie)).status).toBe(401);
    expect(secondFactorOf(await signIn(customer))).toBe('enrolment_required');
  });
});
