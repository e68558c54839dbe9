import { until } from '@rebelcore/testing/until';
import { randomUUID } from 'node:crypto';
import {
  AGENT_ROLE,
  errorsOf,
  idOf,
  IdentityFixture,
  someEmail,
  SUPER_USER_ROLE,
  type Answer,
  type TestCustomer,
} from '../identity.fixture-spec.js';
import { MailServer } from './mail-server.fixture-spec.js';

const USER_ROLE = '0198a1de-0000-7000-8000-000000000002';
const PASSWORD = 'a-good-password-1';

let mail: MailServer;
let identity: IdentityFixture;
let acme: TestCustomer;
let other: TestCustomer;
beforeAll(async () => {
  mail = await MailServer.start();
  identity = await IdentityFixture.start({
    SMTP_URL: mail.url,
    MAIL_FROM: 'API users <no-reply@portal.test>',
    PUBLIC_URL: 'https://portal.test',
  });
  acme = await identity.customer();
  other = await identity.customer();
});
afterAll(async () => {
  await identity.stop();
  await mail.goAway();
});

const invite = (changes: Record<string, unknown> = {}, customer = acme) =>
  customer.call('POST', '/api/v1/users', {
    body: { first_name: 'Bob', last_name: 'Byte', email: someEmail(), role_id: USER_ROLE, ...changes },
  });
const accept = (token: string, password: unknown = PASSWORD, headers: Record<string, string> = {}) =>
  identity.call('POST', `/api/v1/invites/${token}/accept`, { body: { password }, ...headers });
const signIn = (email: string, password = PASSWORD) =>
  identity.call('POST', '/api/v1/sessions', { body: { email, password } });
const user = async (id: string, customer = acme) => (await customer.call('GET', `/api/v1/users/${id}`)).body;
const eventsOf = (id: string): string[] =>
  identity.events.filter(({ subject }) => subject === id).map(({ name }) => name);
const sent = (id: string) =>
  until(
    async () => JSON.stringify((await user(id)).invite).includes('"sent"'),
    'the list to say that the mail was sent',
  );
const published = (id: string, name: string) => until(() => eventsOf(id).includes(name), `${name} of ${id}`);

/** Somebody who has registered. */
async function somebody(
  changes: Record<string, unknown> = {},
  customer = acme,
): Promise<{ id: string; email: string }> {
  const email = someEmail();
  const id = idOf(await invite({ email, ...changes }, customer));
  await accept(await mail.token(email));
  return { id, email };
}

describe('"A portal user is created with first name, last name, e-mail, role, status"', () => {
  it('and is listed as invited, inactive until the password is set', async () => {
    const email = someEmail();
    const answer = await invite({ email, first_name: ' Bob ' });
    const id = idOf(answer);
    const item = {
      id,
      type: 'portal',
      owner: false,
      status: 'inactive',
      created_at: expect.any(String) as unknown,
      role: { id: USER_ROLE, name: 'RebelCore_User' },
      email,
      first_name: 'Bob',
      last_name: 'Byte',
      invite: { expires_at: expect.any(String) as unknown, expired: false, becomes: 'active', delivery: 'waiting' },
      second_factor: false,
    };
    expect([answer.status, answer.body]).toEqual([201, item]);
    await mail.token(email);
    await sent(id);
    const now = { ...item, invite: { ...item.invite, delivery: 'sent' } };
    expect(await user(id)).toEqual(now);
    const position = String(answer.headers.get('position'));
    const list = await acme.call('GET', `/api/v1/users?type=portal&status=inactive&q=${email}&position=${position}`);
    expect(list.body.items).toEqual([now]);
  });

  it.each([
    [{ first_name: undefined }, 'first_name', 'is required'],
    [{ last_name: '' }, 'last_name', 'must not be empty'],
    [{ email: 'bob' }, 'email', 'must be an e-mail address'],
    [{ email: 'bob@example.test\r\nbcc: x@example.test' }, 'email', 'must be an e-mail address'],
    [{ role_id: 'x' }, 'role_id', 'must be the id of a role'],
    [{ role_id: randomUUID() }, 'role_id', 'is not a role of this customer'],
    [{ status: 'deleted' }, 'status', 'must be active or inactive'],
    [{ owner: true }, 'owner', 'is not a known field'],
  ])('refuses %j, names the field and the rule, and writes nothing', async (changes, field, rule) => {
    const before = await identity.rows('select count(*) from event');
    expect(errorsOf(await invite(changes))).toEqual([400, [{ field, rule }]]);
    expect(await identity.rows('select count(*) from event')).toEqual(before);
  });

  it('refuses an address that somebody has, however it is written', async () => {
    const taken = await invite({ email: other.email.toUpperCase() });
    expect(taken.body.code).toBe('portal-user.email-taken');
    expect(errorsOf(taken)).toEqual([409, [{ field: 'email', rule: 'is in use already' }]]);
  });

  it('gives an address to one of 16 who ask at the same moment', async () => {
    const email = someEmail();
    const answers = await Promise.all(Array.from({ length: 16 }, () => invite({ email })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 15 }, () => 409)]);
  });
});

