import { specify } from '@rebelcore/testing/given-when-then';
import {
  accept,
  deactivate,
  edit,
  invite,
  inviteAgain,
  portalUser,
  reactivate,
  register,
  remove,
  type Edit,
  type Invitation,
  type InviteAgain,
  type PortalUserEvent,
} from './portal-user.js';

const portalUserId = '0198a1de-cccc-7000-8000-000000000001';
const customerId = '0198a1de-bbbb-7000-8000-000000000001';
const [user, agent] = ['1', '2'].map((n) => ({ id: `0198a1de-dddd-7000-8000-00000000000${n}`, name: `role ${n}` })) as [
  { id: string; name: string },
  { id: string; name: string },
];
const admin = { kind: 'portal_user', id: '0198a1de-cccc-7000-8000-000000000002' } as const;
const oneself = { kind: 'portal_user', id: portalUserId } as const;
const operator = { kind: 'operator' } as const;

const ada = { email: 'ada@example.test', firstName: 'Ada', lastName: 'L' };
const link = { tokenKey: 'hash-1', sealedToken: new Uint8Array(60) };
const freshLink = { tokenKey: 'hash-2', sealedToken: new Uint8Array(60) };
const hash = '$argon2id$…';

const fact = { portalUserId, customerId, actor: admin };
const inviteDetails = { ...fact, owner: false, role: user };
const invited: PortalUserEvent = {
  type: 'PortalUserInvited',
  data: inviteDetails,
  confidential: { person: ada, invitation: link },
};
const invitedAgain: PortalUserEvent = {
  type: 'PortalUserInvited',
  data: { ...inviteDetails, resent: true },
  confidential: { invitation: freshLink },
};
const accepted: PortalUserEvent = {
  type: 'PortalUserRegistered',
  data: { ...fact, actor: oneself, owner: false },
  confidential: { passwordHash: hash },
};
const ownerDetails = { portalUserId, customerId, owner: true, actor: operator };
const owner: PortalUserEvent = {
  type: 'PortalUserRegistered',
  data: ownerDetails,
  confidential: { person: ada, passwordHash: hash },
};
const deactivated: PortalUserEvent = { type: 'PortalUserDeactivated', data: fact };
const reactivated: PortalUserEvent = { type: 'PortalUserReactivated', data: fact };
const deleted: PortalUserEvent = { type: 'PortalUserDeleted', data: fact };
const { given } = specify(portalUser);

const again = (invitation: Invitation): InviteAgain => ({
  invitation,
  role: user,
  kept: { address: true, password: true },
  person: undefined,
});

describe('an invitation', () => {
  it('names the role, with personal data beside the event', () => {
    given([])
      .when(invite({ ...inviteDetails, becomes: 'active' }, ada, link))
      .then([invited]);
    given([invited])
      .when(invite({ ...inviteDetails, becomes: 'active' }, ada, link))
      .thenNothing();
  });

  it('makes the account active when the password is set, or leaves it inactive as chosen', () => {
    given([invited]).when(accept(1, hash)).then([accepted]);
    given([])
      .when(invite({ ...inviteDetails, becomes: 'inactive' }, ada, link))
      .then([invited, deactivated]);
    expect(given([invited]).state()).toMatchObject({ status: 'invited' });
    expect(given([invited, accepted]).state()).toMatchObject({ status: 'active', owner: false });
    expect(given([invited, deactivated, accepted]).state()).toMatchObject({ status: 'inactive' });
    expect(given([invited, deactivated, reactivated, accepted]).state()).toMatchObject({ status: 'active' });
  });

  it('is of use once', () => {
    given([invited, accepted]).when(accept(1, hash)).thenRefused('invite.not-valid');
    given([invited, deleted]).when(accept(1, hash)).thenRefused('invite.not-valid');
    given([]).when(accept(1, hash)).thenRefused('invite.not-valid');
  });

  it('is voided by the next one', () => {
    given([invited])
      .when(inviteAgain(admin, again(freshLink)))
      .then([invitedAgain]);
    given([invited, invitedAgain]).when(accept(1, hash)).thenRefused('invite.not-valid');
    given([invited, invitedAgain]).when(accept(2, hash)).then([accepted]);
  });

  it('is not sent again to somebody who is registered or unknown', () => {
    given([invited, accepted])
      .when(inviteAgain(admin, again(link)))
      .thenRefused('portal-user.already-registered');
    given([owner])
      .when(inviteAgain(operator, { ...again(link), role: undefined }))
      .thenRefused('portal-user.already-registered');
    given([])
      .when(inviteAgain(admin, again(link)))
      .thenRefused('user.unknown');
    given([invited, deleted])
      .when(inviteAgain(admin, again(link)))
      .thenRefused('user.unknown');
  });

  it('is sent again to somebody whose password is lost, who stays what the person was', () => {
    const lost = { ...again(freshLink), kept: { address: true, password: false } };
    const enrolled: PortalUserEvent = { type: 'PortalUserSecondFactorEnrolled', data: fact };
    given([invited, accepted, enrolled, deactivated]).when(inviteAgain(admin, lost)).then([invitedAgain]);
    given([invited, accepted, invitedAgain]).when(accept(1, hash)).thenRefused('invite.not-valid');
    given([invited, accepted, invitedAgain]).when(accept(2, hash)).then([accepted]);
    const state = given([invited, accepted, enrolled, deactivated, invitedAgain, accepted]).state();
    expect(state).toMatchObject({ status: 'inactive', secondFactor: true });
  });

  it('takes name and address of somebody of whom they are lost, and of nobody else', () => {
    const lost = { ...again(freshLink), kept: { address: false, password: false } };
    given([invited, accepted]).when(inviteAgain(admin, lost)).thenRefused('portal-user.address-lost');
    given([invited, accepted])
      .when(inviteAgain(admin, { ...lost, person: ada }))
      .then([{ ...invitedAgain, confidential: { invitation: freshLink, person: ada } }]);
    given([invited])
      .when(inviteAgain(admin, { ...again(freshLink), person: ada }))
      .thenRefused('portal-user.address-known');
  });

  it('of the owner goes to an address that only the operator may give', () => {
    const lost = { ...again(freshLink), kept: { address: false, password: false }, person: ada };
    given([owner]).when(inviteAgain(admin, lost)).thenRefused('portal-user.is-owner');
    const data = { ...ownerDetails, resent: true };
    given([owner])
      .when(inviteAgain(operator, { ...lost, role: undefined }))
      .then([{ type: 'PortalUserInvited', data, confidential: { invitation: freshLink, person: ada } }]);
  });

  it('of the owner names no role', () => {
    const { kind } = operator;
    const details = { portalUserId, customerId, owner: true, actor: { kind } };
    given([])
      .when(invite({ ...details, becomes: 'active' }, ada, link))
      .then([{ type: 'PortalUserInvited', data: details, confidential: { person: ada, invitation: link } }]);
  });
});

