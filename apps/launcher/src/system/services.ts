import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort, isTaken, onUnexpectedEnd, type ManagedProcess } from '@rebelcore/embedded/processes';
import { inheritedEnvironment, programOf, SERVICES, type ServiceName } from '../service-program.js';
import type { Infrastructure } from './infrastructure.js';
import { PORTS_TRIED, type Launch } from './launch.js';
import { needsMending, standingOf } from './standing.js';
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
  /** The portal's public origin where that is not its address on this machine. */
  readonly publicUrl?: string | undefined;
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

/** So long on a slow machine; what it waits for is said all the time. */
const READY_MS = 180_000;
/** Whoever is not current then runs all the same, and says why. */
const CURRENT_MS = 60_000;

/** What is missing of a service, by its label. */
type Missing = Map<string, string>;

/** Starts all services at once and resolves when each is ready, a member of its consumer group, and current if it can be. */
export function startServices(
  launch: Launch,
  infrastructure: Infrastructure,
  options: ServicesOptions,
): Promise<Services> {
  const missing: Missing = new Map();
  const said = () => [...missing].map(([label, what]) => `${label} ${what}`).join(', ');
  const start = async () => {
    const services = await startOnFreePorts(launch, infrastructure, options, missing);
    await untilCurrent(services.handles, missing);
    return services;
  };
  return launch.step('Services', start, said);
}

async function startOnFreePorts(
  launch: Launch,
  infrastructure: Infrastructure,
  options: ServicesOptions,
  missing: Missing,
): Promise<Services> {
  for (let tried = 1; ; tried += 1) {
    const started: ManagedProcess[] = [];
    try {
      return await startOnce(launch, infrastructure, options, missing, started);
    } catch (error) {
      // A port that was free may be taken before it is bound; others know its number, so all begin again.
      const taken = started.filter((each) => !each.running && !each.askedToStop && isTaken(each));
      if (taken.length === 0 || tried === PORTS_TRIED) throw error;
      await Promise.all(started.map((each) => each.stop()));
      for (const { name } of taken) launch.portIsTaken(name);
    }
  }
}

async function startOnce(
  launch: Launch,
  infrastructure: Infrastructure,
  options: ServicesOptions,
  missing: Missing,
  started: ManagedProcess[],
): Promise<Services> {
  const { folder } = launch;
  const replicas = await chooseReplicas(launch, options.replicas);
  const addresses = addressesOf(replicas);
  const publicUrl = options.publicUrl ?? addresses.portal;
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
      saysListening: true,
    };
    const start = () => {
      const running = folder.registry.start(command);
      started.push(running);
      return running;
    };
    return startService(replica, own, start, missing, options.died);
  });
  return { addresses, publicUrl, handles: await Promise.all(starting) };
}

async function chooseReplicas(launch: Launch, counts: ServicesOptions['replicas']): Promise<Replica[]> {
  const replicas: Replica[] = [];
  for (const service of SERVICES) {
    replicas.push({ service, label: service, port: await launch.port(service) });
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
  missing: Missing,
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
      await untilCurrent([handle]);
      watch();
    },
  };
  const watch = () => {
    onUnexpectedEnd(running, () => died?.(handle));
  };
  await untilReady(handle, {
    consuming: true,
    waitingFor: (what) => {
      missing.set(replica.label, what);
    },
  });
  missing.delete(replica.label);
  watch();
  return handle;
}

/**
 * Ready, and in touch with the others; `consuming`: and a member of its consumer group. A service answers without all that,
 * but a start should end with everything working. After a kill -9 the group waits for the dead member until its session has run out.
 */
async function untilReady(
  service: ServiceHandle,
  { consuming, waitingFor }: { readonly consuming: boolean; readonly waitingFor?: (what: string) => void },
): Promise<void> {
  const deadline = performance.now() + READY_MS;
  for (;;) {
    const { process } = service;
    const { missing } = await standingOf(service, consuming);
    if (missing === undefined) return;
    waitingFor?.(missing);
    if (!process.running) throw new Error(`The ${service.name} service ended while starting; ${process.lastWords()}`);
    if (performance.now() > deadline)
      throw new Error(`The ${service.name} service ${missing} after ${READY_MS / 1000} s; ${process.lastWords()}`);
    await delay(100);
  }
}

/** Until their views are as young as they must be, unless a person has to mend something first, with a command for a running system. */
async function untilCurrent(services: readonly ServiceHandle[], missing?: Missing): Promise<void> {
  const deadline = performance.now() + CURRENT_MS;
  for (;;) {
    const standings = await Promise.all(services.map((service) => standingOf(service, false)));
    const late = services.filter((_, n) => standings[n]?.isCurrent === false);
    if (late.length === 0 || standings.some(needsMending) || performance.now() > deadline) return;
    missing?.clear();
    for (const { log } of late) missing?.set(basename(log, '.log'), 'is not current');
    await delay(100);
  }
}
