import { randomUUID } from 'node:crypto';
import { errorsOf, IdentityFixture, someEmail, type Answer } from '../identity.fixture-spec.js';
import { MailServer } from '../portal-user/mail-server.fixture-spec.js';
import { forgetDetails } from '../portal-user/person.fixture-spec.js';

let mail: MailServer;
let identity: IdentityFixture;
beforeAll(async () => {
  mail = await MailServer.start();
  identity = await IdentityFixture.start({ SMTP_URL: mail.url, MAIL_FROM: 'no-reply@portal.test' });
});
afterAll(async () => {
  await identity.stop();
  await mail.goAway();
});

const provision = (owner: Record<string, unknown>, key?: string, changes: Record<string, unknown> = {}) =>
  identity.call('POST', '/api/v1/customers', {
    authorization: `Bearer ${identity.operatorToken}`,
    body: { name: 'Acme', owner: { first_name: 'Ada', last_name: 'Owner', ...owner }, ...changes },
    ...(key !== undefined && { 'idempotency-key': key }),
  });
const ids = ({ body }: Answer) => {
  const { customer, owner } = body as unknown as Record<'customer' | 'owner', { id: string }>;
  return [customer.id, owner.id] as const;
};

describe('provisioning with an Idempotency-Key', () => {
  it('answers the same customer and owner to a repetition, and never the password', async () => {
    const [key, email] = [randomUUID(), someEmail()];
    const first = await provision({ email }, key);
    const again = await provision({ email }, key);
    expect([first.status, again.status, ids(again)]).toEqual([201, 200, ids(first)]);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.headers.get('position')).toBe(first.headers.get('position'));
    const { password, ...owner } = first.body.owner as unknown as Record<string, unknown>;
    expect([typeof password, again.body]).toEqual(['string', { ...first.body, owner }]);
  });

  it('refuses the key for another body, also when only the password is another', async () => {
    const [key, email, password] = [randomUUID(), someEmail(), 'a-good-password-1'];
    expect((await provision({ email, password }, key)).status).toBe(201);
    const others = [
      await provision({ email, password: 'a-good-password-2' }, key),
      await provision({ email }, key),
      await provision({ email, password, first_name: 'Eve' }, key),
      await provision({ email, password }, key, { name: 'Other' }),
    ];
    expect(others.map(({ status, body }) => [status, body.code])).toEqual(
      others.map(() => [422, 'idempotency-key.reused']),
    );
    expect((await provision({ email: ` ${email} `, password }, key)).status).toBe(200);
  });

  it('makes one customer of eight requests at the same moment', async () => {
    const [key, email] = [randomUUID(), someEmail()];
    const answers = await Promise.all(Array.from({ length: 8 }, () => provision({ email }, key)));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array.from({ length: 7 }, () => 200), 201]);
    expect(new Set(answers.flatMap(ids)).size).toBe(2);
  });

  it('refuses a malformed key, and an address in use under a key that is new', async () => {
    const email = someEmail();
    const rule = 'must be 1 to 255 visible ASCII characters';
    expect(errorsOf(await provision({ email }, 'a b'))).toEqual([400, [{ field: 'Idempotency-Key', rule }]]);
    await provision({ email }, randomUUID());
    expect(errorsOf(await provision({ email }, randomUUID()))).toEqual([
      409,
      [{ field: 'owner.email', rule: 'is in use already' }],
    ]);
  });
});

describe('an owner who is invited', () => {
  const resend = (customerId: string, body?: unknown) =>
    identity.call('POST', `/api/v1/customers/${customerId}/owner/resend-invite`, {
      authorization: `Bearer ${identity.operatorToken}`,
      ...(body !== undefined && { body }),
    });

  it('gets a link by mail instead of a password, and another from the operator when that has run out', async () => {
    const email = someEmail();
    const answer = await provision({ email, invite: true });
    const [customerId, ownerId] = ids(answer);
    expect([answer.status, answer.body.owner]).toEqual([201, { id: ownerId, email, owner: true }]);
    const old = await mail.token(email);
    expect((await resend(customerId)).status).toBe(204);
    const accept = (token: string) =>
      identity.call('POST', `/api/v1/invites/${token}/accept`, { body: { password: 'a-good-password-1' } });
    const fresh = await mail.token(email, 2);
    expect([(await accept(old)).status, (await accept(fresh)).status]).toEqual([410, 204]);
    await expect(identity.signIn(email, 'a-good-password-1')).resolves.toContain('__Host-session=');
    expect(await resend(customerId)).toMatchObject({ status: 409, body: { code: 'portal-user.already-registered' } });
  });

  it('whose address and password are lost gets a link at the address that the operator gives', async () => {
    const answer = await provision({ email: someEmail(), password: 'a-good-password-1' });
    const [customerId, ownerId] = ids(answer);
    await forgetDetails(identity, { id: ownerId });
    expect(await resend(customerId)).toMatchObject({ status: 400, body: { code: 'portal-user.address-lost' } });
    const email = someEmail();
    const person = { first_name: 'Ada', last_name: 'Owner', email };
    const taken = someEmail();
    await provision({ email: taken });
    expect(await resend(customerId, { ...person, email: taken })).toMatchObject({
      status: 409,
      body: { code: 'portal-user.email-taken' },
    });
    expect((await resend(customerId, person)).status).toBe(204);
    expect(await resend(customerId, person)).toMatchObject({
      status: 409,
      body: { code: 'portal-user.address-known' },
    });
    const token = await mail.token(email);
    const accepted = await identity.call('POST', `/api/v1/invites/${token}/accept`, {
      body: { password: 'a-good-password-2' },
    });
    expect(accepted.status).toBe(204);
    await expect(identity.signIn(email, 'a-good-password-2')).resolves.toContain('__Host-session=');
    expect(await resend(customerId)).toMatchObject({ status: 409, body: { code: 'portal-user.already-registered' } });
  });

  it('cannot have a password as well', async () => {
    const answer = await provision({ email: someEmail(), invite: true, password: 'a-good-password-1' });
    expect(errorsOf(answer)).toEqual([400, [{ field: 'owner.invite', rule: 'must not stand beside a password' }]]);
  });

  it.each([randomUUID(), 'x'])('is unknown for customer %s', async (customerId) => {
    expect(await resend(customerId)).toMatchObject({ status: 404, body: { code: 'customer.unknown' } });
  });
});
