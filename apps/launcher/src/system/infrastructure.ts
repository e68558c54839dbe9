import type { Principal } from '@rebelcore/contracts/topics';
import { checkLife } from '@rebelcore/embedded/life';
import { databaseUrl, ensureDatabase, type DatabaseRole } from '@rebelcore/embedded/databases';
import { kafkaLogin, startKafka, type EmbeddedKafka, type KafkaLogin } from '@rebelcore/embedded/kafka';
import { startMailbox, type Mailbox } from '@rebelcore/embedded/mailbox/mailbox';
import { startPostgres, type EmbeddedPostgres } from '@rebelcore/embedded/postgres';
import { environment, launcherKafka, type Environment } from '../launcher.config.js';
import { STORING_SERVICES, variableOf, type StoringService } from '../service-program.js';
import { PORTS_TRIED, type Launch } from './launch.js';
import type { Part } from './supervisor.js';

/**
 * Where the services store, what carries their events and takes their mail: embedded, or of one's own where the
 * environment describes it.
 */
export interface Infrastructure {
  /** Undefined where an existing one is used. */
  readonly postgres: EmbeddedPostgres | undefined;
  readonly kafka: EmbeddedKafka | undefined;
  readonly mailbox: Mailbox | undefined;
  /** URL of the mail server, and what mail comes from. */
  readonly mail: { readonly smtpUrl: string; readonly from: string };
  readonly brokers: string[];
  /** Undefined for an existing Kafka that asks for none. */
  readonly kafkaLogin: (principal: Principal) => KafkaLogin | undefined;
  readonly databaseUrl: (service: StoringService, role: DatabaseRole) => string;
}

export interface InfrastructureOptions {
  readonly kafkaNodes?: 1 | 3;
  readonly isKafkaLost?: boolean;
  /** What describes infrastructure of one's own; by default that of this process. */
  readonly variables?: Environment;
}

/**
 * @param options.isKafkaLost an empty Kafka is made beside databases that had one
 * @param died told when a part ends that nobody has asked to, once it has been ready
 * @throws {Error} when the environment describes the databases of some services only or half a login of Kafka, or what is
 *   embedded does not belong together
 */
export async function startInfrastructure(
  launch: Launch,
  { kafkaNodes = 1, isKafkaLost = false, variables = environment }: InfrastructureOptions,
  died: (part: Part) => void,
): Promise<Infrastructure> {
  const { secrets } = launch.folder;
  const ownKafka = variables.KAFKA_BROKERS === undefined ? undefined : launcherKafka(variables).connection;
  const smtpUrl = variables.SMTP_URL;
  const ownDatabases = existingDatabases(variables);
  const embedded = [...(ownDatabases ? [] : (['postgres'] as const)), ...(ownKafka ? [] : (['kafka'] as const))];
  checkLife(launch.folder, embedded, { isKafkaLost });
  const [postgres, kafka, mailbox] = await Promise.all([
    ownDatabases ? undefined : launch.step('PostgreSQL', () => startDatabases(launch, died)),
    ownKafka
      ? undefined
      : launch.step('Apache Kafka', () =>
          startKafka(launch.folder, { nodes: kafkaNodes, port: launch.wantedPort('kafka') }, died),
        ),
    smtpUrl === undefined ? startMail(launch) : undefined,
  ]);
  return {
    postgres,
    kafka,
    mailbox,
    mail: { smtpUrl: smtpUrl ?? mailbox?.smtpUrl ?? '', from: variables.MAIL_FROM ?? MAIL_FROM },
    brokers: kafka?.brokers ?? ownKafka?.brokers ?? [],
    kafkaLogin: kafka ? (principal) => kafkaLogin(principal, secrets) : () => ownKafka?.sasl,
    databaseUrl: postgres
      ? (service, role) => databaseUrl(postgres.superuserUrl, service, role, secrets)
      : (service, role) => variables[databaseVariable(service, role)] ?? '',
  };
}

const MAIL_FROM = 'API users <no-reply@demo.rebelcore.local>';

async function startMail(launch: Launch): Promise<Mailbox> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await startMailbox(launch.folder, { page: await launch.port('mailbox'), smtp: await launch.port('smtp') });
    } catch (error) {
      if (tried === PORTS_TRIED || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      launch.portIsTaken('mailbox');
      launch.portIsTaken('smtp');
    }
  }
}

async function startDatabases(launch: Launch, died: (part: Part) => void): Promise<EmbeddedPostgres> {
  const postgres = await startPostgres(launch.folder, await launch.port('postgres'), died);
  for (const service of STORING_SERVICES) {
    await ensureDatabase(postgres.superuserUrl, service, launch.folder.secrets);
  }
  return postgres;
}

/** Of each service two logins: its own, which may not own its tables, and the owner's, for migrations. */
function existingDatabases(variables: Environment): boolean {
  const logins = STORING_SERVICES.flatMap((service) => [
    databaseVariable(service, 'runtime'),
    databaseVariable(service, 'owner'),
  ]);
  const missing = logins.filter((name) => variables[name] === undefined);
  if (missing.length > 0 && missing.length < logins.length) {
    throw new Error(
      `To use a PostgreSQL of your own, set ${missing.join(' and ')} as well; to use the embedded one, set none.`,
    );
  }
  return missing.length === 0;
}

const databaseVariable = (service: StoringService, role: DatabaseRole): string =>
  variableOf(service, role === 'owner' ? 'MIGRATIONS_DATABASE_URL' : 'DATABASE_URL');
