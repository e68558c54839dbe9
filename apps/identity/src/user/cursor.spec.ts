import { randomBytes } from 'node:crypto';
import { Cursors } from './cursor.js';

const cursors = new Cursors(randomBytes(32));
const id = '0198a1de-aaaa-7000-8000-000000000001';
const list = ['customer-a', 'api', 'active', ''];
const cursor = cursors.write(id, list);

describe('a cursor', () => {
  it('leads back to the last id seen', () => {
    expect(cursors.read(cursor, list)).toBe(id);
  });

  it.each([
    ['another customer', ['customer-b', 'api', 'active', '']],
    ['other filters', ['customer-a', 'api', 'inactive', '']],
    ['filters split elsewhere', ['customer-a', 'api', 'activ', 'e']],
  ])('is worth nothing to %s', (_, other) => {
    expect(cursors.read(cursor, other)).toBeUndefined();
  });

  it.each([
    ['changed', `1${cursor.slice(1)}`],
    ['truncated', cursor.slice(0, -1)],
    ['lengthened', `${cursor}A`],
    ['empty', ''],
    ['of multi-byte characters', `${cursor.slice(0, 32)}${'é'.repeat(32)}`],
    ['made under another key', new Cursors(randomBytes(32)).write(id, list)],
  ])('is refused when it is %s', (_, wrong) => {
    expect(cursors.read(wrong, list)).toBeUndefined();
  });
});
