import { randomBytes } from 'node:crypto';
import { Cursors } from './cursor.js';

const place = { at: 1_795_417_200_123, id: '0198a1de-aaaa-7000-8000-000000000001' };
const bound = ['"customer"', 'null', '"api.call"'];
const cursors = new Cursors(randomBytes(32));
const written = cursors.write(place, bound);

describe('a cursor', () => {
  it('leads back to its place', () => {
    expect(cursors.read(written, bound)).toEqual(place);
    expect(written).toMatch(/^[A-Za-z0-9_-]+$/);
  });

  it('of another customer or other filters is not accepted', () => {
    expect(cursors.read(written, ['"another"', ...bound.slice(1)])).toBeUndefined();
    expect(cursors.read(written, ['"customer"', '"api.call"', 'null'])).toBeUndefined();
    expect(new Cursors(randomBytes(32)).read(written, bound)).toBeUndefined();
  });

  it('that was changed in any character is not accepted', () => {
    for (let at = 0; at < written.length; at += 1) {
      for (const other of 'A_') {
        if (written[at] === other) continue;
        expect(cursors.read(written.slice(0, at) + other + written.slice(at + 1), bound)).toBeUndefined();
      }
    }
  });

  it('that was cut, lengthened, or never was one is not accepted', () => {
    for (let length = 0; length < written.length; length += 1) {
      expect(cursors.read(written.slice(0, length), bound)).toBeUndefined();
    }
    for (const text of [
      `${written}A`,
      `${written}=`,
      ` ${written}`,
      written.replace(/.$/, '='),
      '🙂'.repeat(51),
      '../x',
    ]) {
      expect(cursors.read(text, bound)).toBeUndefined();
    }
  });
});
