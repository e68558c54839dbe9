import { SYSTEM_ROLES } from '@rebelcore/contracts/roles';
import { specify } from '@rebelcore/testing/given-when-then';
import { apiUser, changeRole, deactivate, isRequestOf, mint, reactivate, type ApiUserEvent } from './api-user.js';

const apiUserId = '0198a1de-aaaa-7000-8000-000000000001';
const customerId = '0198a1de-bbbb-7000-8000-000000000001';
const by = { kind: 'portal_user' as const, id: '0198a1de-cccc-7000-8000-000000000001' };
const role = { id: SYSTEM_ROLES[2]?.id ?? '', name: 'RebelCore_AgentUser' };
const credential = { pepperVersion: 'v1', verifier: 'A'.repeat(43) };
const request = { apiUserId, customerId, username: `${apiUserId}@api.rebelcore.local`, role, label: 'ci', actor: by };

const created: ApiUserEvent = { type: 'ApiUserCreated', data: request, confidential: credential };
const deactivated: ApiUserEvent = { type: 'ApiUserDeactivated', data: { apiUserId, customerId, actor: by } };
const reactivated: ApiUserEvent = { type: 'ApiUserReactivated', data: { apiUserId, customerId, actor: by } };
const { given } = specify(apiUser);

describe('minting an API user', () => {
  it('records who it is and what it may do, with the verifier beside the event', () => {
    given([]).when(mint(request, credential)).then([created]);
  });

  it('happens once', () => {
    given([created]).when(mint(request, credential)).thenNothing();
  });

  it('invariant 7: leaves no verifier in what is stored as the event', () => {
    expect(JSON.stringify(apiUser.codec.encode(created))).not.toContain(credential.verifier);
  });

  describe('in place of another', () => {
    const replacing = { ...request, replaces: '0198a1de-aaaa-7000-8000-000000000002' };

    it('names the one that it replaces, active or not', () => {
      const replaced = given([created, deactivated]).state();
      given([])
        .when(mint(replacing, credential, replaced))
        .then([{ ...created, data: replacing }]);
    });

    it('is refused when that one is unknown', () => {
      given([])
        .when(mint(replacing, credential, apiUser.initial))
        .thenRefused('api-user.replaces-unknown');
      given([]).when(mint(replacing, credential)).thenRefused('api-user.replaces-unknown');
    });

    it('is refused when that one has another role', () => {
      const other: ApiUserEvent = { ...created, data: { ...request, role: { id: customerId, name: 'Other' } } };
      given([])
        .when(mint(replacing, credential, given([other]).state()))
        .thenRefused('api-user.replaces-other-role');
    });
  });
});

describe('deactivating an API user', () => {
  it('is recorded with who did it', () => {
    given([created]).when(deactivate(by)).then([deactivated]);
    given([created, deactivated, reactivated]).when(deactivate(by)).then([deactivated]);
  });

  it('yields no second event when repeated', () => {
    given([created, deactivated]).when(deactivate(by)).thenNothing();
  });

  it('is refused for an unknown one', () => {
    given([]).when(deactivate(by)).thenRefused('user.unknown');
  });
});

describe('reactivating an API user', () => {
  it('is recorded with who did it', () => {
    given([created, deactivated]).when(reactivate(by)).then([reactivated]);
  });

  it('yields no event for an active one', () => {
    given([created]).when(reactivate(by)).thenNothing();
    given([created, deactivated, reactivated]).when(reactivate(by)).thenNothing();
  });

  it('is refused for an unknown one', () => {
    given([]).when(reactivate(by)).thenRefused('user.unknown');
  });
});

describe('giving an API user another role', () => {
  const other = { id: customerId, name: 'Night shift', permissions: ['can_use_agent'] };
  const changed: ApiUserEvent = {
    type: 'ApiUserRoleChanged',
    data: { apiUserId, customerId, actor: by, from: role, to: other },
  };

  it('is recorded with the role it had and the one it has, whatever its status', () => {
    given([created])
      .when(changeRole(role, other, by))
      .then([changed]);
    given([created, deactivated])
      .when(changeRole(role, other, by))
      .then([changed]);
  });

  it('“user.role_change (only when the role really differs)”: the role it has already is no event', () => {
    given([created, changed])
      .when(changeRole(other, other, by))
      .thenNothing();
  });

  it('goes from the role it has now, also where a deletion of the one before has brought it there', () => {
    const moved = { id: apiUserId, name: 'Day shift', permissions: [] };
    const data = { apiUserId, customerId, actor: by, from: moved, to: role };
    given([created, changed])
      .when(changeRole(moved, role, by))
      .then([{ type: 'ApiUserRoleChanged', data }]);
  });

  it('is refused for an unknown one', () => {
    given([])
      .when(changeRole(undefined, other, by))
      .thenRefused('user.unknown');
    given([])
      .when(changeRole(role, other, by))
      .thenRefused('user.unknown');
  });
});

describe('a repeated request to mint', () => {
  const same = { roleId: role.id, label: 'ci', replaces: undefined };

  it('is the same when it asks for the role, label and replaced API user that it was minted with', () => {
    expect(isRequestOf(request, same)).toBe(true);
  });

  it.each([
    { ...same, roleId: customerId },
    { ...same, label: undefined },
    { ...same, replaces: customerId },
  ])('is another one with %j', (other) => {
    expect(isRequestOf(request, other)).toBe(false);
  });
});
