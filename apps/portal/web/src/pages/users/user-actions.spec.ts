import { actionsFor, kindsToAdd, type Viewer } from './user-actions.js';

const superAdmin: Viewer = { id: 'owner', owner: true, mayAddUsers: true, mayViewActivity: false };
const adder: Viewer = { id: 'adder', owner: false, mayAddUsers: true, mayViewActivity: false };
const nobody: Viewer = { id: 'nobody', owner: false, mayAddUsers: false, mayViewActivity: false };

const owner = { id: 'owner', type: 'portal', owner: true, status: 'active', invite: null } as const;
const person = {
  id: 'person',
  type: 'portal',
  owner: false,
  status: 'active',
  invite: null,
  second_factor: true,
} as const;
const apiUser = { id: 'api', type: 'api', owner: false, status: 'active' } as const;

describe('what can be done with a user', () => {
  it('"cannot be edited or deleted there": nobody can do anything with the Customer Super Admin', () => {
    for (const viewer of [superAdmin, adder, nobody]) expect(actionsFor(owner, viewer)).toEqual([]);
  });

  it('lets only the Customer Super Admin change, rotate and deactivate an API user', () => {
    expect(actionsFor(apiUser, superAdmin)).toEqual(['change-role', 'rotate', 'deactivate']);
    expect(actionsFor({ ...apiUser, status: 'inactive' }, superAdmin)).toEqual(['change-role', 'reactivate']);
    expect(actionsFor({ ...apiUser, status: 'inactive', leaked: true }, superAdmin)).toEqual(['rotate']);
    expect(actionsFor(apiUser, adder)).toEqual([]);
  });

  it('lets whoever may add users edit, deactivate and delete people, and leaves second factors to the Super Admin', () => {
    expect(actionsFor(person, adder)).toEqual(['edit', 'deactivate', 'delete']);
    expect(actionsFor(person, superAdmin)).toEqual(['edit', 'reset-second-factor', 'deactivate', 'delete']);
    expect(actionsFor({ ...person, status: 'inactive' }, adder)).toEqual(['edit', 'reactivate', 'delete']);
    expect(actionsFor(person, nobody)).toEqual([]);
  });

  it('resends the invite of somebody who has not registered, who can be neither switched off nor on', () => {
    const invited = {
      ...person,
      status: 'inactive',
      second_factor: false,
      invite: { expires_at: '2026-11-28T11:00:00Z', expired: false, becomes: 'active', delivery: 'sent' },
    } as const;
    expect(actionsFor(invited, superAdmin)).toEqual(['edit', 'resend-invite', 'delete']);
  });

  it('lets nobody deactivate or delete themselves', () => {
    expect(actionsFor({ ...person, id: 'adder' }, adder)).toEqual(['edit']);
  });
});

describe('what can be added', () => {
  it('"Only the Customer Super Admin can mint one. Whoever is not sees no such option"', () => {
    expect(kindsToAdd(superAdmin)).toEqual(['user', 'api-user']);
    expect(kindsToAdd(adder)).toEqual(['user']);
    expect(kindsToAdd(nobody)).toEqual([]);
  });
});
