import { join } from 'node:path';
import type { DataFolder } from '@rebelcore/embedded/data-folder';
import type { KafkaLogin } from '@rebelcore/embedded/kafka';
import { variableOf, type ServiceName, type StoringService } from '../service-program.js';
import type { Infrastructure } from './infrastructure.js';

/** One process of a service. */
export interface Replica {
  readonly service: ServiceName;
  /** The service's name, numbered from the second replica on; its log and its spool are called so. */
  readonly label: string;
  readonly port: number;
}

/** Base URL of each service's first replica. */
export type Addresses = Readonly<Record<ServiceName, string>>;

/** What a service can be told about the system around it. */
export interface Surroundings {
  readonly folder: DataFolder;
  readonly infrastructure: Infrastructure;
  readonly addresses: Addresses;
  /** The portal as its users know it, and the issuer of tokens: one origin, where the issuer's metadata is served. */
  readonly publicUrl: string;
}

/** Which service gets which variables. */
export function serviceEnvironment(replica: Replica, surroundings: Surroundings): Record<string, string> {
  const { addresses, folder, publicUrl } = surroundings;
  const { secrets } = folder;
  const { mail } = surroundings.infrastructure;
  const listen = { HOST: '127.0.0.1', PORT: String(replica.port), PUBLIC_URL: publicUrl };
  const behindGateway = { ...listen, TRUSTED_PROXIES: '127.0.0.1' };
  const credentials = { CREDENTIAL_PEPPERS: `v1:${secrets.key('credential-pepper.v1')}` };
  const tokens = { TOKEN_ISSUER: publicUrl, TOKEN_AUDIENCE: 'rebelcore-api' };
  const verifiedTokens = { ...tokens, TOKEN_JWKS_URL: `${addresses.token}/.well-known/jwks.json` };
  const storage = (service: StoringService) => storageEnvironment(service, replica.label, surroundings);
  switch (replica.service) {
    case 'identity':
      return {
        ...behindGateway,
        ...storage('identity'),
        ...credentials,
        OPERATOR_TOKEN: secrets.text('operator-token'),
        SMTP_URL: mail.smtpUrl,
        MAIL_FROM: mail.from,
        ...verifiedTokens,
        KEY_ENCRYPTION_KEY: secrets.key('identity.key-encryption'),
      };
    case 'token':
      return {
        ...behindGateway,
        ...storage('token'),
        ...credentials,
        ...tokens,
        KEY_ENCRYPTION_KEY: secrets.key('token.key-encryption'),
      };
    case 'audit':
      return {
        ...behindGateway,
        ...storage('audit'),
        IDENTITY_JWKS_URL: `${addresses.identity}/.well-known/jwks.json`,
        ...verifiedTokens,
        CURSOR_KEY: secrets.key('audit.cursor'),
      };
    case 'inference':
      return {
        ...behindGateway,
        ...storage('inference'),
        ...verifiedTokens,
      };
    case 'portal':
      return {
        ...listen,
        PUBLIC_ORIGINS: addresses.portal.replace('127.0.0.1', 'localhost'),
        IDENTITY_URL: addresses.identity,
        TOKEN_URL: addresses.token,
        AUDIT_URL: addresses.audit,
        INFERENCE_URL: addresses.inference,
      };
  }
}

/** Database, Kafka and the folder in which calls wait that could not be recorded yet. */
function storageEnvironment(
  service: StoringService,
  label: string,
  { folder, infrastructure }: Surroundings,
): Record<string, string> {
  return {
    [variableOf(service, 'DATABASE_URL')]: infrastructure.databaseUrl(service, 'runtime'),
    ...kafkaEnvironment(infrastructure.brokers, infrastructure.kafkaLogin(service)),
    SPOOL_DIR: join(folder.dataDir, 'spool', label),
  };
}

export function kafkaEnvironment(brokers: readonly string[], login: KafkaLogin | undefined): Record<string, string> {
  return {
    KAFKA_BROKERS: brokers.join(','),
    ...(login && { KAFKA_USERNAME: login.username, KAFKA_PASSWORD: login.password }),
  };
}
