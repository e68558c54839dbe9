import { identityEvents, type Actor, type IdentityEventData } from '@rebelcore/contracts/identity-events';
import { eventCodec, Refused, type Aggregate, type Decision, type EventOf } from '@rebelcore/event-store/aggregate';

/** Personal data stays in a private table, where it can be deleted; events know a person by id alone. */
export interface PersonalData {
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
}
export const DETAILS = ['first_name', 'last_name', 'email'] as const;
export type Detail = (typeof DETAILS)[number];

/** A link to set a password with: what is kept of its token. */
export interface Invitation {
  /** The name under which the link is found, a hash of its token. */
  readonly tokenKey: string;
  /** The token for the mail, which only this service can open. */
  readonly sealedToken: Uint8Array;
}

/** What is kept of a second factor, and the session that showed that the person has it. */
export interface Enrolment {
  readonly sealedSecret: Uint8Array;
  /** Of the code that confirmed it, which is used up by that. */
  readonly step: number;
  readonly recoveryCodeHashes: readonly Uint8Array[];
  readonly sessionId: string;
  /** Of the token that the session has from here on: whoever may have set or seen the one before is left outside. */
  readonly sessionTokenHash: Uint8Array;
}

const events = {
  PortalUserInvited: { schema: identityEvents.schemas.PortalUserInvited },
  PortalUserRegistered: { schema: identityEvents.schemas.PortalUserRegistered },
  PortalUserDetailsChanged: { schema: identityEvents.schemas.PortalUserDetailsChanged },
  PortalUserRoleChanged: { schema: identityEvents.schemas.PortalUserRoleChanged },
  PortalUserDeactivated: { schema: identityEvents.schemas.PortalUserDeactivated },
  PortalUserReactivated: { schema: identityEvents.schemas.PortalUserReactivated },
  PortalUserDeleted: { schema: identityEvents.schemas.PortalUserDeleted },
  PortalUserSecondFactorEnrolled: { schema: identityEvents.schemas.PortalUserSecondFactorEnrolled },
  PortalUserSecondFactorReset: { schema: identityEvents.schemas.PortalUserSecondFactorReset },
  PortalUserRecoveryCodesRenewed: { schema: identityEvents.schemas.PortalUserRecoveryCodesRenewed },
};
export type PortalUserEvent = EventOf<
  typeof events,
  {
    /** The person, unless it is known already. */
    PortalUserInvited: { readonly invitation: Invitation; readonly person?: PersonalData };
    /** The password as argon2id in PHC format; the person, unless it was invited before. */
    PortalUserRegistered: { readonly passwordHash: string; readonly person?: PersonalData };
    PortalUserDetailsChanged: PersonalData;
    PortalUserSecondFactorEnrolled: Enrolment;
    PortalUserRecoveryCodesRenewed: Pick<Enrolment, 'recoveryCodeHashes'>;
  }
>;

type RoleName = NonNullable<IdentityEventData<'PortalUserInvited'>['role']>;

interface Known {
  readonly portalUserId: string;
  readonly customerId: string;
  readonly owner: boolean;
  /** Whether an authenticator app is enrolled. */
  readonly secondFactor: boolean;
  /** How many invitations there were; the last of them is the valid one of somebody who is invited. */
  readonly invitations: number;
}
export type PortalUser =
  | { readonly status: 'none' | 'deleted' }
  | (Known & { readonly status: 'active' | 'inactive' })
  | (Known & {
      readonly status: 'invited';
      /** The status that setting the password leads to. */
      readonly becomes: 'active' | 'inactive';
    });

