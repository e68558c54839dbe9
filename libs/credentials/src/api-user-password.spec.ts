import fc from 'fast-check';
import {
  apiUserIdIn,
  canonicalUsername,
  isApiUserPassword,
  isMisspelt,
  newApiUserPassword,
  usernameOf,
} from './api-user-password.js';

describe('invariant 7: the password of an API user', () => {
  const made = Array.from({ length: 1_300 }, newApiUserPassword);

  it('“(48 random characters)”: of [A-Za-z0-9] with a prefix and a checksum, and never the same', () => {
    for (const password of made) {
      expect(password).toMatch(/^rbk1[A-Za-z0-9]{44}$/);
      expect(isApiUserPassword(password)).toBe(true);
    }
    expect(new Set(made).size).toBe(made.length);
  });

  it('favours no character among the random ones', () => {
    const counts = new Map<string, number>();
    const characters = made.map((password) => password.slice(4, 42)).join('');
    for (const character of characters) counts.set(character, (counts.get(character) ?? 0) + 1);
    const expected = characters.length / 62;
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(counts.size).toBe(62);
    // 61 degrees of freedom: passed by chance once in more than 10^9 runs; `byte % 62` gives above 300 here.
    expect(chiSquare).toBeLessThan(170);
  });

  it('has the checksum that others compute: CRC-32 of the first 42 characters, base62, padded with zeros', () => {
    // The checksums of these were computed with Python's binascii.crc32.
    expect(isApiUserPassword('rbk1000000000000000000000000000000000000012b8fCn')).toBe(true);
    expect(isApiUserPassword('rbk1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789ab4Ch0yS')).toBe(true);
  });

  it('is told from one with a character changed, swapped, lost or added', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...made),
        fc.nat(47),
        fc.constantFrom('0', '9', 'A', 'Z', 'a', 'z'),
        (password, at, other) => {
          const changed = password.slice(0, at) + other + password.slice(at + 1);
          const swapped =
            password.slice(0, at) + (password[at + 1] ?? '') + (password[at] ?? '') + password.slice(at + 2);
          const wrong = [changed, swapped, password.slice(0, at), password.slice(0, at) + other + password.slice(at)];
          return wrong.every((text) => text === password || !isApiUserPassword(text));
        },
      ),
    );
  });
});

describe('a misspelt password', () => {
  const password = newApiUserPassword();

  it.each([password.slice(0, -1), `${password} `, 'rbk1', `${password.slice(0, -1)}_`])('%s is one', (text) => {
    expect(isMisspelt(text)).toBe(true);
  });

  it.each([password, 'A'.repeat(48), password.slice(1), ''])('%s is none: it claims nothing, or rightly', (text) => {
    expect(isMisspelt(text)).toBe(false);
  });
});

describe('a username', () => {
  const id = '0198a1de-aaaa-7000-8000-000000000001';

  it('holds the id', () => {
    expect(usernameOf(id)).toBe(`${id}@api.rebelcore.local`);
    expect(apiUserIdIn(usernameOf(id))).toBe(id);
  });

  it.each([
    [usernameOf(id), usernameOf(id)],
    [` ${usernameOf(id).toUpperCase()}\t`, usernameOf(id)],
    [' Nobody ', 'Nobody'],
    [`x${usernameOf(id)}`.toUpperCase(), `x${usernameOf(id)}`.toUpperCase()],
  ])('%j is %j in the spelling that is stored', (text, username) => {
    expect(canonicalUsername(text)).toBe(username);
  });

  it.each([
    '',
    id,
    `${id}@api_rebelcore_local`,
    `x${usernameOf(id)}`,
    `${usernameOf(id)}\n`,
    usernameOf('nobody'),
    usernameOf(''),
    // Of no version, and of no variant, that RFC 9562 knows: no reader of calls would take them.
    usernameOf('00000000-0000-0000-0000-000000000001'),
    usernameOf('0198a1de-aaaa-7000-c000-000000000001'),
  ])('%j holds none', (username) => {
    expect(apiUserIdIn(username)).toBeUndefined();
  });
});
