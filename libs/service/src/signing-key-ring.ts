import { Logger, type Provider } from '@nestjs/common';
import { SigningKeyRing } from '@rebelcore/credentials/signing-key-ring';
import type { SigningKey } from '@rebelcore/credentials/signing-keys';
import { Pool } from 'pg';
import { ProblemException } from './problem.js';

/** Provides the {@link SigningKeyRing} of a service from its `signing_key` table. */
export function signingKeyRing(config: { KEY_ENCRYPTION_KEY: Buffer; SIGNING_KEY_ROTATION_DAYS: number }): Provider {
  const logger = new Logger(SigningKeyRing.name);
  return {
    provide: SigningKeyRing,
    inject: [Pool],
    useFactory: (pool: Pool) =>
      SigningKeyRing.open({
        pool,
        encryptionKey: config.KEY_ENCRYPTION_KEY,
        rotationDays: config.SIGNING_KEY_ROTATION_DAYS,
        onError: (err) => {
          logger.warn({ err, msg: 'the signing keys cannot be read; those known so far are used on' });
        },
      }),
  };
}

/**
 * The key that signs now.
 *
 * @throws {ProblemException} 503 where it was withdrawn and no other one can be added yet
 */
export function currentKeyOf({ current }: SigningKeyRing): SigningKey {
  if (current !== undefined) return current;
  const detail = 'Tokens cannot be signed at the moment; please try again.';
  throw new ProblemException(503, 'keys.unavailable', detail, { retryAfter: 2 });
}
