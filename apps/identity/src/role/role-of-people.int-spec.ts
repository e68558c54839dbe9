import { PERMISSIONS } from '@rebelcore/contracts/roles';
import { randomUUID } from 'node:crypto';
import {
  idOf,
  IdentityFixture,
  someEmail,
  SUPER_USER_ROLE,
  type Answer,
  type TestCustomer,
} from '../identity.fixture-spec.js';
import { MailServer } from '../portal-user/mail-server.fixture-spec.js';

const PASSWORD = 'a-good-password-1';
let mail: MailServer;
let identity: IdentityFixture;
let acme: TestCustomer;
beforeAll(async () => {
  mail = await MailServer.start();
  identity = await IdentityFixture.start({
    SMTP_URL: mail.url,
    MAIL_FROM: 'API users <no-reply@portal.test>',
    PUBLIC_URL: 'https://portal.test',
  });
  acme = await identity.customer();
});
afterAll(async () => {
  await identity.stop();
  await mail.goAway();
});

const own = async (permissions: object) => {
  const body = { name: `Role ${randomUUID()}`, permissions };
  return idOf(await acme.call('POST', '/api/v1/roles', { body }));
};
const invite = (roleId: string, email = someEmail()) =>
  acme.call('POST', '/api/v1/users', { body: { first_name: 'Bob', last_name: 'Byte', email, role_id: roleId } });
const roleOf = async (id: string) => {
  const { role } = (await acme.call('GET', `/api/v1/users/${id}`)).body as unknown as { role: { id: string } };
  return role.id;
};

/** Somebody with this role, signed in, whose requests are made as the gateway makes them. */
async function somebody(roleId: string) {
  const email = someEmail();
  await invite(roleId, email);
  await identity.call('POST', `/api/v1/invites/${await mail.token(email)}/accept`, { body: { password: PASSWORD } });
  const cookie = await identity.signIn(email, PASSWORD);
  return async (method: string, path: string): Promise<Answer> => {
    const { body } = await identity.exchange(cookie);
    return identity.call(method, path, { authorization: `Bearer ${String(body.token)}` });
  };
}

describe('“Changed flags count from the next request”: a session', () => {
  it('may do what the role of its person permits at that moment, and says so', async () => {
    const role = await own({ can_add_users: true });
    const as = await somebody(role);
    const statuses = async () => [
      (await as('GET', '/api/v1/users')).status,
      (await as('POST', '/api/v1/roles')).status,
    ];
    const me = async () => {
      const { user, permissions } = (await as('GET', '/api/v1/me')).body as unknown as {
        user: { owner: boolean; role: { id: string } };
        permissions: string[];
      };
      return [user.owner, user.role.id, permissions];
    };
    expect([await statuses(), await me()]).toEqual([
      [200, 403],
      [false, role, ['can_add_users']],
    ]);
    expect((await as('GET', '/api/v1/roles')).status).toBe(200);

    await acme.call('PATCH', `/api/v1/roles/${role}`, { body: { permissions: { can_add_users: false } } });
    expect([await statuses(), await me()]).toEqual([
      [403, 403],
      [false, role, []],
    ]);
    expect((await as('GET', '/api/v1/roles')).status).toBe(403);

    await acme.call('DELETE', `/api/v1/roles/${role}?reassign_to=${SUPER_USER_ROLE}`);
    // Allowed by now, and refused for its missing body.
    expect([await statuses(), (await me())[1]]).toEqual([[200, 400], SUPER_USER_ROLE]);
  });

  // “The Customer Super Admin stands outside roles: every check passes, within their own customer.” The journey
  // “who may what” asks every address.
  it('of the Customer Super Admin has no role, and every flag', async () => {
    const { body } = await acme.call('GET', '/api/v1/me');
    expect(body).toMatchObject({
      user: { owner: true, role: null },
      permissions: PERMISSIONS,
    });
  });
});

describe('deleting a role', () => {
  it('moves and counts portal users and API users alike, also those who have not accepted yet', async () => {
    const [role, target] = [await own({}), await own({})];
    const people = [idOf(await invite(role)), idOf(await invite(role))];
    const apiUser = idOf(await acme.mint({ role_id: role }));
    expect((await acme.call('DELETE', `/api/v1/roles/${role}`)).body).toMatchObject({ code: 'role.in-use', users: 3 });
    await acme.call('DELETE', `/api/v1/users/${String(people[0])}`);
    expect((await acme.call('DELETE', `/api/v1/roles/${role}?reassign_to=${target}`)).status).toBe(204);
    expect([await roleOf(people[1] ?? ''), await roleOf(apiUser)]).toEqual([target, target]);
  });

  it('whoever invites with the role at the same moment is refused, or the invited person is moved', async () => {
    for (let round = 0; round < 4; round++) {
      const [role, target] = [await own({ can_view_activity: true }), await own({})];
      const inviting = Array.from({ length: 5 }, () => invite(role));
      const deleting = acme.call('DELETE', `/api/v1/roles/${role}?reassign_to=${target}`);
      const invited = await Promise.all(inviting);
      expect((await deleting).status).toBe(204);
      for (const answer of invited) {
        if (answer.status === 201) expect(await roleOf(idOf(answer))).toBe(target);
        else
          expect([answer.status, answer.body.errors]).toEqual([
            400,
            [{ field: 'role_id', rule: expect.any(String) as string }],
          ]);
      }
    }
  });
});
