import { createHash, generateKeyPairSync, randomUUID, type KeyPairKeyObjectResult } from 'node:crypto';

export interface ProofOf {
  readonly method?: string;
  readonly url: string;
  /** That the proof is for. */
  readonly token?: string;
}

/** An application that proves by its own key whose token it is (DPoP, RFC 9449). */
export class ProvingClient {
  private readonly pair: KeyPairKeyObjectResult = generateKeyPairSync('ec', { namedCurve: 'P-256' });

  /** RFC 7638. */
  async thumbprint(): Promise<string> {
    const { calculateJwkThumbprint, exportJWK } = await jose();
    return calculateJwkThumbprint(await exportJWK(this.pair.publicKey));
  }

  async proof({ method = 'POST', url, token }: ProofOf): Promise<string> {
    const { exportJWK, SignJWT } = await jose();
    const ath = token === undefined ? undefined : createHash('sha256').update(token).digest('base64url');
    return new SignJWT({ jti: randomUUID(), htm: method, htu: url, ath })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(this.pair.publicKey) })
      .setIssuedAt()
      .sign(this.pair.privateKey);
  }
}

// Jest cannot load it for a static import and for `require` in jwks-rsa at the same time.
const jose = () => import('jose');
