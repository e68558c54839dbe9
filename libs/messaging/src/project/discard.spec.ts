import type { ReceivedMessage } from '../consume/batch-consumer.js';
import { mayGo, parsePlaces } from './discard.js';

const message = (key: string | null, sequence?: number): ReceivedMessage => ({
  offset: 7n,
  key,
  headers: sequence === undefined ? {} : { ce_sequence: String(sequence) },
  value: null,
  timestamp: 0,
});

describe('A parked record', () => {
  it('is named as the replay prints it, also where it lay in a former topic of that name', () => {
    expect(parsePlaces(['api.calls.billing.v1/3@17', 'identity.events.v1/0@-999999999983'])).toEqual([
      { topic: 'api.calls.billing.v1', partition: 3, offset: 17n },
      { topic: 'identity.events.v1', partition: 0, offset: -999_999_999_983n },
    ]);
  });

  it.each(['api.calls.token.v1/0', 'api.calls.token.v1', 'a/b@1', 'a/1@--1', 'a/1@1@2'])('is not at %s', (place) => {
    expect(() => parsePlaces([place])).toThrow('is no place of a record');
  });

  it.each<[string, boolean, Parameters<typeof mayGo>]>([
    ['in no order', true, [{ message: message('a', 9), code: 'apply.failed', applied: 0 }, { unordered: true }]],
    ['of nobody', true, [{ message: message(null, 9), code: 'event.bad-json', applied: 0 }, { sequenced: true }]],
    ['without a number', true, [{ message: message('a'), code: 'event.bad-json', applied: 2 }, { sequenced: true }]],
    ['of a used number', true, [{ message: message('a', 2), code: 'event.bad-json', applied: 2 }, { sequenced: true }]],
    [
      'of the next number',
      false,
      [{ message: message('a', 3), code: 'event.bad-json', applied: 2 }, { sequenced: true }],
    ],
    [
      'that is unreadable, in an order of offsets',
      true,
      [{ message: message('a'), code: 'event.bad-json', applied: 0 }, {}],
    ],
    [
      'that failed, in an order of offsets',
      false,
      [{ message: message('a', 1), code: 'apply.failed', applied: 0 }, {}],
    ],
    ['that waits, in an order of offsets', false, [{ message: message('a', 1), code: 'key.waiting', applied: 0 }, {}]],
  ])('%s may be let go: %s', (_, may, [record, order]) => {
    expect(mayGo(record, order)).toBe(may);
  });
});
