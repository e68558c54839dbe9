import type { ClientKey } from '@rebelcore/contracts/client-key';
import { readClientKey, UnusableKey } from '@rebelcore/credentials/client-key';
import { z } from 'zod';

/** A public key in a request, read. What is wrong with it, the refusal says. */
export const publicKey = z
  .union([
    z.string().max(4_096, 'must be at most 4096 characters').meta({ description: 'A PEM, or the JSON of a JWK.' }),
    z.record(z.string(), z.unknown()).meta({ description: 'A JWK (RFC 7517).' }),
  ])
  .meta({
    description:
      'An EC key on P-256 (for ES256), an Ed25519 key (EdDSA), or an RSA key of 2048 to 4096 bits (PS256); never a private one.',
  })
  .transform((given, context): ClientKey => {
    try {
      return readClientKey(given);
    } catch (error) {
      if (!(error instanceof UnusableKey)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  });
