import {
  httpUrl,
  kafkaConnection,
  kafkaVariables,
  parseConfig,
  postgresUrl,
  refusedTokenVariables,
  secretKey,
  secretText,
  signingKeyRotationDays,
  storingServiceVariables,
  type Environment,
} from '@rebelcore/service/config';
import { peppers } from '@rebelcore/credentials/verifier';
import { z } from 'zod';

/** A mailbox as it stands in front of a mail: `API users <no-reply@example.com>`, or the address alone. */
const sender = /^(?:[^<>\p{Cc}]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/u;

const mailVariables = {
  /** `smtp://127.0.0.1:1025`, or `smtps://user:password@host`. Without it nobody can be invited. */
  SMTP_URL: z.url({ protocol: /^smtps?$/, error: 'must be an smtp:// or smtps:// URL' }).optional(),
  /** Whom invitations come from; servers take no mail from nobody. */
  MAIL_FROM: z.string().regex(sender, 'must be an e-mail address, or a name and <an address>').optional(),
  /** Where people reach the portal, for links in mails. */
  PUBLIC_URL: httpUrl.default('http://127.0.0.1:3000'),
};

const schema = z
  .object({
    ...storingServiceVariables('identity', 3001, 20),
    /** Keys under which passwords of API users are kept; outside the database, shared with the token service. */
    CREDENTIAL_PEPPERS: peppers,
    /** The bearer token of the platform operator. */
    OPERATOR_TOKEN: secretText(32),
    /** Encrypts at rest what the service must be able to read again, and signs cursors. */
    KEY_ENCRYPTION_KEY: secretKey,
    SIGNING_KEY_ROTATION_DAYS: signingKeyRotationDays,
    ...mailVariables,
    ...refusedTokenVariables,
  })
  .refine(({ SMTP_URL, MAIL_FROM }) => SMTP_URL === undefined || MAIL_FROM !== undefined, {
    path: ['MAIL_FROM'],
    message: 'is required beside SMTP_URL',
  });
export type IdentityConfig = z.infer<typeof schema>;

/** For commands that mend: the database as its owner, and Kafka as an administrator. @throws {ConfigError} */
export function mendConfig(env?: Environment) {
  const config = parseConfig(z.object({ ...kafkaVariables, IDENTITY_MIGRATIONS_DATABASE_URL: postgresUrl }), env);
  return { databaseUrl: config.IDENTITY_MIGRATIONS_DATABASE_URL, kafka: kafkaConnection(config) };
}

/** @throws {ConfigError} */
export const identityConfig = (env?: Environment): IdentityConfig => parseConfig(schema, env);
