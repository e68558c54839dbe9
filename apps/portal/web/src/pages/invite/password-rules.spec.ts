import { passwordRules } from './password-rules.js';

describe('the live checks of a new password', () => {
  it.each([
    ['', { length: false, letter: false, digit: false }],
    ['short1', { length: false, letter: true, digit: true }],
    ['only-letters-here', { length: true, letter: true, digit: false }],
    ['123456789012', { length: true, letter: false, digit: true }],
    ['пароль-номер-1', { length: true, letter: true, digit: true }],
  ])('say of %j what is met', (password, met) => {
    expect(passwordRules(password)).toEqual(met);
  });
});
