import { describeCall } from '@rebelcore/api-access/record-calls.plugin';
import type { SigningKeyRing } from '@rebelcore/credentials/signing-key-ring';
import { signJwt } from '@rebelcore/credentials/signing-keys';
import { currentKeyOf } from '@rebelcore/service/signing-key-ring';
import type { FastifyRequest } from 'fastify';
import { randomUUID } from 'node:crypto';

/** Seconds a token lives: always 24 hours, as published. */
export const TOKEN_LIFETIME_S = 86_400;

export interface TokenSubject {
  readonly apiUserId: string;
  readonly customerId: string;
  readonly username: string;
  /** The name of the role it has at this moment, and the flags that are on, parted by blanks. */
  readonly role: string | undefined;
  readonly scope: string | undefined;
  /** From where alone its tokens are accepted, parted by blanks; undefined for anywhere. */
  readonly tokenNetworks: string | undefined;
}

export interface IssuedToken {
  readonly token: string;
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

  /**
   * Issues a token to the caller of this request, and says in the record of the call which.
   *
   * @param narrowedTo the only flags, parted by blanks, that the application asked for: its token then permits no others,
   *   whatever the role permits now or later
   * @param boundTo the thumbprint of the key that whoever uses the token has to prove to have (DPoP, RFC 9449)
   */
  issue(
    request: FastifyRequest,
    subject: TokenSubject,
    { narrowedTo, boundTo }: { narrowedTo?: string | undefined; boundTo?: string | undefined } = {},
  ): IssuedToken {
    const issuedAt = Math.floor(Date.now() / 1000);
    const expiresAt = issuedAt + TOKEN_LIFETIME_S;
    const tokenId = randomUUID();
    const token = signJwt(currentKeyOf(this.keys), 'at+jwt', {
      iss: this.issuer,
      sub: subject.apiUserId,
      client_id: subject.username,
      aud: this.audience,
      iat: issuedAt,
      exp: expiresAt,
      jti: tokenId,
      customer_id: subject.customerId,
      role: subject.role ?? '',
      scope: narrowedTo ?? subject.scope ?? '',
      ...(narrowedTo !== undefined && { narrowed: true }),
      ...(boundTo !== undefined && { cnf: { jkt: boundTo } }),
      ...(subject.tokenNetworks !== undefined && { networks: subject.tokenNetworks.split(' ') }),
    });
    describeCall(request, { tokenId, tokenExpiresAt: expiresAt });
    return { token, expiresAt };
  }
}
