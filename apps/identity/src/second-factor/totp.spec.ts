import { Authenticator } from '@rebelcore/embedded/authenticator';
import { base32, newTotpSecret, otpauthUri, stepOf } from './totp.js';

const NOW = 1_800_000_010_000;
const STEP = Math.floor(NOW / 30_000);

describe('the codes of an authenticator app', () => {
  const secret = newTotpSecret();
  const codeAt = (time: number) => new Authenticator(base32(secret)).shown(time).code;

  it.each([
    ['the one before', -30_000, STEP - 1],
    ['the current one', 0, STEP],
    ['the next', 30_000, STEP + 1],
    ['the last but one', -60_000, undefined],
    ['the next but one', 60_000, undefined],
  ])('%s is %d ms away and of step %s', (_, offset, step) => {
    expect(stepOf(secret, codeAt(NOW + offset), NOW)).toBe(step);
  });

  it.each(['', '12345', '1234567', 'abcdef', '１２３４５６'])('are not %j', (code) => {
    expect(stepOf(secret, code, NOW)).toBeUndefined();
  });

  it('follow RFC 6238 as its appendix B has them', () => {
    expect(stepOf(Buffer.from('12345678901234567890'), '287082', 59_000)).toBe(1);
  });

  it('come from a secret that the app reads as address or as text', () => {
    const uri = new URL(otpauthUri(secret, 'ada@example.test'));
    expect(uri.href).toMatch(/^otpauth:\/\/totp\/RebelCore:ada(@|%40)example\.test\?/);
    expect(Object.fromEntries(uri.searchParams)).toEqual({
      issuer: 'RebelCore',
      secret: base32(secret),
      algorithm: 'SHA1',
      digits: '6',
      period: '30',
    });
    expect(base32(secret)).toMatch(/^[A-Z2-7]{32}$/);
  });
});
