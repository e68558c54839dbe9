import { CommandBus } from '@nestjs/cqrs';
import { PERMISSIONS, SYSTEM_ROLES } from '@rebelcore/contracts/roles';
import { until } from '@rebelcore/testing/until';
import { randomUUID } from 'node:crypto';
import type { Caller } from '../access/caller.js';
import { ChangeApiUserRole } from '../api-user/api-user.commands.js';
import {
  AGENT_ROLE,
  errorsOf,
  idOf,
  IdentityFixture,
  SUPER_USER_ROLE,
  type Answer,
  type TestCustomer,
} from '../identity.fixture-spec.js';
import { Roles } from './roles.js';

interface Item {
  readonly id: string;
  readonly name: string;
  readonly system: boolean;
  readonly permissions: Readonly<Record<string, boolean>>;
  readonly users: number;
}

let identity: IdentityFixture;
let acme: TestCustomer;
let other: TestCustomer;
beforeAll(async () => {
  identity = await IdentityFixture.start();
  acme = await identity.customer();
  other = await identity.customer();
});
afterAll(() => identity.stop());

const some = (name: string) => `${name} ${randomUUID()}`;
const add = (body: object, customer = acme) => customer.call('POST', '/api/v1/roles', { body });
const change = (id: string, body: object, customer = acme) => customer.call('PATCH', `/api/v1/roles/${id}`, { body });
const remove = (id: string, target?: string, customer = acme) =>
  customer.call('DELETE', `/api/v1/roles/${id}${target === undefined ? '' : `?reassign_to=${target}`}`);
const own = async (permissions: object = {}, customer = acme) =>
  idOf(await add({ name: some('Role'), permissions }, customer));
const list = async (customer = acme) =>
  (await customer.call('GET', '/api/v1/roles')).body.items as unknown as readonly Item[];
const listed = async (id: string) => (await list()).find((item) => item.id === id);
const roleOf = async (apiUserId: string, customer = acme) => {
  const { items } = (await customer.call('GET', '/api/v1/users?type=api&limit=200')).body as unknown as {
    items: { id: string; role: { id: string; name: string } }[];
  };
  return items.find(({ id }) => id === apiUserId)?.role;
};
const eventsOf = (subject: string) => identity.events.filter((event) => event.subject === subject);
const published = (subject: string, name: string) =>
  until(() => eventsOf(subject).find((event) => event.name === name), name);
const codeOf = ({ status, body }: Answer) => [status, body.code];
const flags = (...on: string[]) => Object.fromEntries(PERMISSIONS.map((flag) => [flag, on.includes(flag)]));
const caller = (customer: TestCustomer): Caller => ({
  sessionId: randomUUID(),
  portalUserId: customer.ownerId,
  customerId: customer.id,
  owner: true,
  permissions: PERMISSIONS,
  correlationId: 'test',
  writeBy: Infinity,
});
const giveRole = (apiUserId: string, roleId: string, customer = acme): Promise<number> =>
  identity.app.get(CommandBus).execute(new ChangeApiUserRole(apiUserId, roleId, caller(customer)));

describe('the list of roles', () => {
  it('“Three read-only system roles marked System”, then the customer’s own by name, with how many users each has', async () => {
    const customer = await identity.customer();
    expect(await list(customer)).toEqual(
      SYSTEM_ROLES.map(({ id, name, permissions }) => ({
        id,
        name,
        system: true,
        permissions: flags(...permissions),
        users: 0,
      })),
    );
    await add({ name: 'Zulu' }, customer);
    const alpha = idOf(await add({ name: 'alpha', permissions: { can_use_agent: true } }, customer));
    await customer.mint({ role_id: alpha });
    await customer.mint();
    const items = (await list(customer)).map(({ name, system, users }) => [name, system, users]);
    expect(items.slice(2)).toEqual([
      ['RebelCore_AgentUser', true, 1],
      ['alpha', false, 1],
      ['Zulu', false, 0],
    ]);
  });

  it('invariant 8: holds no role of another customer', async () => {
    const id = await own({}, other);
    expect(await listed(id)).toBeUndefined();
    expect(await identity.app.get(Roles).find(acme.id, id)).toBeUndefined();
    expect(codeOf(await change(id, { name: 'mine' }))).toEqual([404, 'role.unknown']);
    expect(codeOf(await remove(id))).toEqual([404, 'role.unknown']);
    expect(errorsOf(await acme.mint({ role_id: id }))).toEqual([
      400,
      [{ field: 'role_id', rule: 'is not a role of this customer' }],
    ]);
    expect(errorsOf(await remove(await own(), id))).toEqual([
      400,
      [{ field: 'reassign_to', rule: 'is not a role of this customer' }],
    ]);
  });
});

