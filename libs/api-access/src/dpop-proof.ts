import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { createHash } from 'node:crypto';
import { z } from 'zod';

/** What proofs may be signed with, as the metadata names it; RFC 9864 renames EdDSA. */
export const PROOF_ALGORITHMS: readonly string[] = ['ES256', 'PS256', 'EdDSA', 'Ed25519'];

const MAX_LENGTH = 4_096;
/** Seconds since a proof was made, and that the clock of whoever made it may be wrong. */
const MAX_AGE_S = 60;
const CLOCK_SKEW_S = 60;
const MAX_REMEMBERED = 50_000;
/** May stand before the path that is asked for; routers leave it out as well. */
const ORIGIN = /^https?:\/\/[^/]*/;

const claims = z.object({
  jti: z.string().min(1).max(256),
  htm: z.string(),
  htu: z.url(),
  ath: z.string().optional(),
});

/**
 * Verifies the proofs by which callers show that they have the private key of a token (DPoP, RFC 9449). Each counts once in
 * this process, which remembers the last 50 000 for as long as they could count again.
 */
export class DPoPProofs {
  private readonly used = new LRUCache<string, true>({
    max: MAX_REMEMBERED,
    ttl: (MAX_AGE_S + 2 * CLOCK_SKEW_S) * 1_000,
  });

  /** @param publicUrl where callers see the addresses of this service: proofs name them */
  constructor(private readonly publicUrl: string) {}

  /**
   * The thumbprint (RFC 7638) of the key that this request proves to have; undefined when it proves nothing.
   *
   * @param token that the proof has to be made for; none where it is only asked for
   */
  async thumbprintOf({ method, url, headers }: FastifyRequest, token?: string): Promise<string | undefined> {
    const { dpop: proof } = headers;
    if (typeof proof !== 'string' || proof.length > MAX_LENGTH) return undefined;
    // Loaded by the first proof: most callers send none.
    const { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } = await import('jose');
    const verified = await jwtVerify(proof, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: [...PROOF_ALGORITHMS],
      maxTokenAge: MAX_AGE_S,
      clockTolerance: CLOCK_SKEW_S,
    }).catch(() => undefined);
    const said = claims.safeParse(verified?.payload);
    const jwk = verified?.protectedHeader.jwk;
    if (!said.success || jwk === undefined) return undefined;
    const { jti, htm, htu, ath } = said.data;
    const isForThis = htm === method && addressOf(htu) === addressOf(`${this.publicUrl}${url.replace(ORIGIN, '')}`);
    if (!isForThis || (token !== undefined && ath !== sha256(token))) return undefined;
    const thumbprint = await calculateJwkThumbprint(jwk);
    const use = sha256(`${thumbprint} ${jti}`);
    if (this.used.has(use)) return undefined;
    this.used.set(use, true);
    return thumbprint;
  }
}

/** Without query and fragment, and in the spelling that URLs have. */
function addressOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url');
