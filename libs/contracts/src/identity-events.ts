import { z } from 'zod';
import { EventCatalogue } from './cloud-event.js';

const id = z.uuid();
const role = z.object({ id, name: z.string().min(1) });

/** Who did it: a portal user, the platform operator, or nobody that could be named. */
export const actor = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('portal_user'), id }),
  z.object({ kind: z.literal('operator') }),
  z.object({ kind: z.literal('anonymous') }),
]);
export type Actor = z.infer<typeof actor>;

const apiUserFact = z.object({ apiUserId: id, customerId: id, actor });

/** The facts on `identity.events.v1`. No secret, no e-mail address or name of a person. The time is `ce_time`. */
export const identityEvents = new EventCatalogue('identity', {
  CustomerProvisioned: z.object({ customerId: id, name: z.string().min(1), ownerId: id, actor }),
  PortalUserRegistered: z.object({ portalUserId: id, customerId: id, owner: z.boolean(), actor }),
  PortalUserSignedIn: z.object({ portalUserId: id, customerId: id }),
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
    actor,
  }),
  ApiUserDeactivated: apiUserFact,
  ApiUserReactivated: apiUserFact,
});

export type IdentityEvent = ReturnType<typeof identityEvents.read>;
export type IdentityEventName = IdentityEvent['name'];
export type IdentityEventData<N extends IdentityEventName> = Extract<IdentityEvent, { name: N }>['data'];
