import {
  kafkaConnection,
  kafkaVariables,
  parseConfig,
  postgresUrl,
  secretKey,
  serviceVariables,
  spoolVariables,
} from '@rebelcore/service/config';
import { peppers } from '@rebelcore/credentials/verifier';
import { z } from 'zod';

const schema = z.object({
  ...serviceVariables,
  PORT: serviceVariables.PORT.default(3002),
  ...kafkaVariables,
  ...spoolVariables,
  TOKEN_DATABASE_URL: postgresUrl,
  /** Keys under which passwords of API users are kept; shared with identity. */
  CREDENTIAL_PEPPERS: peppers,
  /** Encrypts the signing keys at rest. */
  KEY_ENCRYPTION_KEY: secretKey,
  /** `iss` of the tokens. */
  TOKEN_ISSUER: z.string().min(1),
  /** `aud` of the tokens: the APIs that may accept them. */
  TOKEN_AUDIENCE: z.string().min(1).default('rebelcore-api'),
  /** Seconds after which a view that is not known to be current refuses everybody. */
  AUTHORIZE_MAX_STALENESS: z.coerce.number().int().min(5).max(3_600).default(60),
});
export type TokenConfig = z.infer<typeof schema>;
export const TOKEN_CONFIG = Symbol('TOKEN_CONFIG');

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws {ConfigError} */
export const tokenConfig = (env: Environment = process.env): TokenConfig => parseConfig(schema, env);

/** @throws {ConfigError} */
export const migrationsUrl = (env: Environment = process.env): string =>
  parseConfig(z.object({ TOKEN_MIGRATIONS_DATABASE_URL: postgresUrl }), env).TOKEN_MIGRATIONS_DATABASE_URL;

/** For commands that need the database alone. @throws {ConfigError} */
export const runtimeUrl = (env: Environment = process.env): string =>
  parseConfig(z.object({ TOKEN_DATABASE_URL: postgresUrl }), env).TOKEN_DATABASE_URL;

/** For a rebuild: the database as its owner, and Kafka as this service. @throws {ConfigError} */
export function rebuildConfig(env: Environment = process.env) {
  const config = parseConfig(z.object({ ...kafkaVariables, TOKEN_MIGRATIONS_DATABASE_URL: postgresUrl }), env);
  return { databaseUrl: config.TOKEN_MIGRATIONS_DATABASE_URL, kafka: kafkaConnection(config) };
}
