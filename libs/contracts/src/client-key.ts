import { z } from 'zod';

const base64url = z.string().regex(/^[A-Za-z0-9_-]+$/);

/** The public keys that applications may sign with, as JWKs (RFC 7517) of nothing but what makes the key. */
const publicJwk = z.discriminatedUnion('kty', [
  z.object({ kty: z.literal('EC'), crv: z.literal('P-256'), x: base64url, y: base64url }),
  z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: base64url }),
  z.object({ kty: z.literal('RSA'), n: base64url, e: base64url }),
]);

/** A public key by which an API user proves who it is (`private_key_jwt`). */
export const clientKey = z.object({
  /** RFC 7638 thumbprint. */
  kid: base64url,
  alg: z.enum(['ES256', 'Ed25519', 'PS256']),
  jwk: publicJwk,
});
export type ClientKey = z.infer<typeof clientKey>;

/** An API user has at most so many at a time: one in use, and the next one. */
export const MAX_CLIENT_KEYS = 2;
