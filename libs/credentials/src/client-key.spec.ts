import { constants, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { readClientKey, signatureHolds, signsWith, UnusableKey } from './client-key.js';

const ec = (namedCurve = 'P-256') => generateKeyPairSync('ec', { namedCurve });
const rsa = (modulusLength: number, publicExponent = 65_537) =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent });
const ed = generateKeyPairSync('ed25519');
const strong = { ec: ec(), ed, rsa: rsa(2048) };
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' });
const jwk = (key: KeyObject) => key.export({ format: 'jwk' });
const okp = (hex: string) => ({ kty: 'OKP', crv: 'Ed25519', x: Buffer.from(hex, 'hex').toString('base64url') });

it.each([
  ['ES256', strong.ec.publicKey],
  ['Ed25519', strong.ed.publicKey],
  ['PS256', strong.rsa.publicKey],
])('takes a key for %s as PEM, JWK and the JSON of one', (alg, key) => {
  const read = readClientKey(pem(key) as string);
  expect(read.alg).toBe(alg);
  expect(readClientKey(jwk(key) as Record<string, unknown>)).toEqual(read);
  const ornate = { ...jwk(key), kid: 'mine', use: 'sig', key_ops: ['verify'], alg };
  expect(readClientKey(JSON.stringify(ornate, null, 2))).toEqual(read);
});

it('names a key by its thumbprint (RFC 8037, appendix A.3)', () => {
  const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';
  expect(readClientKey({ kty: 'OKP', crv: 'Ed25519', x }).kid).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
});

it.each<[string, string | Record<string, unknown>, string]>([
  ['another curve', pem(ec('P-384').publicKey) as string, 'must be on the curve P-256'],
  ['the curve of coins', jwk(ec('secp256k1').publicKey), 'must be on the curve P-256'],
  ['a point that is on no curve', { ...jwk(strong.ec.publicKey), x: jwk(ec().publicKey).x }, 'cannot be read'],
  ['Ed448', pem(generateKeyPairSync('ed448').publicKey) as string, 'must be the public key of'],
  ['a key for encryption', pem(generateKeyPairSync('x25519').publicKey) as string, 'must be the public key of'],
  ['RSA that is too short', pem(rsa(1024).publicKey) as string, 'must have 2048 to 4096 bits'],
  ['RSA with a small exponent', pem(rsa(2048, 3).publicKey) as string, 'must have the public exponent 65537'],
  ['a point of order 1', okp(`01${'00'.repeat(31)}`), 'must not be one of the few points'],
  ['a point of order 4', okp('00'.repeat(32)), 'must not be one of the few points'],
  ['the same, spelt otherwise', okp(`ed${'ff'.repeat(30)}7f`), 'must not be one of the few points'],
  [
    'a point of order 8',
    okp('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'),
    'must not be one of the few points',
  ],
  ['a secret', { kty: 'oct', k: 'c2VjcmV0' }, 'must be the public key alone'],
  ['a private JWK', jwk(strong.ec.privateKey), 'must be the public key alone'],
  [
    'a private PEM',
    strong.rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }) as string,
    'must be the public key alone',
  ],
  ['a key for encryption by its use', { ...jwk(strong.rsa.publicKey), use: 'enc' }, 'must be for signatures'],
  ['another algorithm', { ...jwk(strong.rsa.publicKey), alg: 'RS256' }, 'must be for PS256'],
  ['a certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', 'must begin with'],
  ['nonsense', 'nonsense', 'must be a JWK or a PEM'],
  ['a list', '[]', 'must be a JWK or a PEM'],
  ['nothing', '', 'must be a JWK or a PEM'],
])('refuses %s', (_, given, rule) => {
  expect(() => readClientKey(given)).toThrow(UnusableKey);
  expect(() => readClientKey(given)).toThrow(rule);
});

it('verifies what the key has signed, and nothing else', () => {
  const made: [KeyObject, KeyObject, (key: KeyObject) => Buffer][] = [
    [strong.ec.publicKey, strong.ec.privateKey, (key) => sign('sha256', INPUT, { key, dsaEncoding: 'ieee-p1363' })],
    [strong.ed.publicKey, strong.ed.privateKey, (key) => sign(null, INPUT, key)],
    [
      strong.rsa.publicKey,
      strong.rsa.privateKey,
      (key) => sign('sha256', INPUT, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
    ],
  ];
  for (const [publicKey, privateKey, signed] of made) {
    const key = readClientKey(pem(publicKey) as string);
    const signature = signed(privateKey);
    expect(signatureHolds(key, INPUT.toString(), signature)).toBe(true);
    expect(signatureHolds(key, 'other', signature)).toBe(false);
    expect(signatureHolds(key, INPUT.toString(), Buffer.alloc(signature.length))).toBe(false);
    expect(signatureHolds(key, INPUT.toString(), Buffer.alloc(0))).toBe(false);
  }
  // DER is no JWS.
  expect(
    signatureHolds(
      readClientKey(pem(strong.ec.publicKey) as string),
      INPUT.toString(),
      sign('sha256', INPUT, strong.ec.privateKey),
    ),
  ).toBe(false);
  expect(['ES256', 'EdDSA', 'Ed25519', 'PS256', 'RS256'].filter((alg) => signsWith({ alg: 'Ed25519' }, alg))).toEqual([
    'EdDSA',
    'Ed25519',
  ]);
});
const INPUT = Buffer.from('header.payload');