// “No temporary password: an invite link by e-mail, valid 24 h, single use, leads to Set your password (at least 12 characters,
// letters and digits).”
describe('an invite link', () => {
  it('sends a mail from the configured sender with a link to the portal', async () => {
    const email = someEmail();
    const answer = await invite({ email });
    const token = await mail.token(email);
    expect(token).toMatch(/^[\w-]{43}$/);
    const [received] = mail.mailsTo(email);
    expect(received?.from?.value).toEqual([{ name: 'API users', address: 'no-reply@portal.test' }]);
    expect(received?.subject).toBe('Set your password for Acme');
    expect(received?.text).toContain(`https://portal.test/invite#${token}`);
    expect(String(received?.html)).toContain(`href="https://portal.test/invite#${token}"`);
    const { expires_at: expiresAt } = answer.body.invite as unknown as { expires_at: string };
    const created = Date.parse(String(answer.body.created_at));
    expect(Date.parse(expiresAt) - created).toBe(24 * 3_600_000);
  });

  it('"Until then the account is inactive and sign-in is refused; setting the password makes it active"', async () => {
    const email = someEmail();
    const id = idOf(await invite({ email }));
    const token = await mail.token(email);
    expect((await signIn(email)).status).toBe(401);
    const answer = await accept(token);
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([204, 'no-store']);
    expect(await user(id)).toMatchObject({ status: 'active', invite: null });
    expect((await signIn(email)).status).toBe(201);
    await published(id, 'PortalUserRegistered');
    expect(eventsOf(id)).toEqual(expect.arrayContaining(['PortalUserInvited', 'PortalUserRegistered']));
    const registered = identity.events.find((e) => e.name === 'PortalUserRegistered' && e.subject === id);
    expect(registered?.data).toMatchObject({ actor: { kind: 'portal_user', id } });
  });

  it('leaves the account inactive where that was chosen', async () => {
    const { id, email } = await somebody({ status: 'inactive' });
    expect(await user(id)).toMatchObject({ status: 'inactive', invite: null });
    expect((await signIn(email)).status).toBe(401);
    const answer = await acme.call('POST', `/api/v1/users/${id}/reactivate`);
    expect(answer).toMatchObject({ status: 200, body: { status: 'active' } });
    expect((await signIn(email)).status).toBe(201);
  });

  it.each([
    ['short1', 'must have at least 12 characters, letters and digits'],
    ['only-letters-here', 'must have at least 12 characters, letters and digits'],
    ['123456789012345', 'must have at least 12 characters, letters and digits'],
    [`${'x'.repeat(128)}1`, 'must be at most 128 characters'],
    [undefined, 'is required'],
  ])('"(at least 12 characters, letters and digits)": refuses %j and leaves the link valid', async (password, rule) => {
    const email = someEmail();
    await invite({ email });
    const token = await mail.token(email);
    expect(errorsOf(await accept(token, password ?? null))).toEqual([
      400,
      [{ field: 'password', rule: password === undefined ? 'must be a string' : rule }],
    ]);
    expect((await accept(token)).status).toBe(204);
  });

  it('"A used link says \'This invite link is no longer valid\'"', async () => {
    const email = someEmail();
    await invite({ email });
    const token = await mail.token(email);
    await accept(token);
    const again = await accept(token, 'another-password-2');
    expect([again.status, again.body.code, again.body.detail]).toEqual([
      410,
      'invite.not-valid',
      'This invite link is no longer valid. Ask your administrator for a new one.',
    ]);
    expect((await signIn(email, 'another-password-2')).status).toBe(401);
  });

  it('so does one that never existed, one that is cut and one after 24 hours', async () => {
    const email = someEmail();
    const id = idOf(await invite({ email }));
    const token = await mail.token(email);
    for (const wrong of [randomUUID(), token.slice(1), `${token}x`, `%F0%9F%8E%89`]) {
      expect([wrong, (await accept(wrong)).status]).toEqual([wrong, 410]);
    }
    await identity.database.asOwner(
      `update portal_user_invite set expires_at = now() - interval '1 second' where portal_user_id = '${id}'`,
    );
    expect((await accept(token)).status).toBe(410);
    expect(await user(id)).toMatchObject({ status: 'inactive', invite: { expired: true } });
  });

  it('lets one of 16 set a password who hold the same link at the same moment', async () => {
    const email = someEmail();
    const id = idOf(await invite({ email }));
    const token = await mail.token(email);
    const passwords = Array.from({ length: 16 }, (_, n) => `a-good-password-${String(n)}`);
    const answers = await Promise.all(passwords.map((password) => accept(token, password)));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array.from({ length: 15 }, () => 410)]);
    const winner = passwords[answers.findIndex(({ status }) => status === 204)];
    expect((await signIn(email, winner)).status).toBe(201);
    await published(id, 'PortalUserRegistered');
    expect(eventsOf(id).filter((name) => name === 'PortalUserRegistered')).toHaveLength(1);
  });

  it('"Resend invite makes a fresh link", and voids the older one', async () => {
    const email = someEmail();
    const id = idOf(await invite({ email }));
    const old = await mail.token(email);
    const answer = await acme.call('POST', `/api/v1/users/${id}/resend-invite`);
    expect(answer).toMatchObject({ status: 200, body: { id, status: 'inactive', invite: { expired: false } } });
    const fresh = await mail.token(email, 2);
    expect((await accept(old)).status).toBe(410);
    expect((await accept(fresh)).status).toBe(204);
    const registered = await acme.call('POST', `/api/v1/users/${id}/resend-invite`);
    expect(registered).toMatchObject({ status: 409, body: { code: 'portal-user.already-registered' } });
  });

  it('goes to somebody whose password is lost, also when the link before was put back without its token', async () => {
    const { id, email } = await somebody();
    await identity.database.asOwner(
      `set rebelcore.every_customer = on; update portal_user_private set password_hash = null where portal_user_id = '${id}'`,
    );
    const again = await acme.call('POST', `/api/v1/users/${id}/resend-invite`);
    expect(again).toMatchObject({ status: 200, body: { status: 'inactive', invite: { becomes: 'active' } } });
    const [old] = [await mail.token(email, 2)];
    await identity.database.asOwner(
      `set rebelcore.every_customer = on; delete from portal_user_invite where portal_user_id = '${id}'`,
    );
    expect((await acme.call('POST', `/api/v1/users/${id}/resend-invite`)).status).toBe(200);
    const fresh = await mail.token(email, 3);
    expect([(await accept(old)).status, (await accept(fresh)).status]).toEqual([410, 204]);
    expect((await user(id)).status).toBe('active');
    expect((await signIn(email)).status).toBe(201);
  });

  it('invariant 7: keeps of a link the hash alone, and nothing once it is used', async () => {
    const email = someEmail();
    const id = idOf(await invite({ email }));
    const token = await mail.token(email);
    await sent(id);
    const everything = async () => {
      const tables = await identity.rows(`select tablename from pg_tables where schemaname = 'public'`);
      const rows = await Promise.all(tables.map((t) => identity.rows(`select t::text from ${String(t.tablename)} t`)));
      return JSON.stringify(rows);
    };
    const before = await everything();
    for (const form of [token, Buffer.from(token).toString('hex')]) expect(before).not.toContain(form);
    await accept(token);
    const left = await identity.rows(
      `select (select count(*)::int from portal_user_invite where portal_user_id = '${id}') as invites,
              (select count(*)::int from claim where scope = 'portal-user.invite' and stream_id = '${id}') as claims`,
    );
    expect(left).toEqual([{ invites: 0, claims: 0 }]);
  });

  it('is recorded for whom it invites when it is too old, and when too many passwords wait', async () => {
    const email = someEmail();
    const id = idOf(await invite({ email }));
    const token = await mail.token(email);
    const [busy, expired, from] = [randomUUID(), randomUUID(), '198.51.100.200'];
    await identity.whileCrowded(from, async () => {
      const headers = { 'x-correlation-id': busy, 'x-forwarded-for': from };
      expect(await accept(token, PASSWORD, headers)).toMatchObject({ status: 429, body: { code: 'session.busy' } });
    });
    await identity.database.asOwner(
      `update portal_user_invite set expires_at = now() - interval '1 second' where portal_user_id = '${id}'`,
    );
    expect((await accept(token, PASSWORD, { 'x-correlation-id': expired })).status).toBe(410);
    for (const [name, reason] of [
      [busy, 'session.busy'],
      [expired, 'invite.not-valid'],
    ] as const) {
      const call = await until(() => identity.callOf(name), 'the record');
      expect(call).toMatchObject({ reason, customerId: acme.id, portalUserId: id });
    }
  });

  it('records a refused attempt under its route, without the token', async () => {
    const token = randomUUID();
    await accept(token);
    const calls = () => identity.calls.flatMap(({ data }) => data.calls);
    const route = 'POST /api/v1/invites/:token/accept';
    const call = await until(() => calls().find((each) => each.route === route && each.status === 410), 'the record');
    expect(call.reason).toBe('invite.not-valid');
    expect(JSON.stringify(calls())).not.toContain(token);
  });
});

