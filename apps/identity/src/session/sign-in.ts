import { identityEvents } from '@rebelcore/contracts/identity-events';
import { eventCodec, type Aggregate, type Decision, type EventOf } from '@rebelcore/event-store/aggregate';

const events = {
  PortalUserSignedIn: { schema: identityEvents.schemas.PortalUserSignedIn },
  PortalUserSignInFailed: { schema: identityEvents.schemas.PortalUserSignInFailed },
};

/** The session that a successful attempt opens, written in the transaction of the event. */
export interface NewSession {
  readonly sessionId: string;
  /** SHA-256 of the token in the cookie. */
  readonly tokenHash: Uint8Array;
  readonly expiresAt: Date;
}

export type SignInEvent = EventOf<typeof events, { PortalUserSignedIn: NewSession }>;

/** One attempt to sign in. A stream of its own, so that guessing passwords does not make the user's stream grow. */
export type SignIn = { readonly status: 'open' | 'succeeded' | 'failed' };

export const signIn: Aggregate<SignIn, SignInEvent> = {
  type: 'sign-in',
  initial: { status: 'open' },
  evolve: (_, { type }) => ({ status: type === 'PortalUserSignedIn' ? 'succeeded' : 'failed' }),
  codec: eventCodec(events),
};

export interface SignInAttempt {
  readonly portalUserId: string;
  readonly customerId: string;
}

export const succeed =
  (attempt: SignInAttempt, session: NewSession): Decision<SignIn, SignInEvent> =>
  (state) =>
    state.status === 'open' ? [{ type: 'PortalUserSignedIn', data: attempt, confidential: session }] : [];

export const fail =
  (attempt: SignInAttempt, reason: 'wrong-password' | 'inactive'): Decision<SignIn, SignInEvent> =>
  (state) =>
    state.status === 'open' ? [{ type: 'PortalUserSignInFailed', data: { ...attempt, reason } }] : [];