describe('somebody with a first password', () => {
  it('is registered once, with personal data beside the event', () => {
    given([])
      .when(register(ownerDetails, ada, hash))
      .then([owner]);
    given([owner])
      .when(register(ownerDetails, ada, hash))
      .thenNothing();
  });
});

describe('editing', () => {
  const nothing: Edit = { changed: [], person: ada, role: user, invitation: undefined };
  const detailsChanged = (changed: Edit['changed']): PortalUserEvent => ({
    type: 'PortalUserDetailsChanged',
    data: { ...fact, changed: [...changed] },
    confidential: ada,
  });

  it('tells which details were changed, and not what they are', () => {
    given([invited, accepted])
      .when(edit(admin, { ...nothing, changed: ['last_name'] }))
      .then([detailsChanged(['last_name'])]);
    given([invited, accepted]).when(edit(admin, nothing)).thenNothing();
  });

  it('"user.role_change (only when the role really differs)"', () => {
    const to = (newRole: typeof user) => edit(admin, { ...nothing, newRole });
    given([invited, accepted])
      .when(to(agent))
      .then([{ type: 'PortalUserRoleChanged', data: { ...fact, from: user, to: agent } }]);
    given([invited, accepted]).when(to(user)).thenNothing();
  });

  it('sends a fresh link when somebody who is invited gets another address, and only then', () => {
    const address: Edit = { ...nothing, changed: ['email'], invitation: freshLink };
    given([invited])
      .when(edit(admin, address))
      .then([detailsChanged(['email']), invitedAgain]);
    given([invited, accepted])
      .when(edit(admin, address))
      .then([detailsChanged(['email'])]);
  });

  it('"the Customer Super Admin cannot be edited or deleted there"', () => {
    given([owner])
      .when(edit(admin, { ...nothing, changed: ['email'] }))
      .thenRefused('portal-user.is-owner');
    given([owner]).when(deactivate(admin)).thenRefused('portal-user.is-owner');
    given([owner]).when(deactivate(oneself)).thenRefused('portal-user.is-owner');
    given([owner]).when(reactivate(admin)).thenRefused('portal-user.is-owner');
    given([owner]).when(remove(admin)).thenRefused('portal-user.is-owner');
  });
});

describe('the status', () => {
  it('changes once', () => {
    given([invited, accepted]).when(deactivate(admin)).then([deactivated]);
    given([invited, accepted, deactivated]).when(deactivate(admin)).thenNothing();
    given([invited, accepted, deactivated]).when(reactivate(admin)).then([reactivated]);
    given([invited, accepted]).when(reactivate(admin)).thenNothing();
    expect(given([invited, accepted, deactivated]).state()).toMatchObject({ status: 'inactive' });
  });

  it('of somebody who is invited is the one to come', () => {
    given([invited]).when(reactivate(admin)).thenNothing();
    given([invited]).when(deactivate(admin)).then([deactivated]);
    given([invited, deactivated]).when(deactivate(admin)).thenNothing();
    given([invited, deactivated]).when(reactivate(admin)).then([reactivated]);
  });

  it('is not taken from oneself', () => {
    given([invited, accepted]).when(deactivate(oneself)).thenRefused('portal-user.is-yourself');
    given([invited, accepted]).when(remove(oneself)).thenRefused('portal-user.is-yourself');
  });
});

describe('deleting', () => {
  it('ends everything', () => {
    given([invited]).when(remove(admin)).then([deleted]);
    given([invited, accepted]).when(remove(admin)).then([deleted]);
    const afterwards = given([invited, accepted, deleted]);
    expect(afterwards.state()).toEqual({ status: 'deleted' });
    const edited = edit(admin, { changed: ['email'], person: ada, role: user, invitation: undefined });
    for (const decision of [remove(admin), deactivate(admin), reactivate(admin), edited]) {
      afterwards.when(decision).thenRefused('user.unknown');
    }
    afterwards.when(invite({ ...inviteDetails, becomes: 'active' }, ada, link)).thenNothing();
  });
});

it('invariant 7: no event holds personal data, a password hash or a token', () => {
  const events = [invited, invitedAgain, accepted, owner].map((event) => portalUser.codec.encode(event));
  expect(JSON.stringify(events)).not.toMatch(/ada|example|argon2|hash-|sealed/i);
});
