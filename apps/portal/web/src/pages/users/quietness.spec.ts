import { quietness } from './quietness.js';

const now = '2026-11-27T11:00:00Z';

describe('whether an API user is quiet', () => {
  it('is quiet once a job that runs daily would have called', () => {
    expect(quietness('2026-11-26T09:59:59Z', now)).toMatchObject({ isQuiet: true, since: '2026-11-26T09:59:59Z' });
    expect(quietness('2026-11-26T10:00:01Z', now).isQuiet).toBe(false);
  });

  it('is quiet when it never called', () => {
    expect(quietness(null, now)).toEqual({ isQuiet: true, since: undefined, lastingMs: 0 });
  });

  it('is not known to be quiet while it is not known how far the log has come', () => {
    expect(quietness(null, null).isQuiet).toBe(false);
    expect(quietness('2020-01-01T00:00:00Z', null).isQuiet).toBe(false);
  });

  it('is not quiet when the last call lies ahead of the clock', () => {
    expect(quietness('2026-11-27T11:00:05Z', now)).toMatchObject({ isQuiet: false, lastingMs: 0 });
  });
});
