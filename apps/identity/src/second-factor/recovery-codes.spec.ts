import { randomBytes } from 'node:crypto';
import { newRecoveryCodes, recoveryCodeHash, recoveryCodeKey } from './recovery-codes.js';

const key = recoveryCodeKey(randomBytes(32));

describe('recovery codes', () => {
  it('are ten, each of ten characters that do not look alike', () => {
    const codes = newRecoveryCodes();
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) expect(code).toMatch(/^[2-9a-hjkmnp-z]{5}-[2-9a-hjkmnp-z]{5}$/);
  });

  it('are the same however they are typed', () => {
    const hash = recoveryCodeHash(key, 'ada', 'ab2cd-ef3gh');
    for (const typed of ['AB2CD-EF3GH', ' ab2cdef3gh ', 'ab2cd ef3gh']) {
      expect(recoveryCodeHash(key, 'ada', typed).equals(hash)).toBe(true);
    }
  });

  it('are worth nothing to another person, nor to whoever has the database and not the key', () => {
    const hash = recoveryCodeHash(key, 'ada', 'ab2cd-ef3gh');
    expect(recoveryCodeHash(key, 'bob', 'ab2cd-ef3gh').equals(hash)).toBe(false);
    expect(recoveryCodeHash(recoveryCodeKey(randomBytes(32)), 'ada', 'ab2cd-ef3gh').equals(hash)).toBe(false);
  });
});
