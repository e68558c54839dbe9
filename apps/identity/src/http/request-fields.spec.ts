import { line } from './request-fields.js';

const VISIBLE = 'must not contain invisible characters, such as marks of direction';

it.each([
  ['  two words ', 'two words'],
  ['Mu\u0308nchen', 'München'],
  ['👍'.repeat(10), '👍'.repeat(10)],
  ['❤\ufe0f 👩\u200d🚀 1\ufe0f\u20e3', '❤\ufe0f 👩\u200d🚀 1\ufe0f\u20e3'],
])('takes %j as %j', (text, kept) => {
  expect(line(10).parse(text)).toBe(kept);
});

it.each([
  ['', 'must not be empty'],
  [' \u00a0 ', 'must not be empty'],
  ['👍'.repeat(11), 'must be at most 10 characters'],
  ['a\nb', 'must be one line without control characters'],
  ['a\u2028b', 'must be one line without control characters'],
  ['gold\u202egpj', VISIBLE],
  ['ad\u200bmin', VISIBLE],
  ['ad\u2060min', VISIBLE],
  ['admin\u3164', VISIBLE],
  ['\ufeffa\u00adb', VISIBLE],
  ['admin\u034f', VISIBLE],
  ['ad\ufe0fmin', VISIBLE],
  ['admin\u180b', VISIBLE],
  ['admin\u17b4', VISIBLE],
  ['admin\u{e0100}', VISIBLE],
  ['admin\u2800', VISIBLE],
  ['👍\ufe0f\u200d', VISIBLE],
])('refuses %j', (text, rule) => {
  expect(
    line(10)
      .safeParse(text)
      .error?.issues.map(({ message }) => message),
  ).toEqual([rule]);
});
