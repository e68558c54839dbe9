import { CLEARED_COOKIE, sessionCookie, sessionTokenOf } from './session-cookie.js';

const token = 'A'.repeat(43);

describe('the session cookie', () => {
  it('is bound to the host, hidden from scripts, and not sent along from other sites', () => {
    expect(sessionCookie(token)).toBe(`__Host-session=${token}; Path=/; HttpOnly; Secure; SameSite=Strict`);
    expect(CLEARED_COOKIE).toContain('__Host-session=; Path=/');
    expect(CLEARED_COOKIE).toContain('Max-Age=0');
  });

  it('is found among others', () => {
    expect(sessionTokenOf({ cookie: `a=b; __Host-session=${token}; c=d` })).toBe(token);
  });

  it.each([
    [undefined],
    [''],
    [`session=${token}`],
    [`__Host-session=${token.slice(1)}`],
    [`__Host-session=${token}!`],
    [`__Host-session=${token}; __Host-session=${token}`],
  ])('is not seen in %j', (cookie) => {
    expect(sessionTokenOf(cookie === undefined ? {} : { cookie })).toBeUndefined();
  });
});
