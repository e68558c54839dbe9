import type { ClientKey } from '@rebelcore/contracts/client-key';
import { constants, createHash, createPublicKey, verify, type JsonWebKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';

/** A key that nobody should be recognised by. The message is a rule: `must be …`. */
export class UnusableKey extends Error {}

const KINDS = 'must be the public key of an EC pair on P-256, of an Ed25519 pair or of an RSA pair';
const PRIVATE = 'must be the public key alone; make another pair, since the private key of this one was sent';
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
const RSA_BITS = { min: 2048, max: 4096 };

/**
 * Reads a public key: a JWK, as an object or as its JSON, or a PEM that begins with `BEGIN PUBLIC KEY`.
 *
 * @throws {UnusableKey}
 */
export function readClientKey(given: string | Readonly<Record<string, unknown>>): ClientKey {
  const text = typeof given === 'string' ? given.trim() : undefined;
  const key = text?.startsWith('-----') === true ? fromPem(text) : fromJwk(text === undefined ? given : json(text));
  const { kty, crv, x, y, n, e } = key.export({ format: 'jwk' }) as Required<JsonWebKey>;
  switch (kty) {
    case 'EC':
      return { kid: thumbprint({ crv, kty, x, y }), alg: 'ES256', jwk: { kty, crv: 'P-256', x, y } };
    case 'OKP':
      return { kid: thumbprint({ crv, kty, x }), alg: 'Ed25519', jwk: { kty, crv: 'Ed25519', x } };
    default:
      return { kid: thumbprint({ e, kty: 'RSA', n }), alg: 'PS256', jwk: { kty: 'RSA', n, e } };
  }
}

/** RFC 7638; the members in alphabetical order. */
const thumbprint = (members: Readonly<Record<string, string>>): string =>
  createHash('sha256').update(JSON.stringify(members)).digest('base64url');

function fromPem(pem: string): KeyObject {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) throw new UnusableKey(PRIVATE);
  if (!/^-----BEGIN PUBLIC KEY-----/.test(pem))
    throw new UnusableKey('must begin with BEGIN PUBLIC KEY, as a PEM does');
  return required(() => createPublicKey({ key: pem, format: 'pem' }));
}

const jwkMembers = z.looseObject({
  kty: z.string(),
  use: z.literal('sig', 'must be for signatures (use: sig)').optional(),
  alg: z.string().optional(),
});

function fromJwk(given: unknown): KeyObject {
  const parsed = jwkMembers.safeParse(given);
  if (typeof given === 'object' && given !== null && PRIVATE_MEMBERS.some((member) => member in given)) {
    throw new UnusableKey(PRIVATE);
  }
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new UnusableKey(issue?.path[0] === 'use' ? issue.message : 'must be a JWK or a PEM');
  }
  const { alg, ...jwk } = parsed.data;
  const key = required(() => createPublicKey({ key: jwk, format: 'jwk' }));
  const algorithms = ALGORITHMS[key.asymmetricKeyType ?? ''] ?? [];
  if (alg !== undefined && !algorithms.includes(alg)) {
    throw new UnusableKey(`must be for ${algorithms.join(' or ')}, which is what a key of this kind signs with here`);
  }
  return key;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UnusableKey('must be a JWK or a PEM');
  }
}

/** By what a signature of a key of this type may call itself. */
const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  ec: ['ES256'],
  // RFC 8037 and RFC 9864 name the same thing.
  ed25519: ['EdDSA', 'Ed25519'],
  rsa: ['PS256'],
};

/** Refuses keys of other kinds, other curves, and those that are weak. */
function required(read: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch {
    throw new UnusableKey(`${KINDS}; this one cannot be read`);
  }
  const { namedCurve, modulusLength = 0, publicExponent } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'ec':
      if (namedCurve !== 'prime256v1') throw new UnusableKey('must be on the curve P-256');
      return key;
    case 'ed25519':
      if (isOfSmallOrder(key)) throw new UnusableKey('must not be one of the few points that any signature fits');
      return key;
    case 'rsa':
      if (modulusLength < RSA_BITS.min || modulusLength > RSA_BITS.max) {
        throw new UnusableKey(`must have ${RSA_BITS.min} to ${RSA_BITS.max} bits`);
      }
      if (publicExponent !== 65_537n) throw new UnusableKey('must have the public exponent 65537');
      return key;
    default:
      throw new UnusableKey(KINDS);
  }
}

const P = 2n ** 255n - 19n;
/** The y of the two pairs of points of order 8. */
const ORDER_8 = 2_707_385_501_144_840_649_318_225_287_225_658_788_936_804_267_575_313_519_463_743_609_750_303_402_022n;
/** The y coordinates of the points of order 1, 2, 4 and 8. */
const SMALL_ORDER: ReadonlySet<bigint> = new Set([0n, 1n, P - 1n, ORDER_8, P - ORDER_8]);

function isOfSmallOrder(key: KeyObject): boolean {
  const { x = '' } = key.export({ format: 'jwk' });
  const y = BigInt(`0x${Buffer.from(x, 'base64url').reverse().toString('hex')}`) & (2n ** 255n - 1n);
  return SMALL_ORDER.has(y % P);
}

/** Whether this key can have made signatures that call themselves by this algorithm. */
export const signsWith = ({ alg }: Pick<ClientKey, 'alg'>, claimed: string): boolean =>
  claimed === alg || (claimed === 'EdDSA' && alg === 'Ed25519');

/** Verifies a signature as JWS has them (RFC 7518, section 3; RFC 8037). */
export function signatureHolds({ alg, jwk }: ClientKey, input: string, signature: Buffer): boolean {
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  switch (alg) {
    case 'ES256':
      return verify('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }, signature);
    case 'Ed25519':
      return verify(null, Buffer.from(input), key, signature);
    case 'PS256': {
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      return verify(
        'sha256',
        Buffer.from(input),
        { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
        signature,
      );
    }
  }
}
