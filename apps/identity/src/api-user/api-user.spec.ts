import { SYSTEM_ROLES } from '@rebelcore/contracts/roles';
import { specify } from '@rebelcore/testing/given-when-then';
import {
  addKey,
  apiUser,
  changeRole,
  confine,
  deactivate,
  isRequestOf,
  mint,
  reactivate,
  removeKey,
  reportLeak,
  type ApiUserEvent,
} from './api-user.js';

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

const NOWHERE_ELSE = { authorize: ['10.0.0.0/8', '2001:db8::/32'], token: ['10.0.0.0/8'] };
const ANYWHERE = { authorize: [], token: [] };

const key = (kid: string) => ({
  kid,
  alg: 'Ed25519' as const,
  jwk: { kty: 'OKP' as const, crv: 'Ed25519' as const, x: kid },
});

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
        .when(mint(replacing, credential, [], replaced))
        .then([{ ...created, data: replacing }]);
    });

    it('is refused when that one is unknown', () => {
      given([])
        .when(mint(replacing, credential, [], apiUser.initial))
        .thenRefused('api-user.replaces-unknown');
      given([]).when(mint(replacing, credential)).thenRefused('api-user.replaces-unknown');
    });

    it('is refused when that one has another role', () => {
      const other: ApiUserEvent = { ...created, data: { ...request, role: { id: customerId, name: 'Other' } } };
      given([])
        .when(mint(replacing, credential, [], given([other]).state()))
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

describe('an API user whose password has leaked', () => {
  const anonymous = { kind: 'anonymous' as const };
  const leaked: ApiUserEvent = {
    type: 'ApiUserDeactivated',
    data: { apiUserId, customerId, actor: anonymous, reason: 'leaked' },
  };

  it('is switched off, also where it was off already, and once', () => {
    given([created]).when(reportLeak(anonymous)).then([leaked]);
    given([created, deactivated]).when(reportLeak(anonymous)).then([leaked]);
    given([created, leaked]).when(reportLeak(anonymous)).thenNothing();
    given([]).when(reportLeak(anonymous)).thenRefused('user.unknown');
  });

  it('stays so: it is never reactivated', () => {
    given([created, leaked]).when(reactivate(by)).thenRefused('api-user.leaked');
    given([created, leaked]).when(deactivate(by)).thenNothing();
    given([created, deactivated, leaked]).when(reactivate(by)).thenRefused('api-user.leaked');
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

describe('the public keys of an API user', () => {
  const added = (kid: string): ApiUserEvent => ({
    type: 'ApiUserKeyAdded',
    data: { apiUserId, customerId, actor: by, key: key(kid) },
  });
  const removed = (kid: string): ApiUserEvent => ({
    type: 'ApiUserKeyRemoved',
    data: { apiUserId, customerId, actor: by, kid },
  });

  it('may come with it, and are told with it', () => {
    const minted: ApiUserEvent = { ...created, data: { ...request, keys: ['a', 'b'] } };
    given([])
      .when(mint(request, credential, [key('a'), key('b')]))
      .then([minted, added('a'), added('b')]);
    given([])
      .when(mint(request, credential, [key('a'), key('a')]))
      .thenRefused('api-user.key-twice');
    expect(
      isRequestOf(minted.data, {
        roleId: role.id,
        label: 'ci',
        replaces: undefined,
        keys: [key('a'), key('b')],
        confinement: ANYWHERE,
      }),
    ).toBe(true);
  });

  it('are at most two at a time: one in use and the next one', () => {
    given([created, added('a')])
      .when(addKey(key('b'), by))
      .then([added('b')]);
    given([created, added('a'), added('b')])
      .when(addKey(key('c'), by))
      .thenRefused('api-user.too-many-keys');
    given([created, added('a'), added('b'), removed('a')])
      .when(addKey(key('c'), by))
      .then([added('c')]);
  });

  it('are registered once, whatever its status', () => {
    given([created, added('a')])
      .when(addKey(key('a'), by))
      .thenNothing();
    given([created, deactivated])
      .when(addKey(key('a'), by))
      .then([added('a')]);
  });

  it('are removed by their id', () => {
    given([created, added('a')])
      .when(removeKey('a', by))
      .then([removed('a')]);
    given([created, added('a'), removed('a')])
      .when(removeKey('a', by))
      .thenRefused('api-user.key-unknown');
  });

  it('are refused for an unknown one', () => {
    given([])
      .when(addKey(key('a'), by))
      .thenRefused('user.unknown');
    given([]).when(removeKey('a', by)).thenRefused('user.unknown');
  });
});

describe('the networks of an API user', () => {
  const changed = ({ authorize, token }: typeof ANYWHERE | typeof NOWHERE_ELSE): ApiUserEvent => ({
    type: 'ApiUserNetworksChanged',
    data: { apiUserId, customerId, actor: by, authorizeNetworks: authorize, tokenNetworks: token },
  });

  it('are none at first, which is anywhere, as for those from before there were any', () => {
    expect(given([created]).state()).toMatchObject({ confinement: ANYWHERE });
  });

  it('may come with it, told by the same event', () => {
    const data = { ...request, authorizeNetworks: NOWHERE_ELSE.authorize, tokenNetworks: NOWHERE_ELSE.token };
    given([])
      .when(mint(data, credential))
      .then([{ ...created, data }]);
    expect(given([{ ...created, data }]).state()).toMatchObject({ confinement: NOWHERE_ELSE });
  });

  it('are changed together, whatever its status, and to anywhere again', () => {
    given([created])
      .when(confine(NOWHERE_ELSE, by))
      .then([changed(NOWHERE_ELSE)]);
    given([created, deactivated])
      .when(confine(NOWHERE_ELSE, by))
      .then([changed(NOWHERE_ELSE)]);
    given([created, changed(NOWHERE_ELSE)])
      .when(confine(ANYWHERE, by))
      .then([changed(ANYWHERE)]);
    expect(given([created, changed(NOWHERE_ELSE), changed(ANYWHERE)]).state()).toMatchObject({ confinement: ANYWHERE });
  });

  it('are no event when they are the same, in whichever order', () => {
    const { authorize, token } = NOWHERE_ELSE;
    given([created]).when(confine(ANYWHERE, by)).thenNothing();
    given([created, changed(NOWHERE_ELSE)])
      .when(confine({ authorize: authorize.toReversed(), token }, by))
      .thenNothing();
    given([created, changed(NOWHERE_ELSE)])
      .when(confine({ authorize, token: authorize.slice(1) }, by))
      .then([changed({ authorize, token: authorize.slice(1) })]);
  });

  it('are refused for an unknown one', () => {
    given([]).when(confine(NOWHERE_ELSE, by)).thenRefused('user.unknown');
  });
});

describe('a repeated request to mint', () => {
  const same = { roleId: role.id, label: 'ci', replaces: undefined, keys: [], confinement: ANYWHERE };

  it('is the same when it asks for the role, label and replaced API user that it was minted with', () => {
    expect(isRequestOf(request, same)).toBe(true);
  });

  it.each([
    { ...same, roleId: customerId },
    { ...same, label: undefined },
    { ...same, replaces: customerId },
    { ...same, keys: [key('a')] },
    { ...same, confinement: { ...ANYWHERE, authorize: NOWHERE_ELSE.authorize } },
    { ...same, confinement: { ...ANYWHERE, token: NOWHERE_ELSE.token } },
  ])('is another one with %j', (other) => {
    expect(isRequestOf(request, other)).toBe(false);
  });
});
