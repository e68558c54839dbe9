import {
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

/** For a rebuild: the database as its owner. @throws {ConfigError} */
export const auditRebuildConfig = (env?: Environment) =>
  parseConfig(z.object({ AUDIT_MIGRATIONS_DATABASE_URL: postgresUrl }), env);
