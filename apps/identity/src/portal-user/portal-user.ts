import { identityEvents, type Actor } from '@rebelcore/contracts/identity-events';
import { eventCodec, type Aggregate, type Decision, type EventOf } from '@rebelcore/event-store/aggregate';

/** Personal data stays in a private table, where it can be deleted; events know a person by id alone. */
export interface PersonalData {
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  /** argon2id in PHC format. */
  readonly passwordHash: string;
}

const events = { PortalUserRegistered: { schema: identityEvents.schemas.PortalUserRegistered } };
export type PortalUserEvent = EventOf<typeof events, { PortalUserRegistered: PersonalData }>;

export type PortalUser = { readonly status: 'none' } | { readonly status: 'active'; readonly owner: boolean };

export const portalUser: Aggregate<PortalUser, PortalUserEvent> = {
  type: 'portal-user',
  initial: { status: 'none' },
  evolve: (_, { data }) => ({ status: 'active', owner: data.owner }),
  codec: eventCodec(events),
};

export interface Register {
  readonly portalUserId: string;
  readonly customerId: string;
  readonly owner: boolean;
  readonly actor: Actor;
}

export const register =
  (details: Register, person: PersonalData): Decision<PortalUser, PortalUserEvent> =>
  (state) =>
    state.status === 'none' ? [{ type: 'PortalUserRegistered', data: details, confidential: person }] : [];