describe('"the Customer Super Admin carries an OWNER badge and cannot be edited or deleted there"', () => {
  it.each([
    ['PATCH', '', { first_name: 'Eve' }],
    ['DELETE', '', undefined],
    ['POST', '/deactivate', undefined],
    ['POST', '/reactivate', undefined],
  ])('%s %s', async (method, path, body) => {
    const answer = await acme.call(method, `/api/v1/users/${acme.ownerId}${path}`, body && { body });
    expect(answer).toMatchObject({ status: 409, body: { code: 'portal-user.is-owner' } });
  });

  it('and is flagged as owner, without a role', async () => {
    const owner = await user(acme.ownerId);
    expect(owner).toMatchObject({ owner: true, status: 'active', invite: null });
    expect(owner).not.toHaveProperty('role');
  });
});

describe('editing a portal user', () => {
  const patch = (id: string, body: unknown, customer = acme) => customer.call('PATCH', `/api/v1/users/${id}`, { body });

  it('changes what is named and leaves the rest', async () => {
    const { id, email } = await somebody();
    expect((await patch(id, {})).body).toEqual(await user(id));
    const answer = await patch(id, { last_name: 'Bit' });
    expect(answer).toMatchObject({ status: 200, body: { first_name: 'Bob', last_name: 'Bit', email } });
    expect(answer.body).toEqual(await user(id));
    await published(id, 'PortalUserDetailsChanged');
    const event = identity.events.find((e) => e.subject === id && e.name === 'PortalUserDetailsChanged');
    expect(event?.data).toMatchObject({ changed: ['last_name'], actor: { kind: 'portal_user', id: acme.ownerId } });
    expect(JSON.stringify(event)).not.toContain('Bit');
  });

  it('"user.role_change (only when the role really differs)"', async () => {
    const { id } = await somebody();
    expect((await patch(id, { role_id: USER_ROLE })).status).toBe(200);
    const changed = await patch(id, { role_id: AGENT_ROLE });
    expect(changed.body.role).toEqual({ id: AGENT_ROLE, name: 'RebelCore_AgentUser' });
    const again = await patch(id, { role_id: AGENT_ROLE });
    expect(again.headers.get('position')).toBe(changed.headers.get('position'));
    await published(id, 'PortalUserRoleChanged');
    expect(eventsOf(id).filter((name) => name === 'PortalUserRoleChanged')).toHaveLength(1);
  });

  it('moves the sign-in to another address and frees the old one', async () => {
    const { id, email } = await somebody();
    const next = someEmail();
    expect((await patch(id, { email: next })).body.email).toBe(next);
    expect([(await signIn(email)).status, (await signIn(next)).status]).toEqual([401, 201]);
    expect((await invite({ email })).status).toBe(201);
    expect((await invite({ email: next })).status).toBe(409);
    expect((await patch(id, { email: next.toUpperCase() })).body.email).toBe(next.toUpperCase());
    expect((await invite({ email: next })).status).toBe(409);
    expect(errorsOf(await patch(id, { email: acme.email }))).toEqual([
      409,
      [{ field: 'email', rule: 'is in use already' }],
    ]);
  });

  it('mails a fresh link to the new address of somebody who is invited, and voids the older one', async () => {
    const [wrong, right] = [someEmail(), someEmail()];
    const id = idOf(await invite({ email: wrong }));
    const old = await mail.token(wrong);
    await patch(id, { email: right });
    const fresh = await mail.token(right);
    expect((await accept(old)).status).toBe(410);
    expect((await accept(fresh)).status).toBe(204);
  });

  it('keeps one address for each of 8 edits at the same moment', async () => {
    const { id } = await somebody();
    const emails = Array.from({ length: 8 }, () => someEmail());
    const answers = await Promise.all(emails.map((email) => patch(id, { email })));
    expect(answers.map(({ status }) => status)).toEqual(emails.map(() => 200));
    const claims = await identity.rows(`select 1 from claim where scope = 'portal-user.email' and stream_id = '${id}'`);
    expect(claims).toHaveLength(1);
    const left = String((await user(id)).email);
    expect((await signIn(left)).status).toBe(201);
  });

  it.each([
    [{ status: 'active' }, 'status', 'is not a known field'],
    [{ first_name: 'a\nb' }, 'first_name', 'must be one line without control characters'],
    [{ role_id: randomUUID() }, 'role_id', 'is not a role of this customer'],
  ])('refuses %j', async (body, field, rule) => {
    const { id } = await somebody();
    expect(errorsOf(await patch(id, body))).toEqual([400, [{ field, rule }]]);
  });
});

