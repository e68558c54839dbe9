import { FailureThrottle, type Attempt, type Throttled } from './failure-throttle.js';

const LIMITS = {
  nameAndSource: { burst: 3, refillMs: 60_000 },
  source: { burst: 6, refillMs: 6_000 },
  remembered: 1_000,
};

function throttleAt(start = 1_000, limits = LIMITS) {
  let now = start;
  const throttle = new FailureThrottle(limits, () => now);
  return {
    begin: (account: string, source: string) => throttle.begin(account, source),
    pass: (ms: number) => (now += ms),
    fail: (times: number, account: string, source: string) => {
      for (let n = 0; n < times; n++) end(throttle.begin(account, source), 'failed');
    },
  };
}
const end = (attempt: Attempt | Throttled, outcome: Parameters<Attempt['end']>[0]) => {
  if ('because' in attempt) throw new Error(`throttled because of ${attempt.because}`);
  attempt.end(outcome);
};
const refused = (retryAfter: number) => ({ because: 'failures', retryAfter });
const admitted = { end: expect.any(Function) as unknown };

describe('guessing', () => {
  it('is slowed down after so many failures of an account from one source, and says for how long', () => {
    const { fail, begin, pass } = throttleAt();
    fail(3, 'ada', 'cafe');
    expect(begin('ada', 'cafe')).toEqual(refused(60));
    pass(45_000);
    expect(begin('ada', 'cafe')).toEqual(refused(15));
    pass(15_000);
    expect(begin('ada', 'cafe')).toEqual(admitted);
  });

  it('locks nobody out at another source, whatever was tried elsewhere', () => {
    const { fail, begin } = throttleAt();
    for (const source of ['cafe', 'train', 'bar']) fail(3, 'ada', source);
    expect(begin('ada', 'home')).toEqual(admitted);
  });

  it('of many accounts from one source is slowed down as well', () => {
    const { fail, begin, pass } = throttleAt();
    for (const account of ['a', 'b', 'c', 'd', 'e', 'f']) fail(1, account, 'cafe');
    expect(begin('g', 'cafe')).toEqual(refused(6));
    expect(begin('g', 'home')).toEqual(admitted);
    pass(6_000);
    expect(begin('g', 'cafe')).toEqual(admitted);
  });

  it('counts failures only: whoever passes is free again, and the source keeps what others did', () => {
    const { fail, begin } = throttleAt();
    fail(2, 'ada', 'office');
    end(begin('ada', 'office'), 'passed');
    fail(3, 'ada', 'office');
    expect(begin('ada', 'office')).toEqual(refused(60));
    fail(1, 'bob', 'office');
    expect(begin('bob', 'office')).toEqual(refused(6));
  });

  it('does not count what was neither: asked for a code, or shed because of load', () => {
    const { begin } = throttleAt();
    for (let n = 0; n < 50; n++) end(begin('ada', 'home'), 'undecided');
    expect(begin('ada', 'home')).toEqual(admitted);
  });

  it('at one moment counts before it has failed, and is told to come again at once', () => {
    const { begin } = throttleAt();
    const attempts = Array.from({ length: 4 }, () => begin('ada', 'cafe'));
    expect(attempts).toEqual([admitted, admitted, admitted, { because: 'in-flight', retryAfter: 1 }]);
    for (const attempt of attempts.slice(0, 3)) end(attempt, 'failed');
    expect(begin('ada', 'cafe')).toEqual(refused(60));
  });

  it('is remembered of so many, the quiet ones forgotten first', () => {
    const { fail, begin } = throttleAt(1_000, { ...LIMITS, remembered: 10 });
    fail(3, 'ada', 'cafe');
    fail(3, 'bob', 'train');
    for (let n = 0; n < 5; n++) {
      end(begin('eve', `bot-${String(n)}`), 'failed');
      expect(begin('bob', 'train')).toEqual(refused(60));
    }
    expect(begin('ada', 'cafe')).toEqual(admitted);
  });

  it('that was checked first is counted only where it failed, and all of it above the limit is told to wait', () => {
    let now = 1_000;
    const throttle = new FailureThrottle(LIMITS, () => now);
    const failed = (times: number, source: string) =>
      Array.from({ length: times }, () => throttle.failed('ada', source));
    expect(failed(5, 'cafe')).toEqual([undefined, undefined, undefined, 60, 60]);
    expect(failed(1, 'home')).toEqual([undefined]);
    now += 60_000;
    expect(failed(2, 'cafe')).toEqual([undefined, 60]);
  });
});
