import { specify } from '@rebelcore/testing/given-when-then';
import { add, change, nameKey, remove, role, type RoleEvent } from './role.js';

const roleId = '0198a1de-dddd-7000-8000-000000000001';
const customerId = '0198a1de-bbbb-7000-8000-000000000001';
const actor = { kind: 'portal_user' as const, id: '0198a1de-cccc-7000-8000-000000000001' };
const details = { roleId, customerId, name: 'Night shift', permissions: ['can_add_users', 'can_use_agent'], actor };
const added: RoleEvent = { type: 'RoleAdded', data: details };
const changedTo = (changes: object): RoleEvent => ({ type: 'RoleChanged', data: { ...details, ...changes } });
const target = { id: '0198a1de-dddd-7000-8000-000000000002', name: 'Day shift', permissions: [] };
const fact = { roleId, customerId, name: 'Night shift', actor };
const deleted: RoleEvent = { type: 'RoleDeleted', data: { ...fact, usersMoved: 0 } };
const { given } = specify(role);

describe('a role of the customer’s own', () => {
  it('“Customers add their own”: is added with a name and the flags that are on', () => {
    given([]).when(add(details)).then([added]);
  });

  it('is added once', () => {
    given([added]).when(add(details)).thenNothing();
    given([added, deleted]).when(add(details)).thenNothing();
  });
});

describe('changing a role', () => {
  it('“a named bundle of yes/no flags”: switches the flags that are named, and leaves the others', () => {
    given([added])
      .when(change({ flags: { can_use_agent: false, can_view_activity: true } }, actor))
      .then([changedTo({ permissions: ['can_add_users', 'can_view_activity'] })]);
  });

  it('gives it another name, also one that differs by capitals alone', () => {
    given([added])
      .when(change({ name: 'NIGHT shift' }, actor))
      .then([changedTo({ name: 'NIGHT shift' })]);
  });

  it('yields no event when nothing differs', () => {
    given([added]).when(change({}, actor)).thenNothing();
    given([added])
      .when(change({ name: 'Night shift', flags: { can_use_agent: true, can_view_specs: false } }, actor))
      .thenNothing();
    const renamed = changedTo({ name: 'Late shift' });
    given([added, renamed])
      .when(change({ name: 'Late shift' }, actor))
      .thenNothing();
  });

  it('is refused for one that is unknown or deleted', () => {
    given([]).when(change({}, actor)).thenRefused('role.unknown');
    given([added, deleted]).when(change({}, actor)).thenRefused('role.unknown');
  });
});

describe('deleting a role', () => {
  it('is one event when nobody has it, whether a role to move to was named or not', () => {
    given([added])
      .when(remove(0, undefined, actor))
      .then([deleted]);
    given([added])
      .when(remove(0, target, actor))
      .then([deleted]);
  });

  it('“Deleting a role in use needs its users reassigned first”: is refused while somebody has it', () => {
    given([added])
      .when(remove(1, undefined, actor))
      .thenRefused('role.in-use');
    given([added])
      .when(remove(2, undefined, actor))
      .thenRefused('role.in-use');
  });

  it('moves its users with the same event, which says how many and to which role', () => {
    given([added])
      .when(remove(3, target, actor))
      .then([{ type: 'RoleDeleted', data: { ...fact, reassignedTo: target, usersMoved: 3 } }]);
  });

  it('is refused when its users would get the role itself', () => {
    given([added])
      .when(remove(3, { ...target, id: roleId }, actor))
      .thenRefused('role.unknown-target');
  });

  it('yields no second event when repeated, and is refused for one that never was', () => {
    given([added, deleted])
      .when(remove(0, undefined, actor))
      .thenNothing();
    given([])
      .when(remove(0, undefined, actor))
      .thenRefused('role.unknown');
  });
});

describe('the name of a role', () => {
  it.each([
    ['Night Shift', 'night shift'],
    ['MÜNCHEN', 'münchen'],
    ['Mu\u0308nchen', 'M\u00fcnchen'],
    ['Straße', 'STRASSE'],
    ['ΟΔΟΣ', 'οδος'],
  ])('is the same whether it is written %s or %s', (one, other) => {
    expect(nameKey(one)).toBe(nameKey(other));
  });

  it('differs where the letters do', () => {
    expect(nameKey('Munchen')).not.toBe(nameKey('München'));
  });
});
