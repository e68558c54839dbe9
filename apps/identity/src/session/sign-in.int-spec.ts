import type { Call } from '@rebelcore/contracts/call-events';
import { UNATTRIBUTED } from '@rebelcore/contracts/call-events';
import { until } from '@rebelcore/testing/until';
import { randomUUID } from 'node:crypto';
import { IdentityFixture, someEmail, type Answer, type TestCustomer } from '../identity.fixture-spec.js';
import { somebody } from '../portal-user/person.fixture-spec.js';

let identity: IdentityFixture;
let acme: TestCustomer;
beforeAll(async () => {
  identity = await IdentityFixture.start();
  acme = await identity.customer();
});
afterAll(() => identity.stop());

let places = 0;
/** An address that nobody else comes from. */
const somewhere = () => `198.51.100.${String(++places)}`;
const signIn = (body: Record<string, unknown>, from: string, headers: object = {}) =>
  identity.call('POST', '/api/v1/sessions', { body, 'x-forwarded-for': from, ...headers });
const ofOwner = (changes: Record<string, unknown> = {}) => ({
  email: acme.email,
  password: acme.password,
  ...changes,
});
const nextCode = () => identity.authenticators.get(acme.email)?.nextCode();
const wrong = { password: 'wrong-password-1' };
const visible = ({ status, body, headers }: Answer) => ({
  status,
  body,
  headers: [...headers].filter(([name]) => !['x-correlation-id', 'date'].includes(name)),
});

describe('a sign-in that leads to nothing', () => {
  it('is refused with the same bytes whatever was wrong, and recorded with what it was, beside the event store', async () => {
    const person = await somebody(identity, acme.id);
    await acme.call('POST', `/api/v1/users/${person.id}/deactivate`);
    const app = identity.authenticators.get(acme.email);
    const used = await nextCode();
    await signIn(ofOwner({ totp: used }), somewhere());
    const [{ count: before } = {}] = await identity.rows('select count(*) from event');
    const correlation = `refused-${randomUUID()}`;
    const attempts: [string, string | undefined, Record<string, unknown>][] = [
      ['session.unknown-address', undefined, { email: someEmail(), password: acme.password }],
      ['session.wrong-password', acme.ownerId, ofOwner(wrong)],
      ['session.wrong-password', acme.ownerId, ofOwner({ ...wrong, totp: app?.shown().code })],
      ['session.inactive', person.id, { email: person.email, password: person.password }],
      ['session.wrong-code', acme.ownerId, ofOwner({ totp: '000000' })],
      ['session.wrong-code', acme.ownerId, ofOwner({ recovery_code: 'aaaaa-aaaaa' })],
      ['session.used-code', acme.ownerId, ofOwner({ totp: used })],
    ];
    const answers: Answer[] = [];
    for (const [, , body] of attempts) {
      answers.push(await signIn(body, somewhere(), { 'x-correlation-id': correlation }));
    }
    expect(answers[0]).toMatchObject({ status: 401, body: { code: 'session.not-opened' } });
    for (const answer of answers) expect(visible(answer)).toEqual(visible(answers[0] as Answer));

    const recorded = (): (Call & { customerId: string })[] =>
      identity.calls
        .flatMap(({ data }) => data.calls.map((call) => ({ ...call, customerId: data.customerId })))
        .filter(({ callerCorrelationId }) => callerCorrelationId === correlation);
    await until(() => recorded().length >= attempts.length, 'the refusals to be recorded');
    const facts = recorded().map(({ reason, portalUserId, customerId }) => [reason, portalUserId, customerId]);
    const expected = attempts.map(([reason, who]) => [reason, who, who === undefined ? UNATTRIBUTED : acme.id]);
    expect(facts.sort()).toEqual(expected.sort());
    expect(await identity.rows('select count(*) from event')).toEqual([{ count: before }]);
  });

  it('is that of an API user: “never sign in to the portal”', async () => {
    const { username, password } = (await acme.mint()).body;
    const answer = await signIn({ email: username, password }, somewhere());
    expect([answer.status, answer.body.code]).toEqual([401, 'session.not-opened']);
  });

  // S06
  it('is throttled by account and source, while the right password from another source always works', async () => {
    const { id, email, password } = await somebody(identity, acme.id);
    const [thief, home] = [somewhere(), somewhere()];
    for (let n = 0; n < 10; n++) expect((await signIn({ email, ...wrong }, thief)).status).toBe(401);
    const correlation = randomUUID();
    const throttled = await signIn({ email, password }, thief, { 'x-correlation-id': correlation });
    expect(throttled).toMatchObject({ status: 429, body: { code: 'session.too-many-attempts' } });
    expect(Number(throttled.headers.get('retry-after'))).toBeGreaterThan(50);
    expect((await signIn({ email: email.toUpperCase(), password }, thief)).status).toBe(429);
    expect((await signIn({ email, password }, home)).status).toBe(201);
    await until(
      () =>
        identity.calls.some(({ data }) =>
          data.calls.some(
            (call) =>
              call.callerCorrelationId === correlation &&
              call.reason === 'session.throttled' &&
              call.portalUserId === id,
          ),
        ),
      'the throttled attempt to be recorded for the person',
    );
  });

  it('is shed while too many passwords wait, and recorded for whom it was about', async () => {
    const [from, correlation] = [somewhere(), randomUUID()];
    await identity.whileCrowded(from, async () => {
      const shed = await signIn(ofOwner(), from, { 'x-correlation-id': correlation });
      expect(shed).toMatchObject({ status: 429, body: { code: 'session.busy' } });
      expect(shed.headers.get('retry-after')).toBe('2');
    });
    const call = await until(() => identity.callOf(correlation), 'the record');
    expect(call).toMatchObject({ reason: 'session.busy', customerId: acme.id, portalUserId: acme.ownerId });
  });

  it('is throttled alike for an address that nobody has', async () => {
    const [email, from] = [someEmail(), somewhere()];
    for (let n = 0; n < 10; n++) await signIn({ email, ...wrong }, from);
    expect((await signIn({ email, ...wrong }, from)).status).toBe(429);
  });

  // S06
  it('is throttled by source where many accounts are tried, and by nothing at another source', async () => {
    const from = somewhere();
    const { email, password } = await somebody(identity, acme.id);
    const guess = () => Promise.all(Array.from({ length: 20 }, () => signIn({ email: someEmail(), ...wrong }, from)));
    for (let n = 0; n < 5; n++) {
      for (const { status } of await guess()) expect(status).toBe(401);
    }
    // Where hashing is slow some are free again meanwhile: ten a minute.
    while ((await guess()).every(({ status }) => status === 401));
    expect(await signIn({ email, password }, from)).toMatchObject({
      status: 429,
      body: { code: 'session.too-many-attempts' },
    });
    expect((await signIn({ email, password }, somewhere())).status).toBe(201);
  });

  it('is no failure when only the code was missing', async () => {
    const from = somewhere();
    for (let n = 0; n < 12; n++) {
      expect((await signIn(ofOwner(), from)).body.code).toBe('session.second-factor-required');
    }
  });
});

