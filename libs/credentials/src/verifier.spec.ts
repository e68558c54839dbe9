import { randomBytes } from 'node:crypto';
import { makeVerifier, peppers, verifierMatches } from './verifier.js';

const pepper = (version: string) => `${version}:${randomBytes(32).toString('base64url')}`;
const first = pepper('v1');
const known = peppers.parse(first);
const stored = makeVerifier(known, 'robot', 'correct');

describe('the verifier of an API user (invariant 7)', () => {
  it('matches its own username and password only', () => {
    expect(verifierMatches(known, stored, 'robot', 'correct')).toBe(true);
    expect(verifierMatches(known, stored, 'robot', 'wrong')).toBe(false);
    expect(verifierMatches(known, stored, 'another', 'correct')).toBe(false);
    expect(verifierMatches(known, undefined, 'robot', 'correct')).toBe(false);
  });

  it('is 32 bytes under the newest pepper and says nothing without it', () => {
    const both = peppers.parse(`${first},${pepper('v2')}`);
    expect(makeVerifier(both, 'robot', 'correct')).toMatchObject({ pepperVersion: 'v2' });
    expect(Buffer.from(stored.verifier, 'base64url')).toHaveLength(32);
    expect(makeVerifier(peppers.parse(pepper('v1')), 'robot', 'correct').verifier).not.toBe(stored.verifier);
  });

  it('still matches under an older pepper, and no longer once that pepper is gone', () => {
    const second = pepper('v2');
    expect(verifierMatches(peppers.parse(`${first},${second}`), stored, 'robot', 'correct')).toBe(true);
    expect(verifierMatches(peppers.parse(second), stored, 'robot', 'correct')).toBe(false);
  });

  it('cannot be forged by moving the border between username and password', () => {
    const shifted = makeVerifier(known, 'robotc', 'orrect');
    expect(shifted.verifier).not.toBe(stored.verifier);
  });
});