describe('editing an API user', () => {
  it('changes its role and nothing else, once', async () => {
    const id = idOf(await acme.mint());
    const patch = (body: unknown) => acme.call('PATCH', `/api/v1/users/${id}`, { body });
    const changed = await patch({ role_id: USER_ROLE });
    expect(changed).toMatchObject({ status: 200, body: { id, type: 'api', role: { id: USER_ROLE } } });
    expect((await patch({ role_id: USER_ROLE })).headers.get('position')).toBe(changed.headers.get('position'));
    for (const body of [{ first_name: 'Y' }, { role_id: AGENT_ROLE, email: someEmail() }, {}]) {
      expect(await patch(body)).toMatchObject({ status: 409, body: { code: 'api-user.role-only' } });
    }
    expect((await user(id)).role).toEqual({ id: USER_ROLE, name: 'RebelCore_User' });
  });
});

describe('deactivating and reactivating a portal user', () => {
  const change = (id: string, verb: string) => acme.call('POST', `/api/v1/users/${id}/${verb}`);

  it('signs out at once and refuses sign-in until it is reactivated', async () => {
    const { id, email } = await somebody();
    const cookie = await identity.signIn(email, PASSWORD);
    const answer = await change(id, 'deactivate');
    expect([answer.status, answer.body]).toEqual([
      200,
      { status: 'inactive', enforced_at: expect.any(String) as unknown, live_tokens: 0, last_expiry: null },
    ]);
    expect((await identity.exchange(cookie)).status).toBe(401);
    expect((await signIn(email)).body.code).toBe('session.not-opened');
    expect((await change(id, 'deactivate')).status).toBe(200);
    expect((await change(id, 'reactivate')).body.status).toBe('active');
    expect((await identity.exchange(cookie)).status).toBe(401);
    // The password counts again, and the second factor is the one from before.
    expect((await signIn(email)).body.code).toBe('session.second-factor-required');
    expect(await user(id)).toMatchObject({ status: 'active', second_factor: true });
    await published(id, 'PortalUserReactivated');
    expect(eventsOf(id).filter((name) => /Deactivated|Reactivated/.test(name))).toEqual([
      'PortalUserDeactivated',
      'PortalUserReactivated',
    ]);
  });

  it('of somebody who is invited decides what setting the password leads to', async () => {
    const id = idOf(await invite());
    expect((await change(id, 'deactivate')).body.status).toBe('inactive');
    expect(await user(id)).toMatchObject({ status: 'inactive', invite: { becomes: 'inactive' } });
    expect((await change(id, 'reactivate')).body.status).toBe('inactive');
    expect(await user(id)).toMatchObject({ status: 'inactive', invite: { becomes: 'active' } });
  });
});

