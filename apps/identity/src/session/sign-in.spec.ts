import { specify } from '@rebelcore/testing/given-when-then';
import { fail, signIn, succeed, type SignInEvent } from './sign-in.js';

const attempt = {
  portalUserId: '0198a1de-cccc-7000-8000-000000000001',
  customerId: '0198a1de-bbbb-7000-8000-000000000001',
};
const session = {
  sessionId: '0198a1de-dddd-7000-8000-000000000001',
  tokenHash: new Uint8Array(32),
  expiresAt: new Date('2026-11-23T20:00:00Z'),
};
const signedIn: SignInEvent = { type: 'PortalUserSignedIn', data: attempt, confidential: session };
const { given } = specify(signIn);

describe('an attempt to sign in', () => {
  it('opens a session when it succeeds', () => {
    given([]).when(succeed(attempt, session)).then([signedIn]);
  });

  it('fails with its reason, which auditors see and the caller does not', () => {
    given([])
      .when(fail(attempt, 'wrong-password'))
      .then([{ type: 'PortalUserSignInFailed', data: { ...attempt, reason: 'wrong-password' } }]);
  });

  it('has one outcome', () => {
    given([signedIn]).when(fail(attempt, 'wrong-password')).thenNothing();
    given([signedIn]).when(succeed(attempt, session)).thenNothing();
  });
});
