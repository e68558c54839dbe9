import { z } from 'zod';
import { clientKey } from './client-key.js';
import { EventCatalogue } from './cloud-event.js';
import { network } from './networks.js';

const id = z.uuid();
const role = z.object({
  id,
  name: z.string().min(1),
  /** The flags that were on at that moment; absent from events written before customers had roles of their own. */
  permissions: z.array(z.string().min(1)).optional(),
});

/** Who did it: a portal user, the platform operator, or nobody that could be named. */
export const actor = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('portal_user'), id }),
  z.object({ kind: z.literal('operator') }),
  z.object({ kind: z.literal('anonymous') }),
]);
export type Actor = z.infer<typeof actor>;

const apiUserFact = z.object({ apiUserId: id, customerId: id, actor });
const portalUserFact = z.object({ portalUserId: id, customerId: id, actor });
/** All flags that are on; whatever is not named is off. */
const roleFact = z.object({
  roleId: id,
  customerId: id,
  name: z.string().min(1),
  permissions: z.array(z.string().min(1)),
  actor,
});
const handOverFact = z.object({ handOverId: id, apiUserId: id, customerId: id });

/** The facts on `identity.events.v1`. No secret, no e-mail address or name of a person. The time is `ce_time`. */
export const identityEvents = new EventCatalogue('identity', {
  CustomerProvisioned: z.object({ customerId: id, name: z.string().min(1), ownerId: id, actor }),
  /** Somebody was asked to join; `resent` when asked again. `role` is absent for the owner, who stands outside roles. */
  PortalUserInvited: portalUserFact.extend({
    owner: z.boolean(),
    role: role.optional(),
    resent: z.boolean().optional(),
  }),
  /** Has a password and may sign in. The actor is the person itself where an invitation was accepted. */
  PortalUserRegistered: portalUserFact.extend({ owner: z.boolean() }),
  /** Which of the personal details were changed; neither the old nor the new ones. */
  PortalUserDetailsChanged: portalUserFact.extend({
    changed: z.array(z.enum(['first_name', 'last_name', 'email'])).min(1),
  }),
  PortalUserRoleChanged: portalUserFact.extend({ from: role, to: role }),
  PortalUserDeactivated: portalUserFact,
  PortalUserReactivated: portalUserFact,
  PortalUserDeleted: portalUserFact,
  PortalUserSignedIn: z.object({
    portalUserId: id,
    customerId: id,
    /** Absent from events written before there was a second factor, and from the sign-in that enrols it. */
    secondFactor: z.enum(['totp', 'recovery-code']).optional(),
    /** From where and with what; absent from events written before they were kept. */
    ip: z.string().optional(),
    userAgent: z.string().optional(),
  }),
  PortalUserSecondFactorEnrolled: z.object({ portalUserId: id, customerId: id }),
  PortalUserSecondFactorReset: portalUserFact,
  /** The codes before open nothing any more. */
  PortalUserRecoveryCodesRenewed: z.object({ portalUserId: id, customerId: id }),
  /** No longer written: a failed sign-in is a recorded call. */
  PortalUserSignInFailed: z.object({
    portalUserId: id,
    customerId: id,
    reason: z.enum(['wrong-password', 'inactive']),
  }),
  ApiUserCreated: z.object({
    apiUserId: id,
    customerId: id,
    username: z.string().min(1),
    role,
    label: z.string().optional(),
    /** The API user this one is meant to take over from. */
    replaces: id.optional(),
    /** The ids of the public keys that it was minted with; an event of each follows. */
    keys: z.array(z.string()).optional(),
    /** From where alone its credentials are accepted; absent for anywhere. */
    authorizeNetworks: z.array(network).min(1).optional(),
    /** From where alone its tokens are accepted; absent for anywhere. */
    tokenNetworks: z.array(network).min(1).optional(),
    actor,
  }),
  /** `leaked`: its password was found in the open, and it is never reactivated. */
  ApiUserDeactivated: apiUserFact.extend({ reason: z.enum(['leaked']).optional() }),
  ApiUserReactivated: apiUserFact,
  /** From here on it may also prove who it is by a signature of this key (`private_key_jwt`). */
  ApiUserKeyAdded: apiUserFact.extend({ key: clientKey }),
  ApiUserKeyRemoved: apiUserFact.extend({ kid: z.string().min(1) }),
  /** Both lists as they are from here on; an empty one is for anywhere. Tokens that are out keep the list they were issued with. */
  ApiUserNetworksChanged: apiUserFact.extend({ authorizeNetworks: z.array(network), tokenNetworks: z.array(network) }),
  ApiUserRoleChanged: apiUserFact.extend({ from: role, to: role }),
  RoleAdded: roleFact.extend({ /** The role it was copied from. */ copyOf: id.optional() }),
  RoleChanged: roleFact,
  /** With `reassignedTo`, whoever had the role has that one from here on: no event of each user follows. */
  RoleDeleted: z.object({
    roleId: id,
    customerId: id,
    name: z.string().min(1),
    reassignedTo: role.optional(),
    usersMoved: z.int().nonnegative(),
    actor,
  }),
  /** Credentials wait, encrypted, behind a link that opens once. */
  HandOverCreated: handOverFact.extend({ expiresAt: z.iso.datetime(), actor }),
  HandOverOpened: handOverFact,
  HandOverWithdrawn: handOverFact.extend({ actor }),
});

export type IdentityEvent = ReturnType<typeof identityEvents.read>;
export type IdentityEventName = IdentityEvent['name'];
export type IdentityEventData<N extends IdentityEventName> = Extract<IdentityEvent, { name: N }>['data'];