export const portalUser: Aggregate<PortalUser, PortalUserEvent> = {
  type: 'portal-user',
  initial: { status: 'none' },
  evolve: (state, event) => {
    switch (event.type) {
      case 'PortalUserInvited': {
        const known = knownOf(state, event.data);
        return { ...known, status: 'invited', invitations: known.invitations + 1, becomes: becoming(state) };
      }
      case 'PortalUserRegistered':
        return { ...knownOf(state, event.data), status: becoming(state) };
      // What somebody is called, which role it is at the moment, and the recovery codes stand in tables.
      case 'PortalUserDetailsChanged':
      case 'PortalUserRoleChanged':
      case 'PortalUserRecoveryCodesRenewed':
        return state;
      case 'PortalUserDeactivated':
        return withStatus(state, 'inactive');
      case 'PortalUserReactivated':
        return withStatus(state, 'active');
      case 'PortalUserDeleted':
        return { status: 'deleted' };
      case 'PortalUserSecondFactorEnrolled':
        return isThere(state) ? { ...state, secondFactor: true } : state;
      case 'PortalUserSecondFactorReset':
        return isThere(state) ? { ...state, secondFactor: false } : state;
    }
  },
  codec: eventCodec(events),
};

export type Invite = Omit<IdentityEventData<'PortalUserInvited'>, 'resent'> & {
  /** What setting the password leads to. */
  readonly becomes: 'active' | 'inactive';
};

export const invite =
  ({ becomes, ...data }: Invite, person: PersonalData, invitation: Invitation): Decision<PortalUser, PortalUserEvent> =>
  (state) => {
    if (state.status !== 'none') return [];
    const { portalUserId, customerId, actor } = data;
    return [
      { type: 'PortalUserInvited', data, confidential: { person, invitation } },
      ...(becomes === 'inactive'
        ? [{ type: 'PortalUserDeactivated', data: { portalUserId, customerId, actor } } as const]
        : []),
    ];
  };

export interface InviteAgain {
  readonly invitation: Invitation;
  /** The role that the person has now: changed, deleted and reassigned roles leave no event here. */
  readonly role: RoleName | undefined;
  /** What is kept of the person. A store that was put back from its topic knows neither, for no topic has them. */
  readonly kept: { readonly address: boolean; readonly password: boolean };
  /** Name and address of somebody of whom they are not kept. */
  readonly person: PersonalData | undefined;
}

/** A fresh link for whoever has no password, which voids the one before. */
export const inviteAgain =
  (by: Actor, { invitation, role, kept, person }: InviteAgain): Decision<PortalUser, PortalUserEvent> =>
  (state) => {
    if (!isThere(state)) throw unknown();
    if (state.status !== 'invited' && kept.password) {
      throw new Refused('portal-user.already-registered', 'This user has set a password already.');
    }
    if (kept.address && person !== undefined) {
      throw new Refused('portal-user.address-known', 'Name and address of this user are known; the link goes there.');
    }
    if (!kept.address && person === undefined) {
      throw new Refused(
        'portal-user.address-lost',
        'Name and address of this user are lost; send first_name, last_name and email.',
      );
    }
    // Whoever has the link becomes the Super Admin.
    if (person !== undefined && state.owner && by.kind !== 'operator') throw isOwner('given an address');
    return [invitedAgain(state, by, invitation, role, person)];
  };

/** Sets the password by a link that was mailed, once. */
export const accept =
  (invitation: number, passwordHash: string): Decision<PortalUser, PortalUserEvent> =>
  (state) => {
    if (state.status !== 'invited' || state.invitations !== invitation) throw linkNotValid();
    const { portalUserId, owner } = state;
    const data = { ...fact(state, { kind: 'portal_user', id: portalUserId }), owner };
    return [{ type: 'PortalUserRegistered', data, confidential: { passwordHash } }];
  };

/** Somebody who starts with a password and needs no invitation. */
export const register =
  (
    data: IdentityEventData<'PortalUserRegistered'>,
    person: PersonalData,
    passwordHash: string,
  ): Decision<PortalUser, PortalUserEvent> =>
  (state) =>
    state.status === 'none' ? [{ type: 'PortalUserRegistered', data, confidential: { person, passwordHash } }] : [];

export interface Edit {
  readonly changed: readonly Detail[];
  /** All of them, as they are to be. */
  readonly person: PersonalData;
  /** The role that the person has now: changed, deleted and reassigned roles leave no event here. */
  readonly role: RoleName | undefined;
  readonly newRole?: RoleName | undefined;
  /** For somebody who is still invited and gets another address: the link to the old one must not be of use. */
  readonly invitation: Invitation | undefined;
}