describe('deleting a portal user', () => {
  it('forgets the person, ends the sessions and frees the address', async () => {
    const { id, email } = await somebody({ first_name: 'Unforgettable' });
    const cookie = await identity.signIn(email, PASSWORD);
    expect((await acme.call('DELETE', `/api/v1/users/${id}`)).status).toBe(204);
    expect((await identity.exchange(cookie)).status).toBe(401);
    expect((await signIn(email)).status).toBe(401);
    expect((await acme.call('GET', `/api/v1/users/${id}`)).body.code).toBe('user.unknown');
    expect((await acme.call('DELETE', `/api/v1/users/${id}`)).body.code).toBe('user.unknown');
    expect((await acme.call('GET', '/api/v1/users?q=unforgettable')).body.items).toEqual([]);
    await published(id, 'PortalUserDeleted');
    const tables = await identity.rows(`select tablename from pg_tables where schemaname = 'public'`);
    for (const { tablename } of tables) {
      const rows = await identity.rows(`select t::text from ${String(tablename)} t`);
      expect([tablename, JSON.stringify(rows).includes('Unforgettable')]).toEqual([tablename, false]);
    }
    expect((await invite({ email })).status).toBe(201);
  });

  it('voids the link of somebody who is invited', async () => {
    const email = someEmail();
    const id = idOf(await invite({ email }));
    const token = await mail.token(email);
    expect((await acme.call('DELETE', `/api/v1/users/${id}`)).status).toBe(204);
    expect((await accept(token)).status).toBe(410);
  });

  it('is not for API users, whose calls stay in the log', async () => {
    const id = idOf(await acme.mint());
    const answer = await acme.call('DELETE', `/api/v1/users/${id}`);
    expect(answer).toMatchObject({ status: 409, body: { code: 'api-user.not-deletable' } });
  });
});

