import type { SigningKeyRing } from '@rebelcore/credentials/signing-key-ring';
import { signJwt } from '@rebelcore/credentials/signing-keys';
import { randomUUID } from 'node:crypto';

/** Seconds a token lives: always 24 hours, as published. */
const TOKEN_LIFETIME_S = 86_400;

export interface TokenSubject {
  readonly apiUserId: string;
  readonly customerId: string;
  /** The name of the role it has at this moment, and the flags that are on, parted by blanks. */
  readonly role: string | undefined;
  readonly scope: string | undefined;
}

export interface IssuedToken {
  readonly token: string;
  readonly tokenId: string;
  /** Unix seconds. */
  readonly expiresAt: number;
}

/** Issues access tokens as RFC 9068 describes them: ES256, type `at+jwt`. */
export class TokenIssuer {
  constructor(
    private readonly keys: SigningKeyRing,
    private readonly issuer: string,
    private readonly audience: string,
  ) {}

  issue({ apiUserId, customerId, role, scope }: TokenSubject, now = Date.now()): IssuedToken {
    const issuedAt = Math.floor(now / 1000);
    const expiresAt = issuedAt + TOKEN_LIFETIME_S;
    const tokenId = randomUUID();
    const token = signJwt(this.keys.current, 'at+jwt', {
      iss: this.issuer,
      sub: apiUserId,
      client_id: apiUserId,
      aud: this.audience,
      iat: issuedAt,
      exp: expiresAt,
      jti: tokenId,
      customer_id: customerId,
      role: role ?? '',
      scope: scope ?? '',
    });
    return { token, tokenId, expiresAt };
  }
}
