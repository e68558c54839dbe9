import { specify } from '@rebelcore/testing/given-when-then';
import type { PortalUser } from '../portal-user/portal-user.js';
import { afterPassword, signIn, succeed, type SignInEvent } from './sign-in.js';

const attempt = {
  portalUserId: '0198a1de-cccc-7000-8000-000000000001',
  customerId: '0198a1de-bbbb-7000-8000-000000000001',
};
const session = {
  sessionId: '0198a1de-dddd-7000-8000-000000000001',
  tokenHash: new Uint8Array(32),
  expiresAt: new Date('2026-11-23T20:00:00Z'),
  ip: '192.0.2.1',
  userAgent: 'a browser',
};
const signedIn: SignInEvent = {
  type: 'PortalUserSignedIn',
  data: { ...attempt, secondFactor: 'totp', ip: '192.0.2.1', userAgent: 'a browser' },
  confidential: session,
};
const { given } = specify(signIn);

describe('a sign-in', () => {
  it('opens a session and says by which second factor', () => {
    given([])
      .when(succeed(attempt, 'totp', session))
      .then([signedIn]);
  });

  it('names no second factor where one is still to be enrolled', () => {
    given([])
      .when(succeed(attempt, undefined, session))
      .then([
        {
          type: 'PortalUserSignedIn',
          data: { ...attempt, ip: '192.0.2.1', userAgent: 'a browser' },
          confidential: session,
        },
      ]);
  });

  it('happens once', () => {
    given([signedIn])
      .when(succeed(attempt, 'totp', session))
      .thenNothing();
  });

  it('is not to be had where one failed, as was stored before failures became recorded calls', () => {
    given([{ type: 'PortalUserSignInFailed', data: { ...attempt, reason: 'wrong-password' } }])
      .when(succeed(attempt, 'totp', session))
      .thenNothing();
  });
});

describe('after the password', () => {
  const enrolled: PortalUser = { ...attempt, status: 'active', owner: false, secondFactor: true, invitations: 0 };
  const right = { passwordMatches: true, codeSent: false };

  it.each([
    ['the address is nobody’s', undefined, { passwordMatches: false, codeSent: true }, 'unknown-address'],
    [
      'it is wrong, whatever code comes with it',
      enrolled,
      { passwordMatches: false, codeSent: true },
      'wrong-password',
    ],
    ['somebody enrolled sent no code', enrolled, right, 'ask-for-code'],
    ['somebody enrolled sent a code', enrolled, { ...right, codeSent: true }, 'check-code'],
    ['somebody is deactivated', { ...enrolled, status: 'inactive' }, { ...right, codeSent: true }, 'inactive'],
    ['somebody is not enrolled', { ...enrolled, secondFactor: false }, right, 'open-for-enrolment'],
  ] as const)('where %s', (_, person, seen, next) => {
    expect(afterPassword(person, seen)).toBe(next);
  });
});
