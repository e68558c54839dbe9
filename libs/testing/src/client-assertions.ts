import { constants, createHmac, generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto';

/** A key pair of an application, and how it signs. */
export interface TestPair {
  readonly alg: string;
  readonly publicJwk: Readonly<Record<string, unknown>>;
  readonly privateKey: KeyObject;
  readonly sign: (input: string) => Buffer;
}

const pair = (alg: string, keys: { publicKey: KeyObject; privateKey: KeyObject }, how: (input: Buffer) => Buffer) => ({
  alg,
  publicJwk: keys.publicKey.export({ format: 'jwk' }) as Record<string, unknown>,
  privateKey: keys.privateKey,
  sign: (input: string) => how(Buffer.from(input)),
});

/** A new pair for `ES256`, `EdDSA` or `PS256`. */
export function testPair(alg: 'ES256' | 'EdDSA' | 'PS256'): TestPair {
  switch (alg) {
    case 'ES256': {
      const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      return pair(alg, keys, (input) => sign('sha256', input, { key: keys.privateKey, dsaEncoding: 'ieee-p1363' }));
    }
    case 'EdDSA': {
      const keys = generateKeyPairSync('ed25519');
      return pair(alg, keys, (input) => sign(null, input, keys.privateKey));
    }
    case 'PS256': {
      const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const how = { key: keys.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
      return pair(alg, keys, (input) => sign('sha256', input, how));
    }
  }
}

/** How somebody signs who has only a public key, and hopes that it is taken for a secret. */
export const hmacWith = (secret: string) => (input: string) => createHmac('sha256', secret).update(input).digest();

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * What an application signs to say who it is (RFC 7523), valid for a minute.
 *
 * @param header,claims what is to be otherwise; undefined leaves a member out
 */
export function testAssertion(
  { alg, sign: signed }: Pick<TestPair, 'alg' | 'sign'>,
  { username, issuer }: { readonly username: string; readonly issuer: string },
  { header = {}, claims = {} }: { readonly header?: object; readonly claims?: object } = {},
): string {
  const now = Math.floor(Date.now() / 1000);
  const said = { iss: username, sub: username, aud: issuer, iat: now, exp: now + 60, jti: randomUUID(), ...claims };
  const input = `${encoded({ alg, typ: 'client-authentication+jwt', ...header })}.${encoded(said)}`;
  return `${input}.${signed(input).toString('base64url')}`;
}
