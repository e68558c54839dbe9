import {
  parseConfig,
  secretKey,
  secretText,
  storingServiceVariables,
  type Environment,
} from '@rebelcore/service/config';
import { peppers } from '@rebelcore/credentials/verifier';
import { z } from 'zod';

const schema = z.object({
  ...storingServiceVariables('identity', 3001),
  /** Keys under which passwords of API users are kept; outside the database, shared with the token service. */
  CREDENTIAL_PEPPERS: peppers,
  /** The bearer token of the platform operator. */
  OPERATOR_TOKEN: secretText(32),
  /** Encrypts the session signing key at rest, and signs cursors. */
  KEY_ENCRYPTION_KEY: secretKey,
});
export type IdentityConfig = z.infer<typeof schema>;

/** @throws {ConfigError} */
export const identityConfig = (env?: Environment): IdentityConfig => parseConfig(schema, env);