describe('adding a role', () => {
  it('“Customers add their own”: answers it with every flag, and tells the topic', async () => {
    const name = some('Auditor');
    const answer = await add({ name: ` ${name} `, permissions: { can_view_activity: true, can_add_users: false } });
    const id = idOf(answer);
    expect([answer.status, answer.body]).toEqual([
      201,
      { id, name, system: false, permissions: flags('can_view_activity'), users: 0 },
    ]);
    const event = await published(id, 'RoleAdded');
    expect(event.data).toMatchObject({ name, permissions: ['can_view_activity'], actor: { id: acme.ownerId } });
    expect(event.sequence).toBe(Number(answer.headers.get('position')));
    expect(await listed(id)).toEqual(answer.body);
  });

  it('as a copy takes the flags that are not named from the other role', async () => {
    const source = await own({ can_view_specs: true, can_use_agent: true });
    const answer = await add({
      name: some('Copy'),
      permissions: { can_view_specs: false },
      copy_of: source.toUpperCase(),
    });
    expect(answer.body.permissions).toEqual(flags('can_use_agent'));
    expect((await published(idOf(answer), 'RoleAdded')).data).toMatchObject({ copyOf: source });
    const everything = await add({ name: some('Copy'), copy_of: SUPER_USER_ROLE });
    expect(everything.body.permissions).toEqual(flags(...PERMISSIONS));
    expect(errorsOf(await add({ name: some('Copy'), copy_of: randomUUID() }))).toEqual([
      400,
      [{ field: 'copy_of', rule: 'is not a role of this customer' }],
    ]);
  });

  it('refuses a name that the customer uses already, however it is written, and gives it to one of eight at once', async () => {
    const name = some('Größe');
    await add({ name });
    for (const taken of [name, name.toUpperCase(), name.normalize('NFD'), 'rebelcore_user']) {
      const answer = await add({ name: taken });
      expect([codeOf(answer), answer.body.errors]).toEqual([
        [409, 'role.name-taken'],
        [{ field: 'name', rule: 'is the name of another role' }],
      ]);
    }
    expect((await add({ name }, other)).status).toBe(201);
    const wanted = some('Wanted');
    const answers = await Promise.all(Array.from({ length: 8 }, () => add({ name: wanted })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 7 }, () => 409)]);
  });

  it.each([
    [{ name: undefined }, 'name', 'is required'],
    [{ name: ' ' }, 'name', 'must not be empty'],
    [{ name: 'x'.repeat(101) }, 'name', 'must be at most 100 characters'],
    [{ permissions: { can_fly: true } }, 'permissions.can_fly', 'is not a known field'],
    [{ permissions: { can_use_agent: 'yes' } }, 'permissions.can_use_agent', 'must be a boolean'],
    [{ permissions: ['can_use_agent'] }, 'permissions', 'must be an object'],
    [{ permissions: { '*': true } }, 'permissions.*', 'is not a known field'],
    [{ permissions: { can_use_agent: 2 } }, 'permissions.can_use_agent', 'must be a boolean'],
    [{ parent: SYSTEM_ROLES[0]?.id }, 'parent', 'is not a known field'],
    [{ copy_of: 'agent' }, 'copy_of', 'must be the id of a role'],
    [{ system: true }, 'system', 'is not a known field'],
  ])('“A role is a named bundle of yes/no flags: no tiers, no wildcards”: refuses %j', async (changes, field, rule) => {
    expect(errorsOf(await add({ name: some('Role'), permissions: {}, ...changes }))).toEqual([400, [{ field, rule }]]);
  });
});