describe('who may manage people', () => {
  const as = async ({ email }: { email: string }) => {
    const cookie = await identity.signIn(email, PASSWORD);
    return async (method: string, path: string, body?: unknown): Promise<Answer> => {
      const { token } = (await identity.exchange(cookie)).body;
      return identity.call(method, path, { authorization: `Bearer ${String(token)}`, ...(body ? { body } : {}) });
    };
  };

  it('"Visible to holders of the Add Users permission and to the Super Admin"', async () => {
    const [{ id }, holder, ordinary] = [
      await somebody(),
      await somebody({ role_id: SUPER_USER_ROLE }),
      await somebody(),
    ];
    const [may, mayNot] = [await as(holder), await as(ordinary)];
    const person = { first_name: 'N', last_name: 'N', email: someEmail(), role_id: USER_ROLE };
    const routes = [
      ['GET', '/api/v1/users', undefined, 200],
      ['GET', `/api/v1/users/${id}`, undefined, 200],
      ['POST', '/api/v1/users', person, 201],
      ['PATCH', `/api/v1/users/${id}`, { first_name: 'Y' }, 200],
      ['POST', `/api/v1/users/${id}/deactivate`, undefined, 200],
      ['POST', `/api/v1/users/${id}/reactivate`, undefined, 200],
      ['POST', `/api/v1/users/${id}/resend-invite`, undefined, 409],
      ['DELETE', `/api/v1/users/${id}`, undefined, 204],
    ] as const;
    for (const [method, path, body, status] of routes) {
      expect([method, path, (await mayNot(method, path, body)).status]).toEqual([method, path, 403]);
      expect([method, path, (await may(method, path, body)).status]).toEqual([method, path, status]);
    }
  });

  it('nobody deactivates or deletes themselves', async () => {
    const holder = await somebody({ role_id: SUPER_USER_ROLE });
    const call = await as(holder);
    for (const [method, path] of [
      ['POST', '/deactivate'],
      ['DELETE', ''],
    ] as const) {
      const answer = await call(method, `/api/v1/users/${holder.id}${path}`);
      expect(answer).toMatchObject({ status: 409, body: { code: 'portal-user.is-yourself' } });
    }
  });

  // “Only the Customer Super Admin can mint one. Whoever is not sees no such option (and the server refuses).”
  it('API users are the Super Admin’s alone', async () => {
    const id = idOf(await acme.mint());
    const call = await as(await somebody({ role_id: SUPER_USER_ROLE }));
    for (const [method, path, body] of [
      ['POST', '/api-users', { role_id: USER_ROLE }],
      ['POST', `/users/${id}/deactivate`, undefined],
      ['POST', `/users/${id}/reactivate`, undefined],
      ['PATCH', `/users/${id}`, { role_id: SUPER_USER_ROLE }],
    ] as const) {
      const answer = await call(method, `/api/v1${path}`, body);
      expect(answer).toMatchObject({ status: 403, body: { code: 'permission.missing' } });
    }
    expect((await user(id)).status).toBe('active');
  });

  it('invariant 8: "of one’s own customer only"', async () => {
    const { id } = await somebody();
    const routes = [
      ['GET', '', undefined],
      ['PATCH', '', { first_name: 'Y' }],
      ['DELETE', '', undefined],
      ['POST', '/resend-invite', undefined],
      ['POST', '/deactivate', undefined],
      ['POST', '/reactivate', undefined],
    ] as const;
    for (const [method, path, body] of routes) {
      for (const unknown of [id, randomUUID(), 'not-an-id']) {
        const answer = await other.call(method, `/api/v1/users/${unknown}${path}`, body && { body });
        expect([method, path, answer.status, answer.body.code]).toEqual([method, path, 404, 'user.unknown']);
      }
    }
  });
});

