import { randomBytes } from 'node:crypto';
import { looksRandom } from './random-key.js';

it.each([
  ['zeros', Buffer.alloc(32)],
  ['a text', Buffer.from('changeme-changeme-changeme-12345')],
  ['digits', Buffer.from('0123456789abcdef0123456789ABCDEF')],
  ['a sequence', Buffer.from(Array.from({ length: 32 }, (_, index) => index))],
  ['every other number', Buffer.from(Array.from({ length: 32 }, (_, index) => 255 - 2 * index))],
  ['one half twice', Buffer.alloc(32, randomBytes(16))],
])('%s is no random key', (_, key) => {
  expect(looksRandom(key)).toBe(false);
});

it('what the system makes is', () => {
  for (let n = 0; n < 1_000; n++) expect(looksRandom(randomBytes(32))).toBe(true);
});
