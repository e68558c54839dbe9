import {
  httpUrl,
  kafkaConnection,
  kafkaVariables,
  parseConfig,
  postgresUrl,
  storingServiceVariables,
  type Environment,
} from '@rebelcore/service/config';
import { z } from 'zod';

const schema = z.object({
  ...storingServiceVariables('inference', 3004),
  /** Where the token service publishes its keys, and what its tokens say. */
  TOKEN_JWKS_URL: httpUrl,
  TOKEN_ISSUER: z.string().min(1),
  /** The origin that all is offered under, where it is not the issuer. */
  PUBLIC_URL: httpUrl.optional(),
  TOKEN_AUDIENCE: z.string().min(1).default('rebelcore-api'),
});
export type InferenceConfig = z.infer<typeof schema>;

/** The database, as its owner, and Kafka: what building a view anew needs. @throws {ConfigError} */
export function rebuildConfig(env?: Environment) {
  const config = parseConfig(z.object({ ...kafkaVariables, INFERENCE_MIGRATIONS_DATABASE_URL: postgresUrl }), env);
  return { databaseUrl: config.INFERENCE_MIGRATIONS_DATABASE_URL, kafka: kafkaConnection(config) };
}

/** @throws {ConfigError} */
export const inferenceConfig = (env?: Environment): InferenceConfig => parseConfig(schema, env);

/** The base of the addresses that clients are told. */
export const publicUrl = ({ PUBLIC_URL, TOKEN_ISSUER }: InferenceConfig): string =>
  PUBLIC_URL ?? TOKEN_ISSUER.replace(/\/+$/, '');
