import { createHash } from 'node:crypto';
import { emailClaim } from './email.js';

const keyOf = (address: string) => emailClaim(address).key;

describe('the claim of an e-mail address', () => {
  it.each([
    ['Ada@Example.TEST', 'ada@example.test'],
    [' ada@example.test \t', 'ada@example.test'],
    ['M\u00dcLLER@example.test', 'mu\u0308ller@example.test'],
    ['\u03a3\u03a3@example.test', '\u03c3\u03c2@example.test'],
    ['STRASSE@example.test', 'stra\u00dfe@example.test'],
    ['\u212aelvin@example.test', 'kelvin@example.test'],
  ])('is one for %j and %j', (one, other) => {
    expect(keyOf(one)).toBe(keyOf(other));
  });

  it('is another for another address', () => {
    expect(keyOf('ada@example.test')).not.toBe(keyOf('ad\u00e4@example.test'));
  });

  it('is what it was when only ASCII was folded, so that those who signed in before still do', () => {
    const before = createHash('sha256').update('Ada.L+x@Example.test'.toLowerCase()).digest('base64url');
    expect(keyOf('Ada.L+x@Example.test')).toBe(before);
  });
});