it('finds people and labels in every spelling of the alphabet', async () => {
  await invite({ first_name: 'MÜNCHEN', last_name: 'Straße' });
  await acme.mint({ label: 'ΑΘΗΝΑ' });
  const found = async (q: string) =>
    ((await acme.call('GET', `/api/v1/users?q=${encodeURIComponent(q)}`)).body.items as unknown as unknown[]).length;
  for (const q of ['münchen', 'mu\u0308nchen', 'MÜNCHEN straße', 'αθηνα']) expect([q, await found(q)]).toEqual([q, 1]);
  expect(errorsOf(await acme.call('GET', '/api/v1/users?q=a%00b'))).toEqual([
    400,
    [{ field: 'q', rule: 'must not contain NUL or half a surrogate pair' }],
  ]);
});

// “No prompt content, no bodies, no personal data: the fact and the identifiers needed to cross-reference.” What is on no
// topic is in no entry.
it('addresses and names of people are on no topic', async () => {
  const { id, email } = await somebody({ first_name: 'Zebedee', last_name: 'Quux' });
  await acme.call('PATCH', `/api/v1/users/${id}`, { body: { last_name: 'Quuux', email: someEmail() } });
  await acme.call('DELETE', `/api/v1/users/${id}`);
  await accept(email);
  await published(id, 'PortalUserDeleted');
  await until(() => JSON.stringify(identity.calls).includes('/invites/:token/accept'), 'the refused call');
  const topics = JSON.stringify([identity.events, identity.calls, identity.credentials, identity.heartbeats]);
  expect(topics).toContain(id);
  expect(topics).not.toMatch(/zebedee|quux|@example\.test/i);
});
