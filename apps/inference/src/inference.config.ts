import {
  httpUrl,
  kafkaVariables,
  parseConfig,
  postgresUrl,
  serviceVariables,
  spoolVariables,
} from '@rebelcore/service/config';
import { z } from 'zod';

const schema = z.object({
  ...serviceVariables,
  PORT: serviceVariables.PORT.default(3004),
  ...kafkaVariables,
  ...spoolVariables,
  INFERENCE_DATABASE_URL: postgresUrl,
  /** Where the token service publishes its keys, and what its tokens say. */
  TOKEN_JWKS_URL: httpUrl,
  TOKEN_ISSUER: z.string().min(1),
  TOKEN_AUDIENCE: z.string().min(1).default('rebelcore-api'),
});
export type InferenceConfig = z.infer<typeof schema>;

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws {ConfigError} */
export const inferenceConfig = (env: Environment = process.env): InferenceConfig => parseConfig(schema, env);

/** @throws {ConfigError} */
export const migrationsUrl = (env: Environment = process.env): string =>
  parseConfig(z.object({ INFERENCE_MIGRATIONS_DATABASE_URL: postgresUrl }), env).INFERENCE_MIGRATIONS_DATABASE_URL;

/** For commands that need the database alone. @throws {ConfigError} */
export const runtimeUrl = (env: Environment = process.env): string =>
  parseConfig(z.object({ INFERENCE_DATABASE_URL: postgresUrl }), env).INFERENCE_DATABASE_URL;
