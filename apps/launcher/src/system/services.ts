import { join } from 'node:path';
import { freePort, isTaken, tailOf, type ManagedProcess } from '@rebelcore/embedded/processes';
import { inheritedEnvironment, programOf, SERVICES, type ServiceName } from '../service-program.js';
import type { Infrastructure } from './infrastructure.js';
import { publicOrigin } from '../launcher.config.js';
import type { Launch } from './launch.js';
import { serviceEnvironment, type Addresses, type Replica } from './service-environment.js';

/**
 * Megabytes of half the space for young objects. 16 is usual; 8 makes a process smaller by a quarter, which most do not
 * notice. The token service makes the most objects per second and keeps the usual: more would make a call cheaper still, but
 * with 32 the process takes 159 MB at rest, and 150 is what it may.
 */
const SEMI_SPACE_MB: Readonly<Record<ServiceName, number>> = {
  identity: 8,
  token: 16,
  audit: 8,
  inference: 8,
  portal: 8,
};

const INSPECTOR_PORT = 9229;

export interface ServicesOptions {
  /** How many processes of a service; one unless said otherwise. */
  readonly replicas?: Partial<Record<ServiceName, number>>;
  /** Set for every service, over what the launcher sets. */
  readonly env?: Readonly<Record<string, string>>;
  /** The service whose first replica a debugger can attach to. */
  readonly inspect?: ServiceName | undefined;
  /** Told when a service ends that nobody has asked to, once it has been ready. */
  readonly died?: (service: ServiceHandle) => void;
}

/** One replica of a service. */
export interface ServiceHandle {
  readonly name: ServiceName;
  readonly url: string;
  readonly log: string;
  readonly process: ManagedProcess;
  /** Where a debugger attaches to it; undefined where none can. */
  readonly inspector: string | undefined;
  kill(signal: NodeJS.Signals): void;
  /** Starts it again, stopping it first if it runs; resolves when it answers that it is ready, perhaps before it consumes. */
  restart(): Promise<void>;
}

export interface Services {
  /** The portal's public origin. */
  readonly publicUrl: string;
  readonly addresses: Addresses;
  readonly handles: readonly ServiceHandle[];
}

const PORTS_TRIED = 3;

/** Starts all services at once and resolves when each is ready and a member of its consumer group. */
export async function startServices(
  launch: Launch,
  infrastructure: Infrastructure,
  options: ServicesOptions,
): Promise<Services> {
  for (let tried = 1; ; tried += 1) {
    const started: ManagedProcess[] = [];
    try {
      return await startOnce(launch, infrastructure, options, started);
    } catch (error) {
      // A port that was free may be taken before it is bound; others know its number, so all begin again.
      const taken = started.some((each) => !each.running && !each.askedToStop && isTaken(each));
      if (!taken || tried === PORTS_TRIED) throw error;
      await Promise.all(started.map((each) => each.stop()));
    }
  }
}

async function startOnce(
  launch: Launch,
  infrastructure: Infrastructure,
  options: ServicesOptions,
  started: ManagedProcess[],
): Promise<Services> {
  const { folder } = launch;
  const replicas = await chooseReplicas(launch, options.replicas);
  const addresses = addressesOf(replicas);
  const publicUrl = publicOrigin() ?? addresses.portal;
  const inspector = options.inspect && `127.0.0.1:${await freePort(INSPECTOR_PORT)}`;
  const starting = replicas.map((replica) => {
    const { service, label } = replica;
    const own = inspector !== undefined && label === options.inspect ? inspector : undefined;
    const command = {
      name: label,
      command: process.execPath,
      // Without source maps: Node would read them for every module that it loads.
      args: [
        `--max-semi-space-size=${SEMI_SPACE_MB[service]}`,
        ...(own === undefined ? [] : [`--inspect=${own}`]),
        programOf(service, 'main'),
      ],
      env: {
        ...inheritedEnvironment(),
        ...serviceEnvironment(replica, { addresses, publicUrl, folder, infrastructure }),
        ...options.env,
      },
      log: join(folder.logDir, `${label}.log`),
    };
    const start = () => {
      const running = folder.registry.start(command);
      started.push(running);
      return running;
    };
    return startService(replica, own, start, options.died);
  });
  return { addresses, publicUrl, handles: await Promise.all(starting) };
}

async function chooseReplicas(launch: Launch, counts: ServicesOptions['replicas']): Promise<Replica[]> {
  const replicas: Replica[] = [];
  for (const service of SERVICES) {
    replicas.push({
      service,
      label: service,
      port: await (service === 'portal' ? launch.portalPort() : launch.port(service)),
    });
    for (let number = 2; number <= (counts?.[service] ?? 1); number += 1) {
      replicas.push({ service, label: `${service}-${number}`, port: await freePort() });
    }
  }
  return replicas;
}

const urlOf = ({ port }: Replica) => `http://127.0.0.1:${port}`;

function addressesOf(replicas: readonly Replica[]): Addresses {
  const firsts = replicas.filter(({ service, label }) => label === service);
  return Object.fromEntries(firsts.map((replica) => [replica.service, urlOf(replica)])) as Record<ServiceName, string>;
}

async function startService(
  replica: Replica,
  inspector: string | undefined,
  start: () => ManagedProcess,
  died: ServicesOptions['died'],
): Promise<ServiceHandle> {
  let running = start();
  const handle: ServiceHandle = {
    name: replica.service,
    url: urlOf(replica),
    log: running.log,
    inspector,
    get process() {
      return running;
    },
    kill: (signal) => {
      running.kill(signal);
    },
    restart: async () => {
      await running.stop();
      running = start();
      await untilReady(handle, { consuming: false });
      watch();
    },
  };
  const watch = () => {
    const watched = running;
    void watched.exited.then(() => {
      if (!watched.askedToStop) died?.(handle);
    });
  };
  await untilReady(handle, { consuming: true });
  watch();
  return handle;
}

/**
 * Ready, current and in touch with the others; `consuming`: and a member of its consumer group. A service answers without
 * all that, but a start should end with everything working. After a kill -9 the group waits for the dead member until its session has run out.
 */
async function untilReady(service: ServiceHandle, { consuming }: { consuming: boolean }): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const response = await fetch(`${service.url}/health/ready`).catch(() => undefined);
    const body = await response?.text();
    const isBehind = body === undefined || body.includes('"current":false') || body.includes('"answers":false');
    const isAlone = consuming && body?.includes('"joined":false') === true;
    if (response?.ok === true && !isBehind && !isAlone) return;
    if (!service.process.running) {
      throw new Error(`The ${service.name} service ended while starting.\n${tailOf(service.log)}`);
    }
    if (performance.now() > deadline) {
      throw new Error(`The ${service.name} service is not ready: ${body ?? 'no answer'}\n${tailOf(service.log)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
