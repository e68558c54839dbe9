import {
  httpUrl,
  kafkaVariables,
  parseConfig,
  postgresUrl,
  secretKey,
  serviceVariables,
  spoolVariables,
} from '@rebelcore/service/config';
import { z } from 'zod';

const schema = z.object({
  ...serviceVariables,
  PORT: serviceVariables.PORT.default(3003),
  ...kafkaVariables,
  ...spoolVariables,
  AUDIT_DATABASE_URL: postgresUrl,
  /** Where identity publishes the keys of portal sessions. */
  IDENTITY_JWKS_URL: httpUrl,
  /** Authenticates cursors; the same in every replica. */
  CURSOR_KEY: secretKey,
});
export type AuditConfig = z.infer<typeof schema>;
export const AUDIT_CONFIG = Symbol('AUDIT_CONFIG');

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws {ConfigError} */
export const auditConfig = (env: Environment = process.env): AuditConfig => parseConfig(schema, env);

/** @throws {ConfigError} */
export const migrationsUrl = (env: Environment = process.env): string =>
  parseConfig(z.object({ AUDIT_MIGRATIONS_DATABASE_URL: postgresUrl }), env).AUDIT_MIGRATIONS_DATABASE_URL;

/** For commands that need the database alone. @throws {ConfigError} */
export const runtimeUrl = (env: Environment = process.env): string =>
  parseConfig(z.object({ AUDIT_DATABASE_URL: postgresUrl }), env).AUDIT_DATABASE_URL;
