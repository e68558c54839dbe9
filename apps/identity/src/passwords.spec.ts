import { apiUserPassword, firstPassword, isAcceptable } from './passwords.js';

describe('invariant 7: the password of an API user', () => {
  it('“(48 random characters)”: of [A-Za-z0-9], and never the same', () => {
    const made = Array.from({ length: 500 }, apiUserPassword);
    for (const password of made) expect(password).toMatch(/^[A-Za-z0-9]{48}$/);
    expect(new Set(made).size).toBe(500);
  });

  it('favours no character', () => {
    const counts = new Map<string, number>();
    const characters = Array.from({ length: 1_300 }, apiUserPassword).join('');
    for (const character of characters) counts.set(character, (counts.get(character) ?? 0) + 1);
    const expected = characters.length / 62;
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(counts.size).toBe(62);
    // 61 degrees of freedom: passed by chance once in more than 10^9 runs; `byte % 62` gives above 400 here.
    expect(chiSquare).toBeLessThan(170);
  });
});

describe('the password of a person: “at least 12 characters, letters and digits”', () => {
  it('is acceptable when the server makes it', () => {
    for (let n = 0; n < 200; n++) expect(isAcceptable(firstPassword())).toBe(true);
  });

  it.each([
    ['elevenChar1', false],
    ['twelve-chars-1', true],
    ['only-letters-here', false],
    ['123456789012', false],
    ['пароль-из-букв-1', true],
    ['👍👍👍👍👍a1', false],
  ])('%s is acceptable: %s', (password, acceptable) => {
    expect(isAcceptable(password)).toBe(acceptable);
  });
});
