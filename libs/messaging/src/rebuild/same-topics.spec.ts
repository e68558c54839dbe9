import { requireSameTopics } from './same-topics.js';

const at = (topic: string, partition: number, incarnation: string | null, offset = 7n) => ({
  topic,
  partition,
  offset,
  incarnation,
});

it('lets a rebuild end with the topics with which it began, however far they have come', () => {
  const begun = [at('events', 0, 'a'), at('credentials', 0, 'b')];
  const now = [at('events', 0, 'a', 9n), at('events', 1, 'a'), at('credentials', 0, 'b')];
  expect(() => {
    requireSameTopics(begun, now);
  }).not.toThrow();
});

it('lets one go on that began before anything was read', () => {
  expect(() => {
    requireSameTopics([], [at('events', 0, 'a')]);
  }).not.toThrow();
});

it.each([['b'], [null]])('refuses to end with a topic that was made anew meanwhile (%s)', (incarnation) => {
  expect(() => {
    requireSameTopics([at('credentials', 0, 'b'), at('events', 0, 'a')], [at('events', 0, incarnation)]);
  }).toThrow('events was made anew meanwhile; type the command again');
});
