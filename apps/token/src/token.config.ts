import {
  httpUrl,
  kafkaConnection,
  kafkaVariables,
  parseConfig,
  postgresUrl,
  secretKey,
  signingKeyRotationDays,
  storingServiceVariables,
  wholeNumber,
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
  /** The origin that all is offered under, where it is not the issuer. */
  PUBLIC_URL: httpUrl.optional(),
  /** `aud` of the tokens: the APIs that may accept them. */
  TOKEN_AUDIENCE: z.string().min(1).default('rebelcore-api'),
  /** Seconds after which a view that is not known to be current refuses everybody. */
  AUTHORIZE_MAX_STALENESS: wholeNumber(5, 3_600).default(60),
});
export type TokenConfig = z.infer<typeof schema>;

/** @throws {ConfigError} */
export const tokenConfig = (env?: Environment): TokenConfig => parseConfig(schema, env);

/** The base of the addresses that clients are told. */
export const publicUrl = ({ PUBLIC_URL, TOKEN_ISSUER }: TokenConfig): string =>
  PUBLIC_URL ?? TOKEN_ISSUER.replace(/\/+$/, '');

/** Whether a client may name this as the resource its token is for (RFC 8707): the public origin, or what lies below it. */
export function isResourceOf(config: TokenConfig): (resource: string) => boolean {
  const base = publicUrl(config);
  return (resource) =>
    resource === config.TOKEN_AUDIENCE ||
    (!resource.includes('#') && (resource === base || resource.startsWith(`${base}/`)));
}

/** For a rebuild: the database as its owner, and Kafka as this service. @throws {ConfigError} */
export function rebuildConfig(env?: Environment) {
  const config = parseConfig(z.object({ ...kafkaVariables, TOKEN_MIGRATIONS_DATABASE_URL: postgresUrl }), env);
  return { databaseUrl: config.TOKEN_MIGRATIONS_DATABASE_URL, kafka: kafkaConnection(config) };
}
