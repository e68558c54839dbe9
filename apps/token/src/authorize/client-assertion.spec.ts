import { readClientKey } from '@rebelcore/credentials/client-key';
import { hmacWith, testAssertion, testPair } from '@rebelcore/testing/client-assertions';
import { readAssertion } from './client-assertion.js';

const whom = { username: 'a@api.rebelcore.local', issuer: 'https://issuer.test' };
const pairs = { ES256: testPair('ES256'), EdDSA: testPair('EdDSA'), PS256: testPair('PS256') };
const own = pairs.ES256;
const keyOf = ({ publicJwk }: { publicJwk: Readonly<Record<string, unknown>> }) => readClientKey(publicJwk);
const now = Math.floor(Date.now() / 1000);

const judged = (text: string, keys = [keyOf(own)]) => readAssertion(text)?.verify(keys, whom.issuer, now) ?? 'none';
const own_ = (more: { header?: object; claims?: object }) => judged(testAssertion(own, whom, more));

it.each(Object.entries(pairs))('believes what a registered key has signed by %s', (_, pair) => {
  const text = testAssertion(pair, whom, { claims: { jti: 'once' } });
  expect(readAssertion(text)?.username).toBe(whom.username);
  expect(judged(text, [keyOf(testPair('EdDSA')), keyOf(pair)])).toEqual({
    jti: 'once',
    exp: expect.any(Number) as number,
  });
});

it.each<[string, { header?: object; claims?: object }]>([
  ['type JWT', { header: { typ: 'JWT' } }],
  ['no type', { header: { typ: undefined } }],
  ['a type written in full', { header: { typ: 'application/client-authentication+jwt' } }],
  ['whichever kid', { header: { kid: 'mine' } }],
  ['the issuer in a list of one', { claims: { aud: [whom.issuer] } }],
  ['five minutes', { claims: { exp: now + 300 } }],
  ['no iat', { claims: { iat: undefined } }],
  ['claims that nobody asked for', { claims: { custom: true } }],
])('believes one with %s', (_, more) => {
  expect(own_(more)).toHaveProperty('jti');
});

it('knows Ed25519 by its new name too (RFC 9864)', () => {
  const { EdDSA: pair } = pairs;
  expect(judged(testAssertion({ ...pair, alg: 'Ed25519' }, whom), [keyOf(pair)])).toHaveProperty('jti');
});

it.each<[string, { header?: object; claims?: object }, string]>([
  ['of another type', { header: { typ: 'at+jwt' } }, 'none'],
  ['with a key of its own', { header: { jwk: own.publicJwk } }, 'none'],
  ['with an address of keys', { header: { jku: 'https://evil.test/jwks' } }, 'none'],
  ['with an extension', { header: { crit: ['b64'], b64: false } }, 'none'],
  ['of somebody else', { claims: { iss: 'b@api.rebelcore.local' } }, 'none'],
  ['of nobody', { claims: { iss: undefined, sub: undefined } }, 'none'],
  [
    'for the token endpoint',
    { claims: { aud: 'https://issuer.test/oauth2/token' } },
    'client-assertion.wrong-audience',
  ],
  ['for another issuer', { claims: { aud: 'https://issuer.test/' } }, 'client-assertion.wrong-audience'],
  ['for two', { claims: { aud: [whom.issuer, 'https://other.test'] } }, 'client-assertion.wrong-audience'],
  ['for one twice', { claims: { aud: [whom.issuer, whom.issuer] } }, 'client-assertion.wrong-audience'],
  ['for nobody', { claims: { aud: undefined } }, 'client-assertion.wrong-audience'],
  ['for an empty list', { claims: { aud: [] } }, 'client-assertion.wrong-audience'],
  ['that has expired', { claims: { exp: now } }, 'client-assertion.wrong-times'],
  ['that expires in five minutes and a second', { claims: { exp: now + 301 } }, 'client-assertion.wrong-times'],
  ['that never expires', { claims: { exp: undefined } }, 'client-assertion.malformed'],
  ['that expires as text', { claims: { exp: String(now + 60) } }, 'client-assertion.malformed'],
  ['from the future', { claims: { iat: now + 120 } }, 'client-assertion.wrong-times'],
  ['not valid yet', { claims: { nbf: now + 120 } }, 'client-assertion.wrong-times'],
  ['without an id', { claims: { jti: undefined } }, 'client-assertion.malformed'],
  ['with an empty id', { claims: { jti: '' } }, 'client-assertion.malformed'],
])('does not believe one %s', (_, more, why) => {
  expect(own_(more)).toBe(why);
});

it.each<[string, () => string, string]>([
  ['alg none', () => testAssertion({ alg: 'none', sign: () => Buffer.alloc(0) }, whom), 'none'],
  [
    'HS256 with the public key as its secret',
    () => testAssertion({ alg: 'HS256', sign: hmacWith(JSON.stringify(own.publicJwk)) }, whom),
    'none',
  ],
  ['RS256', () => testAssertion({ ...pairs.PS256, alg: 'RS256' }, whom), 'none'],
  ['another key', () => testAssertion(testPair('ES256'), whom), 'client-assertion.wrong-signature'],
  ['the key of another algorithm', () => testAssertion(pairs.PS256, whom), 'client-assertion.wrong-signature'],
  ['another algorithm named', () => testAssertion({ ...own, alg: 'PS256' }, whom), 'client-assertion.wrong-signature'],
  [
    'an empty signature',
    () => testAssertion({ ...own, sign: () => Buffer.alloc(0) }, whom),
    'client-assertion.wrong-signature',
  ],
  ['zeros', () => testAssertion({ ...own, sign: () => Buffer.alloc(64) }, whom), 'client-assertion.wrong-signature'],
  ['trailing bytes', () => `${testAssertion(own, whom)}AA`, 'client-assertion.wrong-signature'],
  ['a fourth part', () => `${testAssertion(own, whom)}.x`, 'none'],
  ['stray characters', () => `${testAssertion(own, whom)}=`, 'none'],
  ['no JSON', () => 'a.b.c', 'none'],
  ['nothing', () => '', 'none'],
  ['nine thousand characters', () => 'x'.repeat(9_000), 'none'],
])('does not believe %s', (_, text, why) => {
  expect(judged(text())).toBe(why);
});

it('does not believe anybody who has registered no key, with a right signature or not', () => {
  expect(judged(testAssertion(own, whom), [])).toBe('client-assertion.wrong-signature');
});
