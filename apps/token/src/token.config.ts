import {
  kafkaConnection,
  kafkaVariables,
  parseConfig,
  postgresUrl,
  secretKey,
  signingKeyRotationDays,
  storingServiceVariables,
  type Environment,
} from '@rebelcore/service/config';
import { peppers } from '@rebelcore/credentials/verifier';
import { z } from 'zod';

const schema = z.object({
  ...storingServiceVariables('token', 3002),
  /** Keys under which passwords of API users are kept; shared with identity. */
  CREDENTIAL_PEPPERS: peppers,
  /** Encrypts the signing keys at rest. */
  KEY_ENCRYPTION_KEY: secretKey,
  SIGNING_KEY_ROTATION_DAYS: signingKeyRotationDays,
  /** `iss` of the tokens. */
  TOKEN_ISSUER: z.string().min(1),
  /** `aud` of the tokens: the APIs that may accept them. */
  TOKEN_AUDIENCE: z.string().min(1).default('rebelcore-api'),
  /** Seconds after which a view that is not known to be current refuses everybody. */
  AUTHORIZE_MAX_STALENESS: z.coerce.number().int().min(5).max(3_600).default(60),
});
export type TokenConfig = z.infer<typeof schema>;

/** @throws {ConfigError} */
export const tokenConfig = (env?: Environment): TokenConfig => parseConfig(schema, env);

/** For a rebuild: the database as its owner, and Kafka as this service. @throws {ConfigError} */
export function rebuildConfig(env?: Environment) {
  const config = parseConfig(z.object({ ...kafkaVariables, TOKEN_MIGRATIONS_DATABASE_URL: postgresUrl }), env);
  return { databaseUrl: config.TOKEN_MIGRATIONS_DATABASE_URL, kafka: kafkaConnection(config) };
}
