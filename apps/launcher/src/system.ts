import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Principal } from '@rebelcore/contracts/topics';
import { startKafka, type EmbeddedKafka } from '@rebelcore/embedded/kafka';
import { ensureDatabase, startPostgres, type EmbeddedPostgres } from '@rebelcore/embedded/postgres';
import { freePort, ProcessRegistry, type ManagedProcess } from '@rebelcore/embedded/processes';
import { Secrets } from '@rebelcore/embedded/secrets';
import { environment } from './launcher.config.js';

export type ServiceName = 'identity' | 'token' | 'audit' | 'inference' | 'portal';
type StoringService = Exclude<ServiceName, 'portal'>;

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const KAFKA_JARS = join(ROOT, '.cache', 'kafka-4.3.1');
const STORING: readonly StoringService[] = ['identity', 'token', 'audit', 'inference'];
const PRINCIPALS: readonly Principal[] = ['identity', 'token', 'audit', 'inference', 'subscriber'];
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
const USUAL_PORTS = {
  portal: 3000,
  identity: 3001,
  token: 3002,
  audit: 3003,
  inference: 3004,
  postgres: 54_320,
  kafka: 9092,
};

/** What is running where; written to `endpoints.json` for scripts and tests. Secrets of this machine are in it. */
export interface Endpoints {
  readonly portal: string;
  readonly identity: string;
  readonly token: string;
  readonly audit: string;
  readonly inference: string;
  readonly operator_token: string;
  readonly owner: { readonly email: string; readonly password: string };
  readonly kafka: {
    readonly brokers: string[];
    readonly subscriber: { readonly username: string; readonly password: string };
  };
  readonly postgres: { readonly identity: string; readonly token: string; readonly audit: string };
}

/** One replica of a service. */
export interface ServiceHandle {
  readonly name: ServiceName;
  readonly url: string;
  readonly log: string;
  readonly process: ManagedProcess;
  kill(signal: NodeJS.Signals): void;
  /** Starts it again after it has ended; resolves when it answers that it is ready, which may be before it consumes. */
  restart(): Promise<void>;
}

export interface System {
  readonly endpoints: Endpoints;
  readonly services: readonly ServiceHandle[];
  /** Undefined where an existing one is used. */
  readonly postgres: EmbeddedPostgres | undefined;
  readonly kafka: EmbeddedKafka | undefined;
  readonly logDir: string;
  stop(): Promise<void>;
}

export interface SystemOptions {
  readonly dataDir: string;
  /** `usual`: the documented ports where they are free; `free`: any. */
  readonly ports?: 'usual' | 'free';
  readonly kafkaNodes?: 1 | 3;
  /** How many processes of a service; one unless said otherwise. */
  readonly replicas?: Partial<Record<ServiceName, number>>;
  /** Set for every service, over what the launcher sets. */
  readonly env?: Readonly<Record<string, string>>;
  /** The data folder's registry, when the caller has opened it already. */
  readonly registry?: ProcessRegistry;
  /** Told what is being done, for people. */
  readonly progress?: (line: string) => void;
  /** Told when a service ends that nobody has asked to. */
  readonly died?: (service: ServiceHandle) => void;
}