export const edit =
  (by: Actor, { changed, person, role, newRole, invitation }: Edit): Decision<PortalUser, PortalUserEvent> =>
  (state) => {
    if (!isThere(state)) throw unknown();
    if (state.owner) throw isOwner('edited');
    const events: PortalUserEvent[] = [];
    if (changed.length > 0) {
      const data = { ...fact(state, by), changed: [...changed] };
      events.push({ type: 'PortalUserDetailsChanged', data, confidential: person });
    }
    if (role !== undefined && newRole !== undefined && role.id !== newRole.id) {
      events.push({ type: 'PortalUserRoleChanged', data: { ...fact(state, by), from: role, to: newRole } });
    }
    if (changed.includes('email') && state.status === 'invited' && invitation !== undefined) {
      events.push(invitedAgain(state, by, invitation, newRole ?? role));
    }
    return events;
  };

export const deactivate =
  (by: Actor): Decision<PortalUser, PortalUserEvent> =>
  (state) => {
    if (!isThere(state)) throw unknown();
    assertOther(state, by, 'deactivated');
    return statusOf(state) === 'inactive' ? [] : [{ type: 'PortalUserDeactivated', data: fact(state, by) }];
  };

export const reactivate =
  (by: Actor): Decision<PortalUser, PortalUserEvent> =>
  (state) => {
    if (!isThere(state)) throw unknown();
    if (state.owner) throw isOwner('reactivated');
    return statusOf(state) === 'active' ? [] : [{ type: 'PortalUserReactivated', data: fact(state, by) }];
  };

export const remove =
  (by: Actor): Decision<PortalUser, PortalUserEvent> =>
  (state) => {
    if (!isThere(state)) throw unknown();
    assertOther(state, by, 'deleted');
    return [{ type: 'PortalUserDeleted', data: fact(state, by) }];
  };

type Present = Exclude<PortalUser, { status: 'none' | 'deleted' }>;

export const isThere = (state: PortalUser): state is Present => state.status !== 'none' && state.status !== 'deleted';

/** What the status is, or will be once the password is set. */
const statusOf = (state: Present) => (state.status === 'invited' ? state.becomes : state.status);

function withStatus(state: PortalUser, status: 'active' | 'inactive'): PortalUser {
  if (!isThere(state)) return state;
  return state.status === 'invited' ? { ...state, becomes: status } : { ...state, status };
}

/** What becomes of whoever sets a password. */
const becoming = (state: PortalUser) => (isThere(state) ? statusOf(state) : 'active');

function knownOf(
  state: PortalUser,
  { portalUserId, customerId, owner }: Pick<Known, 'portalUserId' | 'customerId' | 'owner'>,
): Known {
  const { secondFactor, invitations } = isThere(state) ? state : { secondFactor: false, invitations: 0 };
  return { portalUserId, customerId, owner, secondFactor, invitations };
}

const fact = ({ portalUserId, customerId }: Present, actor: Actor) => ({ portalUserId, customerId, actor });

const invitedAgain = (
  state: Present,
  by: Actor,
  invitation: Invitation,
  role?: RoleName,
  person?: PersonalData,
): PortalUserEvent => {
  const { owner } = state;
  const data = { ...fact(state, by), owner, ...(role !== undefined && { role }), resent: true };
  return { type: 'PortalUserInvited', data, confidential: { invitation, ...(person !== undefined && { person }) } };
};

function assertOther(state: Present, by: Actor, done: string): void {
  if (state.owner) throw isOwner(done);
  if (by.kind === 'portal_user' && by.id === state.portalUserId) {
    throw new Refused('portal-user.is-yourself', `You cannot be ${done} by yourself; somebody else has to do it.`);
  }
}

const unknown = () => new Refused('user.unknown', 'There is no such user.');
const isOwner = (done: string) => new Refused('portal-user.is-owner', `The Customer Super Admin cannot be ${done}.`);
/** One refusal for a link that was used, is too old, was replaced or never existed. */
export const linkNotValid = () =>
  new Refused('invite.not-valid', 'This invite link is no longer valid. Ask your administrator for a new one.');
