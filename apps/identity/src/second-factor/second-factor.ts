import type { Actor } from '@rebelcore/contracts/identity-events';
import { Refused, type Decision } from '@rebelcore/event-store/aggregate';
import { isThere, type Enrolment, type PortalUser, type PortalUserEvent } from '../portal-user/portal-user.js';

export interface PortalUserId {
  readonly portalUserId: string;
  readonly customerId: string;
}

/** An authenticator app, which has shown a right code, becomes the person's second factor. */
export const enrol =
  (whose: PortalUserId, enrolment: Enrolment): Decision<PortalUser, PortalUserEvent> =>
  (state) => {
    if (!isThere(state)) throw unknown();
    assertNotEnrolled(state);
    return [{ type: 'PortalUserSecondFactorEnrolled', data: whose, confidential: enrolment }];
  };

/** @throws {Refused} `second-factor.enrolled`: only a reset makes way for another app */
export function assertNotEnrolled(state: PortalUser): void {
  if (isThere(state) && state.secondFactor) {
    throw new Refused('second-factor.enrolled', 'An authenticator app is enrolled already.');
  }
}

/** Other recovery codes in place of those that were used or may have been seen. */
export const renewRecoveryCodes =
  (whose: PortalUserId, recoveryCodeHashes: Enrolment['recoveryCodeHashes']): Decision<PortalUser, PortalUserEvent> =>
  (state) => {
    if (!isThere(state)) throw unknown();
    if (!state.secondFactor) throw new Refused('second-factor.not-enrolled', 'No authenticator app is enrolled.');
    return [{ type: 'PortalUserRecoveryCodesRenewed', data: whose, confidential: { recoveryCodeHashes } }];
  };

/** For somebody who has lost it: the Super Admin resets a person's, the operator that of the Super Admin. */
export const reset =
  (whose: PortalUserId, actor: Actor): Decision<PortalUser, PortalUserEvent> =>
  (state) => {
    if (!isThere(state)) throw unknown();
    if (state.owner && actor.kind !== 'operator') {
      const detail = 'The second factor of the Customer Super Admin is reset by the platform operator.';
      throw new Refused('portal-user.is-owner', detail);
    }
    return state.secondFactor ? [{ type: 'PortalUserSecondFactorReset', data: { ...whose, actor } }] : [];
  };

const unknown = () => new Refused('user.unknown', 'There is no portal user with this id.');

/** What is known of the codes that were tried for a person, wherever they came from. */
export interface CodeHistory {
  /** The step of the last code that was accepted; neither it nor an earlier one is accepted again. */
  readonly lastStep: number;
  /** Since the last right one. */
  readonly wrongCodes: number;
  readonly lastWrongAt: Date | undefined;
}

const FREE_CODES = 5;
const FIRST_WAIT_S = 30;
const LONGEST_WAIT_S = 3_600;

/**
 * Seconds until a code of the app is looked at again. Who tries codes knows the password, so this counts for the account and
 * not for the source: five are free, then the wait doubles up to an hour, which leaves a guesser 72 codes of a million a day.
 * A recovery code cannot be guessed, and is the way in meanwhile.
 */
export function waitBeforeCode({ wrongCodes, lastWrongAt }: CodeHistory, now: Date): number {
  if (wrongCodes < FREE_CODES || lastWrongAt === undefined) return 0;
  const wait = Math.min(FIRST_WAIT_S * 2 ** (wrongCodes - FREE_CODES), LONGEST_WAIT_S);
  return Math.max(0, Math.ceil(wait - (now.getTime() - lastWrongAt.getTime()) / 1000));
}

export type CodeVerdict = 'accepted' | 'used' | 'wrong';

/** @param step what the code belongs to, see {@link stepOf}; undefined when it is none of these days */
export function judgeCode({ lastStep }: CodeHistory, step: number | undefined): CodeVerdict {
  if (step === undefined) return 'wrong';
  return step > lastStep ? 'accepted' : 'used';
}
