import { identityEvents } from '@rebelcore/contracts/identity-events';
import { eventCodec, type Aggregate, type Decision, type EventOf } from '@rebelcore/event-store/aggregate';
import type { PortalUser } from '../portal-user/portal-user.js';

const events = {
  PortalUserSignedIn: { schema: identityEvents.schemas.PortalUserSignedIn },
  // Stored before failed sign-ins became recorded calls, and never written any more.
  PortalUserSignInFailed: { schema: identityEvents.schemas.PortalUserSignInFailed },
};

/** The session that a successful attempt opens, written in the transaction of the event. */
export interface NewSession {
  readonly sessionId: string;
  /** SHA-256 of the token in the cookie. */
  readonly tokenHash: Uint8Array;
  readonly expiresAt: Date;
  readonly ip: string;
  readonly userAgent: string;
}

export type SignInEvent = EventOf<typeof events, { PortalUserSignedIn: NewSession }>;

/** One successful sign-in. A stream of its own, so that the user's stream does not grow with it. */
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

export type SecondFactorUsed = 'totp' | 'recovery-code';

/** @param secondFactor undefined for somebody who is to enrol one */
export const succeed =
  (
    attempt: SignInAttempt,
    secondFactor: SecondFactorUsed | undefined,
    session: NewSession,
  ): Decision<SignIn, SignInEvent> =>
  (state) => {
    if (state.status !== 'open') return [];
    const { ip, userAgent } = session;
    const data = { ...attempt, ...(secondFactor !== undefined && { secondFactor }), ip, userAgent };
    return [{ type: 'PortalUserSignedIn', data, confidential: session }];
  };

/** Why nobody was let in. For the record; the caller hears one and the same sentence. */
export type SignInRefusal = 'unknown-address' | 'wrong-password' | 'inactive' | 'wrong-code' | 'used-code';

/** What comes after the password was looked at. */
export type NextStep = Extract<SignInRefusal, 'unknown-address' | 'wrong-password' | 'inactive'> | NextFactor;
type NextFactor = 'ask-for-code' | 'check-code' | 'open-for-enrolment';

/** @param person undefined when the address is nobody's */
export function afterPassword(
  person: PortalUser | undefined,
  { passwordMatches, codeSent }: { readonly passwordMatches: boolean; readonly codeSent: boolean },
): NextStep {
  if (person === undefined) return 'unknown-address';
  if (!passwordMatches) return 'wrong-password';
  if (person.status !== 'active') return 'inactive';
  if (!person.secondFactor) return 'open-for-enrolment';
  return codeSent ? 'check-code' : 'ask-for-code';
}
