import { CLEARED_SESSION_COOKIE, openSessionCookie, sessionTokenOf } from './session-cookie.js';

const token = 'A'.repeat(43);

describe('the session cookie', () => {
  it('is bound to the host, hidden from scripts, and not sent along from other sites', () => {
    expect(openSessionCookie(token)).toBe(`__Host-session=${token}; Path=/; HttpOnly; Secure; SameSite=Strict`);
    expect(CLEARED_SESSION_COOKIE).toBe('__Host-session=; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=0');
  });

  it('is found among others', () => {
    expect(sessionTokenOf({ cookie: `a=b; __Host-session=${token}; c=d` })).toBe(token);
    expect(sessionTokenOf({ cookie: `x__Host-session=${'B'.repeat(43)};__Host-session=${token}` })).toBe(token);
  });

  it.each([
    [undefined],
    [''],
    [`session=${token}`],
    [`__Host-session=${token.slice(1)}`],
    [`__Host-session=${token}A`],
    [`__Host-session=${token}!`],
    [`__Host-session="${token}"`],
    [`__Host-session=%41${token.slice(1)}`],
    [`__Host-session=${token}; __Host-session=${token}`],
    [`__Host-session=${token}; __Host-session=`],
  ])('is not seen in %j', (cookie) => {
    expect(sessionTokenOf(cookie === undefined ? {} : { cookie })).toBeUndefined();
  });
});
