import { z } from 'zod';
import { eventCodec, UnreadableEvent, type EventOf } from './aggregate.js';

const definitions = {
  Renamed: {
    schema: z.object({ first: z.string(), last: z.string() }),
    upcasts: [
      (data: unknown) => ({ name: (data as { title: string }).title }),
      (data: unknown) => {
        const [first = '', last = ''] = (data as { name: string }).name.split(' ');
        return { first, last };
      },
    ],
  },
  Closed: { schema: z.object({ reason: z.string() }) },
};
const codec = eventCodec<EventOf<typeof definitions, { Closed: string }>>(definitions);

describe('an event codec', () => {
  it('reads back what it wrote, without what was confidential', () => {
    const stored = codec.encode({ type: 'Closed', data: { reason: 'moved' }, confidential: 'a secret' });
    expect(stored).toEqual({ type: 'Closed', schemaVersion: 1, data: { reason: 'moved' } });
    expect(codec.decode(stored)).toEqual({ type: 'Closed', data: { reason: 'moved' } });
  });

  it('writes the present version and brings older ones up to it, step by step', () => {
    const renamed = { type: 'Renamed' as const, data: { first: 'Ada', last: 'Lovelace' } };
    expect(codec.encode(renamed).schemaVersion).toBe(3);
    expect(codec.decode({ type: 'Renamed', schemaVersion: 1, data: { title: 'Ada Lovelace' } })).toEqual(renamed);
    expect(codec.decode({ type: 'Renamed', schemaVersion: 2, data: { name: 'Ada Lovelace' } })).toEqual(renamed);
    expect(codec.decode({ type: 'Renamed', schemaVersion: 3, data: renamed.data })).toEqual(renamed);
  });

  it.each([
    ['of an unknown type', { type: 'Opened', schemaVersion: 1, data: {} }, 'not known'],
    ['of a later version', { type: 'Closed', schemaVersion: 2, data: { reason: 'x' } }, 'later version'],
    ['whose data breaks the schema', { type: 'Closed', schemaVersion: 1, data: { reason: 7 } }, 'reason'],
  ])('refuses an event %s', (_, stored, words) => {
    expect(() => codec.decode(stored)).toThrow(UnreadableEvent);
    expect(() => codec.decode(stored)).toThrow(words);
  });
});