/** Starts the whole product on this machine and resolves when it is ready and the demo customer is there. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const { dataDir, progress = () => undefined } = options;
  const registry = options.registry ?? (await ProcessRegistry.open(dataDir));
  const launch = new Launch(options, registry, new Secrets(dataDir), progress);
  try {
    return await launch.run();
  } catch (error) {
    await launch.stop();
    throw error;
  }
}

interface Infrastructure {
  readonly databaseUrl: (service: StoringService, role: 'owner' | 'runtime' | 'reader') => string;
  readonly brokers: string[];
  readonly kafkaLogin: (principal: Principal) => { username: string; password: string } | undefined;
}

class Launch {
  private readonly services: ServiceHandle[] = [];
  private readonly takenPorts = new Set<number>();
  private readonly logDir: string;
  private postgres: EmbeddedPostgres | undefined;
  private kafka: EmbeddedKafka | undefined;
  private stopping = false;

  constructor(
    private readonly options: SystemOptions,
    private readonly registry: ProcessRegistry,
    private readonly secrets: Secrets,
    private readonly progress: (line: string) => void,
  ) {
    this.logDir = join(options.dataDir, 'logs');
    mkdirSync(this.logDir, { recursive: true });
  }

  async run(): Promise<System> {
    const infrastructure = await this.startInfrastructure();
    await this.timed('Database schemas', () => this.migrate(infrastructure));
    const ports = await this.servicePorts();
    await this.timed('Services', () => this.startServices(infrastructure, ports));
    const endpoints = this.endpoints(infrastructure, ports);
    await this.provisionDemo(endpoints);
    writeEndpoints(this.options.dataDir, endpoints);
    const { services, postgres, kafka, logDir } = this;
    return { endpoints, services, postgres, kafka, logDir, stop: () => this.stop() };
  }

  /** In order: who answers requests, then who carries events, then who stores. */
  async stop(): Promise<void> {
    if (this.stopping) return;
    this.stopping = true;
    rmSync(join(this.options.dataDir, 'endpoints.json'), { force: true });
    await Promise.all(this.services.map(({ process }) => process.stop()));
    await this.kafka?.stop();
    await this.postgres?.stop();
    this.registry.close();
  }

  private async startInfrastructure(): Promise<Infrastructure> {
    const own = environment;
    const missing = STORING.map((service) => `${service.toUpperCase()}_DATABASE_URL`).filter(
      (name) => own[name] === undefined,
    );
    const embedPostgres = missing.length > 0;
    if (embedPostgres && missing.length < STORING.length) {
      throw new Error(
        `To use a PostgreSQL of your own, set ${missing.join(' and ')} as well; to use the embedded one, set none.`,
      );
    }
    const [postgres, brokers] = await Promise.all([
      embedPostgres ? this.timed('PostgreSQL', () => this.startPostgres()) : undefined,
      own.KAFKA_BROKERS === undefined
        ? this.timed('Apache Kafka', () => this.startKafka())
        : own.KAFKA_BROKERS.split(','),
    ]);
    const embeddedKafka = this.kafka !== undefined;
    return {
      brokers,
      kafkaLogin: (principal) => {
        if (embeddedKafka) return { username: principal, password: this.secrets.text(`kafka.${principal}`) };
        const { KAFKA_USERNAME: username, KAFKA_PASSWORD: password } = own;
        return username !== undefined && password !== undefined ? { username, password } : undefined;
      },
      databaseUrl: (service, role) => {
        if (postgres) {
          const user = role === 'runtime' ? service : `${service}_${role}`;
          return postgres.url(user, this.secrets.text(`postgres.${service}.${role}`), service);
        }
        const variable = role === 'owner' ? 'MIGRATIONS_DATABASE_URL' : 'DATABASE_URL';
        const url = own[`${service.toUpperCase()}_${variable}`] ?? own[`${service.toUpperCase()}_DATABASE_URL`];
        return url ?? '';
      },
    };
  }

  private async startPostgres(): Promise<EmbeddedPostgres> {
    this.postgres = await startPostgres({
      dataDir: this.options.dataDir,
      logDir: this.logDir,
      port: await this.port('postgres'),
      superuserPassword: this.secrets.text('postgres.superuser'),
      registry: this.registry,
    });
    for (const database of STORING) {
      await ensureDatabase(this.postgres.superuserUrl, {
        database,
        ownerPassword: this.secrets.text(`postgres.${database}.owner`),
        runtimePassword: this.secrets.text(`postgres.${database}.runtime`),
        readerPassword: this.secrets.text(`postgres.${database}.reader`),
      });
    }
    return this.postgres;
  }

  private async startKafka(): Promise<string[]> {
    const users = [...PRINCIPALS, 'admin'].map((name) => [name, this.secrets.text(`kafka.${name}`)] as const);
    this.kafka = await startKafka({
      dataDir: this.options.dataDir,
      logDir: this.logDir,
      jars: KAFKA_JARS,
      nodes: this.options.kafkaNodes ?? 1,
      port: this.options.ports === 'free' ? 0 : USUAL_PORTS.kafka,
      takenPorts: this.takenPorts,
      users: Object.fromEntries(users),
      registry: this.registry,
    });
    return this.kafka.brokers;
  }

  private port(name: keyof typeof USUAL_PORTS): Promise<number> {
    return freePort(this.options.ports === 'free' ? 0 : USUAL_PORTS[name], this.takenPorts);
  }

  private async servicePorts(): Promise<Record<ServiceName, number[]>> {
    const ports: Record<ServiceName, number[]> = { identity: [], token: [], audit: [], inference: [], portal: [] };
    for (const name of [...STORING, 'portal' as const]) {
      const count = this.options.replicas?.[name] ?? 1;
      for (let replica = 0; replica < count; replica += 1) {
        ports[name].push(await (replica === 0 ? this.port(name) : freePort(0, this.takenPorts)));
      }
    }
    return ports;
  }

  private async migrate(infrastructure: Infrastructure): Promise<void> {
    await Promise.all(
      STORING.map(async (service) => {
        const migration = this.registry.start({
          name: `${service} migrations`,
          command: process.execPath,
          args: [join(ROOT, 'apps', service, 'dist', 'migrate.js')],
          env: {
            ...baseEnvironment(),
            [`${service.toUpperCase()}_MIGRATIONS_DATABASE_URL`]: infrastructure.databaseUrl(service, 'owner'),
          },
          log: join(this.logDir, `${service}.log`),
        });
        const { code } = await migration.exited;
        if (code !== 0)
          throw new Error(`The schema of ${service} could not be brought up to date.\n${tail(migration.log)}`);
      }),
    );
  }

  private async startServices(infrastructure: Infrastructure, ports: Record<ServiceName, number[]>): Promise<void> {
    const starting = [...STORING, 'portal' as const].flatMap((name) =>
      ports[name].map((port, replica) => this.startService(name, port, replica, infrastructure, ports)),
    );
    await Promise.all(starting);
  }

  private async startService(
    name: ServiceName,
    port: number,
    replica: number,
    infrastructure: Infrastructure,
    ports: Record<ServiceName, number[]>,
  ): Promise<void> {
    const label = replica === 0 ? name : `${name}-${replica + 1}`;
    const folder = name === 'portal' ? join('portal', 'gateway') : name;
    const env = {
      ...baseEnvironment(),
      ...this.environment(name, label, port, infrastructure, ports),
      ...this.options.env,
    };
    const launch = () =>
      this.registry.start({
        name: label,
        command: process.execPath,
        // Without source maps: Node would read them for every module that it loads.
        args: [`--max-semi-space-size=${SEMI_SPACE_MB[name]}`, join(ROOT, 'apps', folder, 'dist', 'main.js')],
        env,
        log: join(this.logDir, `${label}.log`),
      });
    let running = launch();
    const handle: ServiceHandle = {
      name,
      url: `http://127.0.0.1:${port}`,
      log: running.log,
      get process() {
        return running;
      },
      kill: (signal) => {
        running.kill(signal);
      },
      restart: async () => {
        await running.exited;
        running = launch();
        await untilReady(handle, { consuming: false });
        watch();
      },
    };
    const watch = () => {
      void running.exited.then(() => {
        if (!this.stopping) this.options.died?.(handle);
      });
    };
    this.services.push(handle);
    await untilReady(handle, { consuming: true });
    watch();
  }

  private environment(
    name: ServiceName,
    label: string,
    port: number,
    infrastructure: Infrastructure,
    ports: Record<ServiceName, number[]>,
  ): Record<string, string> {
    const url = (service: ServiceName) => `http://127.0.0.1:${String(ports[service][0])}`;
    const common = { HOST: '127.0.0.1', PORT: String(port), PUBLIC_URL: url('portal') };
    if (name === 'portal') {
      return {
        ...common,
        ...{ IDENTITY_URL: url('identity'), TOKEN_URL: url('token') },
        ...{ AUDIT_URL: url('audit'), INFERENCE_URL: url('inference') },
      };
    }
    const login = infrastructure.kafkaLogin(name);
    const peppers = `v1:${this.secrets.key('credential-pepper.v1')}`;
    const tokens = { TOKEN_ISSUER: 'http://127.0.0.1:3000', TOKEN_AUDIENCE: 'rebelcore-api' };
    const own: Record<StoringService, Record<string, string>> = {
      identity: {
        CREDENTIAL_PEPPERS: peppers,
        OPERATOR_TOKEN: this.secrets.text('operator-token'),
        KEY_ENCRYPTION_KEY: this.secrets.key('identity.key-encryption'),
      },
      token: { ...tokens, CREDENTIAL_PEPPERS: peppers, KEY_ENCRYPTION_KEY: this.secrets.key('token.key-encryption') },
      audit: {
        IDENTITY_JWKS_URL: `${url('identity')}/.well-known/jwks.json`,
        CURSOR_KEY: this.secrets.key('audit.cursor'),
      },
      inference: { ...tokens, TOKEN_JWKS_URL: `${url('token')}/.well-known/jwks.json` },
    };
    return {
      ...common,
      ...own[name],
      [`${name.toUpperCase()}_DATABASE_URL`]: infrastructure.databaseUrl(name, 'runtime'),
      KAFKA_BROKERS: infrastructure.brokers.join(','),
      ...(login && { KAFKA_USERNAME: login.username, KAFKA_PASSWORD: login.password }),
      SPOOL_DIR: join(this.options.dataDir, 'spool', label),
    };
  }

  private endpoints(infrastructure: Infrastructure, ports: Record<ServiceName, number[]>): Endpoints {
    const url = (service: ServiceName) => `http://127.0.0.1:${String(ports[service][0])}`;
    const reader = (service: StoringService) => infrastructure.databaseUrl(service, 'reader');
    return {
      ...{ portal: url('portal'), identity: url('identity'), token: url('token') },
      ...{ audit: url('audit'), inference: url('inference') },
      operator_token: this.secrets.text('operator-token'),
      owner: { email: 'owner@demo.rebelcore.local', password: `Demo1${this.secrets.text('demo-owner')}` },
      kafka: {
        brokers: infrastructure.brokers,
        subscriber: infrastructure.kafkaLogin('subscriber') ?? { username: '', password: '' },
      },
      postgres: { identity: reader('identity'), token: reader('token'), audit: reader('audit') },
    };
  }

  private async provisionDemo({ identity, operator_token, owner }: Endpoints): Promise<void> {
    const response = await fetch(`${identity}/api/v1/customers`, {
      method: 'POST',
      headers: { authorization: `Bearer ${operator_token}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        name: 'Demo Corp',
        owner: { email: owner.email, first_name: 'Dana', last_name: 'Demo', password: owner.password },
      }),
    });
    // 409: the demo customer is there from an earlier start.
    if (response.status !== 201 && response.status !== 409) {
      throw new Error(`The demo customer could not be provisioned: ${await response.text()}`);
    }
  }

  private async timed<T>(title: string, work: () => Promise<T>): Promise<T> {
    const started = Date.now();
    const result = await work();
    this.progress(`${title} ready after ${((Date.now() - started) / 1000).toFixed(1)} s`);
    return result;
  }
}

/** What a child gets of this process' environment: enough to run, none of its secrets. */
function baseEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, TZ, LOG_LEVEL } = environment;
  return { PATH, HOME, TZ, LOG_LEVEL, NODE_ENV: 'production' };
}

/**
 * Ready; `consuming`: and a member of its consumer group. A service answers without that, but a start should end with
 * everything working. After a kill -9 the group waits for the dead member until its session has run out.
 */
async function untilReady(service: ServiceHandle, { consuming }: { consuming: boolean }): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const response = await fetch(`${service.url}/health/ready`).catch(() => undefined);
    const body = await response?.text();
    if (response?.ok === true && body !== undefined && !(consuming && body.includes('"joined":false'))) return;
    if (!service.process.running)
      throw new Error(`The ${service.name} service ended while starting.\n${tail(service.log)}`);
    if (Date.now() > deadline) {
      throw new Error(`The ${service.name} service is not ready: ${body ?? 'no answer'}\n${tail(service.log)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The last lines of a log, indented, for an error message. */
export function tail(log: string, lines = 12): string {
  if (!existsSync(log)) return '';
  const text = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-lines);
  return [`The end of ${log}:`, ...text.map((line) => `    ${line.slice(0, 400)}`)].join('\n');
}

function writeEndpoints(dataDir: string, endpoints: Endpoints): void {
  const file = join(dataDir, 'endpoints.json');
  writeFileSync(`${file}.new`, JSON.stringify(endpoints, undefined, 2), { mode: 0o600 });
  chmodSync(`${file}.new`, 0o600);
  renameSync(`${file}.new`, file);
}
