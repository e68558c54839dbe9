import type { VerificationKeys } from '@rebelcore/api-access/issuer-keys';
import type { SigningKeyRing } from '@rebelcore/credentials/signing-key-ring';
import { createPublicKey } from 'node:crypto';

/** This service's own keys for verifying what it has issued, as whoever reads its JWKS knows them. */
export const ownKeys = (ring: SigningKeyRing): VerificationKeys => ({
  find: (kid) => {
    const key = ring.find(kid);
    return Promise.resolve(key && createPublicKey(key.privateKey));
  },
  has: (kid) => ring.find(kid) !== undefined,
});
