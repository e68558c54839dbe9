import type { Problem } from '../api/problem.js';

/** What every page says of loading, failing and being refused. */
export const stateWords = {
  loading: 'Loading',
  tryAgain: 'Try again',
  copyCorrelation: 'Copy the correlation id',
  notLoaded: (what: string, problem: Problem) =>
    problem.status === 0
      ? `${what} could not be loaded. ${problem.detail}`
      : `${what} could not be loaded (${String(problem.status)}).`,
  stillFrom: (time: string) => `What you see is from ${time}.`,
  refused: ({ isUnanswered, detail }: Problem) =>
    isUnanswered ? `${detail} Nobody knows yet whether it was saved; look before you send it again.` : detail,
  offline: 'You are offline. What you see stays; changes wait until you are back.',
};
