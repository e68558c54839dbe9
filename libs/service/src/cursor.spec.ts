import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { cutPage, Cursors, pageParameters } from './cursor.js';
import type { ProblemException } from './problem.js';

const schema = z.object({ at: z.int(), id: z.uuid() });
const secret = randomBytes(32);
const cursors = new Cursors(secret, 'activity', schema);
const position = { at: 1_795_417_200_123, id: '0198a1de-aaaa-7000-8000-000000000001' };
const filter = { from: undefined, event_type: 'api.call', q: 'ab' };
const cursor = cursors.encode(position, 'customer-a', filter);

/** Undefined when it was accepted. */
function refusal(text: string, customerId = 'customer-a', by: object = filter, list: Cursors<unknown> = cursors) {
  try {
    list.decode(text, customerId, by);
    return undefined;
  } catch (error) {
    return (error as ProblemException).getResponse();
  }
}
const REFUSED = {
  type: 'about:blank',
  title: 'Bad Request',
  status: 400,
  detail: 'cursor: is not a cursor of this list',
  code: 'cursor.invalid',
  errors: [{ field: 'cursor', rule: 'is not a cursor of this list' }],
};

// S04
describe('a cursor', () => {
  it('leads back to its position, in every replica, and may stand in an address as it is', () => {
    expect(new Cursors(secret, 'activity', schema).decode(cursor, 'customer-a', filter)).toEqual(position);
    expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(cursors.decode(undefined, 'customer-a', filter)).toBeUndefined();
  });

  it('takes filters by what they say, not by how they are written', () => {
    expect(refusal(cursor, 'customer-a', { q: 'ab', event_type: 'api.call', outcome: undefined })).toBeUndefined();
  });

  it.each<[string, string, object, Cursors<unknown>]>([
    ['another customer', 'customer-b', filter, cursors],
    ['other filters', 'customer-a', { ...filter, event_type: 'api.authorize' }, cursors],
    ['more filters', 'customer-a', { ...filter, outcome: 'failed' }, cursors],
    ['fewer filters', 'customer-a', { q: 'ab' }, cursors],
    ['the same value in another filter', 'customer-a', { event_type: 'ab', q: 'api.call' }, cursors],
    ['a filter that looks like two', 'customer-a', { event_type: 'api.call,q,ab' }, cursors],
    ['another list', 'customer-a', filter, new Cursors(secret, 'users', schema)],
    ['a list under another secret', 'customer-a', filter, new Cursors(randomBytes(32), 'activity', schema)],
    ['a list whose positions look otherwise', 'customer-a', filter, new Cursors(secret, 'activity', z.uuid())],
  ])('is refused for %s', (_, customerId, by, list) => {
    expect(refusal(cursor, customerId, by, list)).toEqual(REFUSED);
  });

  it('is refused when any character of it is changed', () => {
    for (let at = 0; at < cursor.length; at += 1) {
      for (const other of 'A_') {
        if (cursor[at] === other) continue;
        expect(refusal(cursor.slice(0, at) + other + cursor.slice(at + 1))).toEqual(REFUSED);
      }
    }
  });

  it('is refused when it is truncated anywhere', () => {
    for (let length = 0; length < cursor.length; length += 1) {
      expect(refusal(cursor.slice(0, length))).toEqual(REFUSED);
    }
  });

  it('is refused in every other spelling of the same bytes', () => {
    const bytes = Buffer.from(cursor, 'base64url');
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const unusedBits = cursor.slice(0, -1) + (alphabet[alphabet.indexOf(cursor.slice(-1)) + 1] ?? '');
    expect(Buffer.from(unusedBits, 'base64url')).toEqual(bytes);
    for (const text of [
      unusedBits,
      bytes.toString('base64'),
      bytes.toString('hex'),
      `${cursor}=`,
      ` ${cursor}`,
      `${cursor}\n`,
      `${cursor}A`,
      `${cursor.slice(0, 9)}.${cursor.slice(9)}`,
    ]) {
      expect([text, refusal(text)]).toEqual([text, REFUSED]);
    }
  });

  it('is refused when it never was one', () => {
    for (const text of [
      '',
      'abc',
      '../x',
      '🙂'.repeat(51),
      'A'.repeat(10_000),
      randomBytes(60).toString('base64url'),
    ]) {
      expect(refusal(text)).toEqual(REFUSED);
    }
  });
});

describe('a page', () => {
  it('ends with the row after which the next one begins, when there are more', () => {
    expect(cutPage([1, 2, 3], 2)).toEqual({ rows: [1, 2], last: 2 });
    expect(cutPage([1, 2], 2)).toEqual({ rows: [1, 2], last: undefined });
    expect(cutPage([], 2)).toEqual({ rows: [], last: undefined });
  });

  const query = z.strictObject(pageParameters);
  it('is asked for by digits', () => {
    expect(query.parse({})).toEqual({ limit: 50, position: 0 });
    expect(query.parse({ limit: '200', position: '0', cursor: 'x' })).toEqual({ limit: 200, position: 0, cursor: 'x' });
  });

  it.each([
    ['limit', '0', 'must be from 1 to 200'],
    ['limit', '201', 'must be from 1 to 200'],
    ['limit', '-1', 'must be a whole number'],
    ['limit', '1e2', 'must be a whole number'],
    ['limit', '0x10', 'must be a whole number'],
    ['limit', '', 'must be a whole number'],
    ['limit', ' 5', 'must be a whole number'],
    ['limit', '5.0', 'must be a whole number'],
    ['limit', '٥', 'must be a whole number'],
    ['limit', ['1', '2'], 'must be a whole number'],
    ['position', '-1', 'must be a whole number'],
    ['position', '9'.repeat(16), 'must be a whole number'],
  ])('with %s=%j is refused', (field, value, rule) => {
    const { error } = query.safeParse({ [field]: value });
    expect(error?.issues.map(({ path, message }) => [path, message])).toEqual([[[field], rule]]);
  });
});
