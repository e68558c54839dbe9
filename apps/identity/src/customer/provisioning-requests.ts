import { createHash, createHmac, hkdfSync } from 'node:crypto';

/**
 * The names by which a repeated request of the operator finds what the first one made: one of its Idempotency-Key, one of
 * the key with the whole body. As the body may hold a password, its name is a MAC under a key that only the service has:
 * nobody who reads the table can try passwords on it.
 */
export class ProvisioningRequests {
  private readonly key: Buffer;

  /** @param secret the same in every replica */
  constructor(secret: Buffer) {
    this.key = Buffer.from(hkdfSync('sha256', secret, '', 'rebelcore:provisioning-request', 32));
  }

  /** @param body parsed, so that neither blanks nor the order of its members count */
  names(
    idempotencyKey: string,
    body: unknown,
  ): readonly [{ readonly scope: string; readonly key: string }, { readonly scope: string; readonly key: string }] {
    const request = createHmac('sha256', this.key).update(JSON.stringify([idempotencyKey, body]));
    return [
      {
        scope: 'customer.idempotency-key',
        key: createHash('sha256').update(idempotencyKey).digest('base64url'),
      },
      { scope: 'customer.idempotent-request', key: request.digest('base64url') },
    ];
  }
}
