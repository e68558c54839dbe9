import type { ClientKey } from '@rebelcore/contracts/client-key';
import { readClientKey, signatureHolds, signsWith } from '@rebelcore/credentials/client-key';
import { generateKeyPairSync } from 'node:crypto';
import { z } from 'zod';

/** Of RFC 7523. */
export const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** What signatures may call themselves, as the metadata names it; RFC 9864 renames EdDSA. */
export const ASSERTION_ALGORITHMS = ['ES256', 'PS256', 'EdDSA', 'Ed25519'] as const;

/** Seconds ahead that an assertion may expire, and that a clock which is fast may be. */
const MAX_LIFETIME_S = 300;
const CLOCK_SKEW_S = 60;
const MAX_LENGTH = 8_192;

const header = z.object({
  alg: z.enum(ASSERTION_ALGORITHMS),
  typ: z
    .string()
    .regex(/^(?:application\/)?(?:client-authentication\+jwt|jwt)$/i)
    .optional(),
  kid: z.string().optional(),
  // Whoever could name the key, or demand an extension, could choose what is checked.
  ...Object.fromEntries(
    ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip'].map((name) => [name, z.undefined().optional()]),
  ),
});

/** Who it is has to be readable before it is known whether the rest is right. */
const party = z.object({ iss: z.string().min(1).max(256), sub: z.string().min(1).max(256) });
const claims = z.object({
  aud: z.union([z.string(), z.tuple([z.string()]).transform(([only]) => only)]),
  exp: z.number(),
  iat: z.number().optional(),
  nbf: z.number().optional(),
  jti: z.string().min(1).max(1_024),
});

/** Why an assertion does not count; for auditors, as the reason of the call. */
export type AssertionFault =
  | 'client-assertion.wrong-signature'
  | 'client-assertion.malformed'
  | 'client-assertion.wrong-audience'
  | 'client-assertion.wrong-times'
  | 'client-assertion.replayed';

/** What makes an assertion one that counts once. */
export interface Assertion {
  readonly jti: string;
  /** Unix seconds. */
  readonly exp: number;
}

/** A JWT by which a client says who it is (RFC 7523, as rfc7523bis of 2026 tightens it); nothing of it is believed yet. */
export interface PresentedAssertion {
  /** `iss` and `sub`, which are the same. */
  readonly username: string;
  /**
   * What it says once its signature, by one of these keys, its audience and its times have been found right.
   *
   * @param issuer of this server: the sole audience
   * @param now Unix seconds
   */
  verify(keys: readonly ClientKey[], issuer: string, now: number): Assertion | AssertionFault;
}

/** Reads an assertion; undefined for what is none that could count. */
export function readAssertion(text: string): PresentedAssertion | undefined {
  const [encodedHeader = '', encodedPayload = '', encodedSignature = '', ...more] = text.split('.');
  if (text.length > MAX_LENGTH || more.length > 0) return undefined;
  const head = header.safeParse(decoded(encodedHeader));
  const payload = decoded(encodedPayload);
  const who = party.safeParse(payload);
  const signature = bytes(encodedSignature);
  if (!head.success || !who.success || who.data.iss !== who.data.sub || signature === undefined) return undefined;
  const { alg } = head.data;
  return {
    username: who.data.sub,
    verify(keys, issuer, now) {
      // One that has no such key costs as much: nothing is told by how long it takes.
      const fitting = keys.filter((key) => signsWith(key, alg));
      const input = `${encodedHeader}.${encodedPayload}`;
      const tried = (fitting.length > 0 ? fitting : [DECOY]).map((key) => signatureHolds(key, input, signature));
      if (fitting.length === 0 || !tried.includes(true)) return 'client-assertion.wrong-signature';
      const said = claims.safeParse(payload);
      if (!said.success) {
        const isAudience = said.error.issues[0]?.path[0] === 'aud';
        return isAudience ? 'client-assertion.wrong-audience' : 'client-assertion.malformed';
      }
      const { aud, exp, iat = now, nbf = now, jti } = said.data;
      if (aud !== issuer) return 'client-assertion.wrong-audience';
      const early = Math.max(iat, nbf) > now + CLOCK_SKEW_S;
      if (exp <= now || exp > now + MAX_LIFETIME_S || early) return 'client-assertion.wrong-times';
      return { jti, exp };
    },
  };
}

const DECOY = readClientKey(generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }));

function decoded(part: string): unknown {
  try {
    return JSON.parse(bytes(part)?.toString('utf8') ?? '');
  } catch {
    return undefined;
  }
}

/** In base64url, in its one spelling; decoders overlook stray characters and bits. */
function bytes(part: string): Buffer | undefined {
  const read = Buffer.from(part, 'base64url');
  return read.toString('base64url') === part ? read : undefined;
}
