import type { DataFolder } from '@rebelcore/embedded/data-folder';
import { removeEndpoints, writeEndpoints, type Endpoints } from '@rebelcore/embedded/endpoints';
import type { EmbeddedKafka } from '@rebelcore/embedded/kafka';
import type { EmbeddedPostgres } from '@rebelcore/embedded/postgres';
import { publicOrigin } from '../launcher.config.js';
import { STORING_SERVICES, type StoringService } from '../service-program.js';
import { provisionDemo } from './customers.js';
import { startInfrastructure, type Infrastructure, type InfrastructureOptions } from './infrastructure.js';
import { Launch, type LaunchOptions } from './launch.js';
import { migrate } from './migrations.js';
import type { Addresses } from './service-environment.js';
import { startServices, type ServiceHandle, type ServicesOptions } from './services.js';
import { standingOf } from './standing.js';
import type { Part } from './supervisor.js';

export interface SystemOptions
  extends LaunchOptions, InfrastructureOptions, Omit<ServicesOptions, 'died' | 'publicUrl'> {
  /** Told when a part ends that nobody has asked to, once it has been ready. */
  readonly died?: (part: Part) => void;
}

export interface System {
  readonly endpoints: Endpoints;
  /** The portal's public origin, and the issuer of tokens. */
  readonly publicUrl: string;
  readonly services: readonly ServiceHandle[];
  /** Undefined where an existing one is used. */
  readonly postgres: EmbeddedPostgres | undefined;
  readonly kafka: EmbeddedKafka | undefined;
  readonly logDir: string;
  /** What did not do all that it should when the start was over, in sentences. */
  readonly troubles: readonly string[];
  /** Brings the schema of a service up to date once more. */
  migrate(service: StoringService): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the whole product on this machine and resolves when it is ready and the demo customer is there. */
export async function startSystem(folder: DataFolder, options: SystemOptions): Promise<System> {
  const launch = new Launch(folder, options);
  removeEndpoints(folder.dataDir);
  try {
    const configuredUrl = publicOrigin();
    const infrastructure = await startInfrastructure(launch, options, (part) => options.died?.(part));
    const migrateOne = (service: StoringService) => migrate(service, launch, infrastructure);
    await launch.step('Database schemas', () => Promise.all(STORING_SERVICES.map(migrateOne)));
    const { addresses, publicUrl, handles } = await startServices(launch, infrastructure, {
      ...options,
      publicUrl: configuredUrl,
    });
    const reachable = endpointsOf(addresses, infrastructure, folder);
    const owner = await provisionDemo(reachable, folder.secrets);
    const endpoints = { ...reachable, owner };
    writeEndpoints(folder.dataDir, endpoints);
    const standings = await Promise.all(handles.map((handle) => standingOf(handle, false)));
    const troubles = [...(infrastructure.kafka?.troubles ?? []), ...standings.flatMap((standing) => standing.troubles)];
    let stopped: Promise<void> | undefined;
    return {
      endpoints,
      publicUrl,
      services: handles,
      postgres: infrastructure.postgres,
      kafka: infrastructure.kafka,
      logDir: folder.logDir,
      troubles: [...new Set(troubles)],
      migrate: migrateOne,
      stop: () => (stopped ??= stopInOrder(folder, handles, infrastructure)),
    };
  } catch (error) {
    options.progress?.('The start did not succeed: what has started is being stopped');
    await folder.registry.stopEverything();
    throw error;
  }
}

/** First who answers requests, then who carries events, then who stores. */
async function stopInOrder(
  { dataDir, registry }: DataFolder,
  services: readonly ServiceHandle[],
  { kafka, mailbox, postgres }: Infrastructure,
): Promise<void> {
  registry.refuseStarts();
  removeEndpoints(dataDir);
  await Promise.all(services.map(({ process }) => process.stop()));
  await mailbox?.stop();
  await kafka?.stop();
  await postgres?.stop();
  registry.close();
}

function endpointsOf(
  addresses: Addresses,
  infrastructure: Infrastructure,
  { secrets }: DataFolder,
): Omit<Endpoints, 'owner'> {
  const reader = (service: StoringService) => infrastructure.databaseUrl(service, 'reader');
  return {
    portal: addresses.portal,
    identity: addresses.identity,
    token: addresses.token,
    audit: addresses.audit,
    inference: addresses.inference,
    ...(infrastructure.mailbox && { mailbox: infrastructure.mailbox.url }),
    operator_token: secrets.text('operator-token'),
    kafka: {
      brokers: infrastructure.brokers,
      subscriber: infrastructure.kafkaLogin('subscriber') ?? { username: '', password: '' },
    },
    postgres: { identity: reader('identity'), token: reader('token'), audit: reader('audit') },
  };
}
