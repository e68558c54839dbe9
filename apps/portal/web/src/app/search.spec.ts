import * as z from 'zod/mini';
import { on, optional, parseSearch, stringifySearch } from './search.js';

const schema = z.object({ q: optional(z.string()), status: optional(z.enum(['active'])), rotate: optional(on) });

describe('the state of a page in its address', () => {
  it.each(['4', 'true', '{"a":1}', 'a&b=c', '٣ ✓', '=cmd'])('keeps the text %j', (q) => {
    expect(schema.parse(parseSearch(stringifySearch({ q })))).toEqual({ q });
  });

  it('leaves out what is absent, and is then no question mark', () => {
    expect(stringifySearch({ q: undefined })).toBe('');
  });

  it('is as if absent where it makes no sense', () => {
    expect(schema.parse(parseSearch('?status=<b>&rotate=2&other=1'))).toEqual({});
  });

  it('has a switch as 1', () => {
    expect(schema.parse(parseSearch('?rotate=1'))).toEqual({ rotate: 1 });
    expect(schema.parse({ rotate: 1 })).toEqual({ rotate: 1 });
  });
});
