import { describeCall } from '@rebelcore/api-access/record-calls.plugin';
import { ProblemException } from '@rebelcore/service/problem';
import type { FastifyRequest } from 'fastify';
import type { SignInOutcome } from './sign-in.commands.js';

type NotOpened = Exclude<SignInOutcome, { result: 'opened' }>;

/** Tells the record whose account it was about and why nobody was let in, and the caller as little as can be. */
export function refuse(request: FastifyRequest, outcome: NotOpened): never {
  describeCall(request, { ...outcome.who, reason: `session.${reasonOf(outcome)}` });
  switch (outcome.result) {
    case 'refused':
      throw new ProblemException(
        401,
        'session.not-opened',
        'The e-mail address, the password or the code is not right.',
      );
    case 'code-required':
      throw new ProblemException(
        401,
        'session.second-factor-required',
        'Please enter the six digits that your authenticator app shows.',
      );
    case 'too-many-attempts':
      throw tooManyAttempts(outcome.retryAfter);
    case 'busy': {
      const { retryAfter } = outcome;
      throw new ProblemException(429, 'session.busy', 'Too many sign-ins at the moment; please try again.', {
        retryAfter,
      });
    }
  }
}

/** @param retryAfter in seconds */
export const tooManyAttempts = (retryAfter: number): ProblemException =>
  new ProblemException(
    429,
    'session.too-many-attempts',
    `Too many attempts; please try again in ${String(retryAfter)} s.`,
    { retryAfter },
  );

function reasonOf(outcome: NotOpened): string {
  switch (outcome.result) {
    case 'refused':
      return outcome.because;
    case 'code-required':
      return 'second-factor-required';
    case 'too-many-attempts':
      return 'throttled';
    case 'busy':
      return 'busy';
  }
}
