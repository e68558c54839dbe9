import {
  kafkaVariables,
  parseConfig,
  postgresUrl,
  secretKey,
  secretText,
  serviceVariables,
  spoolVariables,
} from '@rebelcore/service/config';
import { peppers } from '@rebelcore/credentials/verifier';
import { z } from 'zod';

const schema = z.object({
  ...serviceVariables,
  PORT: serviceVariables.PORT.default(3001),
  ...kafkaVariables,
  ...spoolVariables,
  IDENTITY_DATABASE_URL: postgresUrl,
  /** Keys under which passwords of API users are kept; outside the database, shared with the token service. */
  CREDENTIAL_PEPPERS: peppers,
  /** The bearer token of the platform operator. */
  OPERATOR_TOKEN: secretText(32),
  /** Encrypts the session signing key at rest, and signs cursors. */
  KEY_ENCRYPTION_KEY: secretKey,
});
export type IdentityConfig = z.infer<typeof schema>;
export const IDENTITY_CONFIG = Symbol('IDENTITY_CONFIG');

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws {ConfigError} */
export const identityConfig = (env: Environment = process.env): IdentityConfig => parseConfig(schema, env);

/** For commands that need the database alone. @throws {ConfigError} */
export const runtimeUrl = (env: Environment = process.env): string =>
  parseConfig(z.object({ IDENTITY_DATABASE_URL: postgresUrl }), env).IDENTITY_DATABASE_URL;

/** @throws {ConfigError} */
export const migrationsUrl = (env: Environment = process.env): string =>
  parseConfig(z.object({ IDENTITY_MIGRATIONS_DATABASE_URL: postgresUrl }), env).IDENTITY_MIGRATIONS_DATABASE_URL;
