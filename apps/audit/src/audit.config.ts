import {
  kafkaConnection,
  kafkaVariables,
  httpUrl,
  parseConfig,
  postgresUrl,
  refusedTokenVariables,
  secretKey,
  storingServiceVariables,
  type Environment,
} from '@rebelcore/service/config';
import { z } from 'zod';

const schema = z.object({
  ...storingServiceVariables('audit', 3003),
  /** Where identity publishes the keys of portal sessions. */
  IDENTITY_JWKS_URL: httpUrl,
  /** Authenticates cursors; the same in every replica. */
  CURSOR_KEY: secretKey,
  ...refusedTokenVariables,
});
export type AuditConfig = z.infer<typeof schema>;

/** @throws {ConfigError} */
export const auditConfig = (env?: Environment): AuditConfig => parseConfig(schema, env);

/** For a rebuild: the database as its owner, and Kafka as this service. @throws {ConfigError} */
export function auditRebuildConfig(env?: Environment) {
  const config = parseConfig(z.object({ ...kafkaVariables, AUDIT_MIGRATIONS_DATABASE_URL: postgresUrl }), env);
  return { databaseUrl: config.AUDIT_MIGRATIONS_DATABASE_URL, kafka: kafkaConnection(config) };
}