describe('changing a role', () => {
  it('changes name and flags, of everybody who has it, and nothing when asked again', async () => {
    const id = await own({ can_use_agent: true, can_view_specs: true });
    const apiUser = idOf(await acme.mint({ role_id: id }));
    const to = { name: some('Renamed'), permissions: { can_use_agent: false } };
    const [first, again] = [await change(id.toUpperCase(), to), await change(id, to)];
    expect([first.status, first.body]).toEqual([
      200,
      { id, name: to.name, system: false, permissions: flags('can_view_specs'), users: 1 },
    ]);
    expect([again.body, again.headers.get('position')]).toEqual([first.body, first.headers.get('position')]);
    expect(await roleOf(apiUser)).toEqual({ id, name: to.name });
    await published(id, 'RoleChanged');
    expect(eventsOf(id).map(({ name }) => name)).toEqual(['RoleAdded', 'RoleChanged']);
    expect(await identity.app.get(Roles).standing(acme.id, apiUser)).toMatchObject({
      type: 'api',
      permissions: ['can_view_specs'],
    });
  });

  it('frees the old name, takes the new one, and keeps one that only changes its capitals', async () => {
    const [first, second] = [some('First'), some('Second')];
    const id = idOf(await add({ name: first }));
    await add({ name: second });
    expect(codeOf(await change(id, { name: second.toUpperCase() }))).toEqual([409, 'role.name-taken']);
    expect((await change(id, { name: first.toUpperCase() })).status).toBe(200);
    expect((await change(id, { name: some('Third') })).status).toBe(200);
    expect((await add({ name: first })).status).toBe(201);
  });

  it('leaves of many names at the same moment only the last one taken', async () => {
    const id = await own();
    const names = Array.from({ length: 8 }, () => some('Name'));
    const answers = await Promise.all(names.map((name) => change(id, { name })));
    expect(answers.map(({ status }) => status)).toEqual(names.map(() => 200));
    const last = (await listed(id))?.name;
    const free = await Promise.all(names.map(async (name) => (await add({ name })).status));
    expect(free).toEqual(names.map((name) => (name === last ? 409 : 201)));
  });

  it('“read-only system roles”: refuses to change or delete one', async () => {
    for (const { id } of SYSTEM_ROLES) {
      expect(codeOf(await change(id, { name: 'Mine' }))).toEqual([409, 'role.is-system']);
      expect(codeOf(await remove(id, AGENT_ROLE))).toEqual([409, 'role.is-system']);
    }
  });

  it.each([randomUUID(), 'not-an-id', '%00'])('knows no role %s', async (id) => {
    expect(codeOf(await change(id, {}))).toEqual([404, 'role.unknown']);
    expect(codeOf(await remove(id))).toEqual([404, 'role.unknown']);
  });
});

