import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
} from 'node:crypto';
import formatter from 'ecdsa-sig-formatter';
import { z } from 'zod';
import { open, seal } from './sealing.js';

const { derToJose } = formatter;

/** An ES256 key as a service uses it: the private part as a KeyObject made once, the public part as its JWK. */
export interface SigningKey {
  /** RFC 7638 thumbprint of the public key. */
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicJwk: PublicJwk;
}

const publicJwk = z
  .object({
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    x: z.string(),
    y: z.string(),
    kid: z.string(),
    use: z.literal('sig'),
    alg: z.literal('ES256'),
  })
  .readonly();
export type PublicJwk = z.infer<typeof publicJwk>;

/** RFC 7517, section 5. */
export const jwks = z.object({ keys: z.array(publicJwk) }).meta({ id: 'Jwks' });

/** What is written to the database: the private part is useless without KEY_ENCRYPTION_KEY. */
export interface StoredSigningKey {
  readonly kid: string;
  /** The PKCS#8, sealed and bound to its kid. */
  readonly sealedPrivateKey: Buffer;
}

export function generateSigningKey(): SigningKey {
  return toSigningKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
}

export function sealSigningKey(key: SigningKey, encryptionKey: Buffer): StoredSigningKey {
  const pkcs8 = key.privateKey.export({ type: 'pkcs8', format: 'der' });
  return { kid: key.kid, sealedPrivateKey: seal(pkcs8, encryptionKey, key.kid) };
}

/** @throws {Error} when the key was sealed under another KEY_ENCRYPTION_KEY, or was changed. */
export function openSigningKey(stored: StoredSigningKey, encryptionKey: Buffer): SigningKey {
  let pkcs8: Buffer;
  try {
    pkcs8 = open(stored.sealedPrivateKey, encryptionKey, stored.kid);
  } catch {
    throw new Error(`signing key ${stored.kid} cannot be opened: KEY_ENCRYPTION_KEY is not the one it was sealed with`);
  }
  return toSigningKey(createPrivateKey({ key: pkcs8, type: 'pkcs8', format: 'der' }));
}

/** Signs a compact JWS. `claims` is serialised as it is; times are Unix seconds. */
export function signJwt(key: SigningKey, typ: string, claims: Readonly<Record<string, unknown>>): string {
  const header = headerOf(key, typ);
  const input = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  // With the KeyObject itself and the DER it then answers: given options as well, Node takes twice as long.
  const signature = derToJose(sign('sha256', Buffer.from(input), key.privateKey), 'ES256');
  return `${input}.${signature}`;
}

const headers = new WeakMap<SigningKey, Map<string, string>>();

/** The header is the same for every token of a key and type: encoded once. */
function headerOf(key: SigningKey, typ: string): string {
  let byType = headers.get(key);
  if (byType === undefined) headers.set(key, (byType = new Map<string, string>()));
  let header = byType.get(typ);
  if (header === undefined) {
    header = Buffer.from(JSON.stringify({ alg: 'ES256', typ, kid: key.kid })).toString('base64url');
    byType.set(typ, header);
  }
  return header;
}

function toSigningKey(privateKey: KeyObject): SigningKey {
  const { x, y } = createPublicKey(privateKey).export({ format: 'jwk' }) as JsonWebKey & { x: string; y: string };
  const thumbprint = JSON.stringify({ crv: 'P-256', kty: 'EC', x, y });
  const kid = createHash('sha256').update(thumbprint).digest('base64url');
  return { kid, privateKey, publicJwk: { kty: 'EC', crv: 'P-256', x, y, kid, use: 'sig', alg: 'ES256' } };
}
