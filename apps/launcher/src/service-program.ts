import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { childEnvironment } from '@rebelcore/embedded/embedded.config';
import { environment } from './launcher.config.js';

/** The services that have a database and a Kafka login. */
export const STORING_SERVICES = ['identity', 'token', 'audit', 'inference'] as const;
export const SERVICES = [...STORING_SERVICES, 'portal'] as const;
export type StoringService = (typeof STORING_SERVICES)[number];
export type ServiceName = (typeof SERVICES)[number];

export const isService = (name: string): name is ServiceName => (SERVICES as readonly string[]).includes(name);
export const isStoring = (name: string): name is StoringService =>
  (STORING_SERVICES as readonly string[]).includes(name);

/** The repository. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Folder of a service below the repository. */
export const folderOf = (service: ServiceName) => (service === 'portal' ? 'apps/portal/gateway' : `apps/${service}`);

type Program =
  'main' | 'migrate' | 'rebuild' | 'replay-parked' | 'discard-parked' | 'republish' | 'restore-events' | 'signing-keys';

export const programOf = (service: ServiceName, program: Program) =>
  join(ROOT, folderOf(service), 'dist', `${program}.js`);

/** Runs a program of a service at this terminal, in this environment and the one given; returns its exit status. */
export function runProgram(
  service: ServiceName,
  program: Program,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): number {
  const { status } = spawnSync(process.execPath, ['--enable-source-maps', programOf(service, program), ...args], {
    stdio: 'inherit',
    env: { ...ownEnvironment(), ...env },
  });
  return status ?? 1;
}

/** A variable of a service's own, as `TOKEN_DATABASE_URL` is. */
export const variableOf = (service: ServiceName, name: string) => `${service.toUpperCase()}_${name}`;

/** What a child gets of this process' environment: enough to run, none of its secrets. */
export function inheritedEnvironment(): NodeJS.ProcessEnv {
  return { ...childEnvironment(), LOG_LEVEL: environment.LOG_LEVEL, NODE_ENV: 'production' };
}

/** For a command on infrastructure of one's own: the settings of services, and nothing that changes Node or pg itself. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(environment).filter(
    ([name]) => !/^(PG|NODE_(?!EXTRA_CA_CERTS)|npm_|https?_proxy|all_proxy)/i.test(name),
  );
  return { ...Object.fromEntries(own), NODE_ENV: 'production' };
}
