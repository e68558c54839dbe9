import { firstPassword, isAcceptable } from './passwords.js';

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
