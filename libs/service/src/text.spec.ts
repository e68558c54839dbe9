import { folded, isStorable, lengthOf, limited } from './text.js';

it('counts characters as people and JSON Schema do', () => {
  expect([lengthOf('abc'), lengthOf('👍👍'), lengthOf('ä')]).toEqual([3, 2, 1]);
  const two = limited({ min: 1, max: 2 });
  expect(['👍👍', '👍👍👍', ''].map((text) => two.safeParse(text).success)).toEqual([true, false, false]);
});

it.each([
  ['MÜNCHEN', 'münchen'],
  ['MU\u0308NCHEN', 'münchen'],
  ['İSTANBUL', 'istanbul'],
  ['i\u0307stanbul', 'istanbul'],
  ['ΟΔΥΣΣΕΥΣ', 'οδυσσευσ'],
  ['Straße', 'straße'],
  ['ПАРОЛЬ', 'пароль'],
])('folds %s to %s', (text, expected) => {
  expect(folded(text)).toBe(expected);
});

it.each([
  ['text', true],
  ['👍', true],
  ['a\0b', false],
  ['\ud83d', false],
  ['\udc4d\ud83d', false],
])('%j can be kept: %s', (text, kept) => {
  expect(isStorable(text)).toBe(kept);
});