describe('deleting a role', () => {
  it('frees its name, and may be asked for again', async () => {
    const name = some('Short-lived');
    const id = idOf(await add({ name }));
    const [first, again] = [await remove(id), await remove(id)];
    expect([first.status, again.status]).toEqual([204, 204]);
    expect(again.headers.get('position')).toBe(first.headers.get('position'));
    expect(await listed(id)).toBeUndefined();
    expect((await add({ name })).status).toBe(201);
    expect((await published(id, 'RoleDeleted')).data).toMatchObject({ usersMoved: 0 });
  });

  it('“Deleting a role in use needs its users reassigned first”: says how many have it, then moves them with one event', async () => {
    const [id, target] = [await own(), await own({ can_use_agent: true })];
    const users = [idOf(await acme.mint({ role_id: id })), idOf(await acme.mint({ role_id: id }))];
    await acme.call('POST', `/api/v1/users/${String(users[0])}/deactivate`);
    const refused = await remove(id);
    expect([codeOf(refused), refused.body.users]).toEqual([[409, 'role.in-use'], 2]);
    expect(errorsOf(await remove(id, id))).toEqual([
      400,
      [{ field: 'reassign_to', rule: 'is the role to be deleted' }],
    ]);
    expect((await remove(id, target)).status).toBe(204);
    for (const user of users) expect((await roleOf(user))?.id).toBe(target);
    expect((await listed(target))?.users).toBe(2);
    const event = await published(id, 'RoleDeleted');
    expect(event.data).toMatchObject({
      usersMoved: 2,
      reassignedTo: { id: target, permissions: ['can_use_agent'] },
    });
    expect(users.flatMap((user) => eventsOf(user)).some(({ name }) => name === 'ApiUserRoleChanged')).toBe(false);
  });

  it('whoever it has moved is replaced, and given another role, from the role they have now', async () => {
    const [id, target] = [await own(), await own()];
    const apiUser = idOf(await acme.mint({ role_id: id }));
    await remove(id, target);
    expect((await acme.mint({ role_id: target, replaces: apiUser })).status).toBe(201);
    expect(codeOf(await acme.mint({ replaces: apiUser }))).toEqual([409, 'api-user.replaces-other-role']);
    await giveRole(apiUser, AGENT_ROLE);
    expect((await published(apiUser, 'ApiUserRoleChanged')).data).toMatchObject({
      from: { id: target, permissions: [] },
      to: { id: AGENT_ROLE, permissions: ['can_use_agent'] },
    });
  });

  it('whoever gives the role at the same moment is refused, or their user is moved and counted', async () => {
    for (let round = 0; round < 6; round++) {
      const [id, target] = [await own({ can_use_agent: true }), await own()];
      const changing = idOf(await acme.mint());
      const minting = Array.from({ length: 6 }, () => acme.mint({ role_id: id }));
      const giving = giveRole(changing, id).catch((error: unknown) => error);
      const deleting = remove(id, target);
      const flipping = change(target, { permissions: { can_view_specs: true } });
      const answers = await Promise.all(minting);
      expect([(await deleting).status, (await flipping).status]).toEqual([204, 200]);
      await giving;
      for (const answer of answers) {
        if (answer.status === 201) expect((await roleOf(idOf(answer)))?.id).toBe(target);
        else expect(codeOf(answer)).toEqual([400, 'api-user.unknown-role']);
      }
      expect([target, AGENT_ROLE]).toContain((await roleOf(changing))?.id);
      const moved = await identity.rows(
        `select (select count(*)::int from user_v1 where role_id = '${target}') as there,
                (select count(*)::int from user_v1 where role_id = '${id}') as left_behind`,
      );
      const { data } = await published(id, 'RoleDeleted');
      expect(moved).toEqual([{ there: (data as { usersMoved: number }).usersMoved, left_behind: 0 }]);
    }
  });

  it('refuses a ?reassign_to= that is no id, and takes an empty one as absent', async () => {
    const path = `/api/v1/roles/${await own()}`;
    const answer = await acme.call('DELETE', `${path}?reassign_to=agent`);
    expect(errorsOf(answer)).toEqual([400, [{ field: 'reassign_to', rule: 'must be the id of a role' }]]);
    expect((await acme.call('DELETE', `${path}?reassign_to=`)).status).toBe(204);
  });
});

describe('events that give a role', () => {
  it('tell its flags as they are at that moment, also while it is being changed', async () => {
    const id = await own();
    const work = Array.from({ length: 8 }, (_, n) => [
      change(id, { permissions: { can_view_specs: n % 2 === 0 } }),
      acme.mint({ role_id: id }),
    ]);
    const minted = (await Promise.all(work.flat())).filter(({ body }) => 'username' in body).map(idOf);
    const created = await Promise.all(minted.map((user) => published(user, 'ApiUserCreated')));
    const changes = eventsOf(id);
    expect(created).toHaveLength(8);
    for (const { sequence, data } of created) {
      const before = changes.filter((event) => event.sequence < sequence).at(-1);
      expect((data as { role: object }).role).toMatchObject({
        id,
        permissions: (before?.data as { permissions: string[] }).permissions,
      });
    }
  });
});

describe('“A user has exactly one role”: another role of an API user', () => {
  it('takes the place of the one before, and deactivating is still confirmed', async () => {
    const id = await own();
    const apiUser = idOf(await acme.mint());
    await acme.call('POST', `/api/v1/users/${apiUser}/deactivate`);
    const position = await giveRole(apiUser, id);
    expect(await giveRole(apiUser, id)).toBe(position);
    expect((await roleOf(apiUser))?.id).toBe(id);
    const again = await acme.call('POST', `/api/v1/users/${apiUser}/deactivate`);
    expect([again.status, again.body.status]).toEqual([200, 'inactive']);
    await expect(giveRole(apiUser, randomUUID())).rejects.toMatchObject({ code: 'api-user.unknown-role' });
    await expect(giveRole(acme.ownerId, id)).rejects.toMatchObject({ code: 'user.unknown' });
    await expect(giveRole(apiUser, AGENT_ROLE, other)).rejects.toMatchObject({ code: 'user.unknown' });
  });
});