describe('a hundred sign-ins at once', () => {
  it.each([
    ['of one account', () => acme.email],
    ['of as many accounts', someEmail],
  ])(
    '%s are refused or told when to come again, while lists and the right password from another source go on',
    async (_, email) => {
      const flood = somewhere();
      const attempts = Array.from({ length: 100 }, () => signIn({ email: email(), ...wrong }, flood));
      const person = await somebody(identity, acme.id);
      expect((await acme.call('GET', '/api/v1/users')).status).toBe(200);
      expect((await signIn({ email: person.email, password: person.password }, somewhere())).status).toBe(201);
      const answers = await Promise.all(attempts);
      const kinds = answers.map(({ status, headers }) =>
        status === 429 ? `429, again in ${Number(headers.get('retry-after')) > 0 ? 'some' : 'no'} time` : status,
      );
      expect(new Set(kinds)).toEqual(new Set([401, '429, again in some time']));
      expect(answers.some(({ body }) => String(body.code) === 'session.busy')).toBe(true);
    },
  );
});

describe('what a person types', () => {
  it('finds the account however the keyboard writes its letters, and with blanks around the address', async () => {
    const email = someEmail();
    await identity.provision({}, { email, password: 'Pa\u0308sswort-12345' });
    expect(
      (await signIn({ email: ` ${email.toUpperCase()}\t`, password: 'P\u00e4sswort-12345' }, somewhere())).status,
    ).toBe(201);
  });

  it.each([
    [{ totp: '12345' }, 'totp', 'must be six digits'],
    [{ totp: '123456', recovery_code: 'x' }, 'recovery_code', 'must not be sent together with totp'],
    [{ pin: '1' }, 'pin', 'is not a known field'],
  ])('is refused as %j, with field and rule', async (changes, field, rule) => {
    const answer = await signIn(ofOwner(changes), somewhere());
    expect([answer.status, answer.body.errors]).toEqual([400, [{ field, rule }]]);
  });

  it('may have a blank in the middle of the code', async () => {
    const totp = String(await nextCode());
    expect((await signIn(ofOwner({ totp: `${totp.slice(0, 3)} ${totp.slice(3)}` }), somewhere())).status).toBe(201);
  });
});
