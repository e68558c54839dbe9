import { messageOf } from './logger.js';

it.each([
  [new RangeError('too far'), 'too far'],
  ['a text', 'a text'],
  // As Node says it of `localhost`.
  [new AggregateError([new Error('no ::1'), new Error('no 127.0.0.1')], ''), 'no ::1; no 127.0.0.1'],
  [new AggregateError([new Error('of many')], 'said already'), 'said already'],
])('the text of %p', (thrown, text) => {
  expect(messageOf(thrown)).toBe(text);
});
