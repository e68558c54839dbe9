import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import getPort from 'get-port';
import { z } from 'zod';
import { readState, writeState } from './state-file.js';

export interface Command {
  /** Shown to people and used as the name of the log file. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** All that it gets: nothing of this process' environment reaches it otherwise. */
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Where standard output and error go; appended to. */
  readonly log: string;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** What it is asked to stop with; SIGTERM unless said otherwise. */
  readonly stopSignal?: StopSignal;
  /** Whether it sends a message to this process once it listens, as our services do. */
  readonly saysListening?: boolean;
}

/** A child in a process group of its own: a Ctrl-C at the terminal does not reach it, so that things stop in order. */
export interface ManagedProcess {
  readonly name: string;
  readonly pid: number;
  readonly log: string;
  /** Resolves when it has ended, however that came about. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly running: boolean;
  /** Whether it has said that it listens, and has not ended since: whoever answers on its port is this process and no other. */
  readonly listening: boolean;
  /** Whether somebody has asked it to stop; {@link kill} is a fault and asks for nothing. */
  readonly askedToStop: boolean;
  kill(signal: NodeJS.Signals): void;
  /** Half a sentence that names its log, and the last lines of what it has said, without stacks, for an error message. */
  lastWords(lines?: number): string;
  /** Asks it to stop and insists with SIGKILL after `graceMs`. */
  stop(graceMs?: number): Promise<void>;
}

type StopSignal = 'SIGTERM' | 'SIGINT';

const entry = z.object({
  name: z.string(),
  pid: z.int().positive(),
  /** A later process that happens to get the same number has another one. */
  startedAt: z.string(),
  stopSignal: z.enum(['SIGTERM', 'SIGINT']).default('SIGTERM'),
  /** Device and inode of the data folder: a copy of it bears a list of what the original is running. */
  folder: z.string().optional(),
});
type Entry = z.infer<typeof entry>;

/** Everything this data folder has running, kept in a file so that the next start finds it after a kill -9. */
export class ProcessRegistry {
  private readonly file: string;
  private readonly folder: string;
  private entries: Entry[] = [];
  private stopping = false;
  private closed = false;
  private isUnsavedSaid = false;

  private constructor(private readonly dataDir: string) {
    mkdirSync(dataDir, { recursive: true });
    this.file = join(dataDir, 'processes.json');
    const { dev, ino } = statSync(dataDir, { bigint: true });
    this.folder = `${dev}:${ino}`;
  }

  /**
   * Takes the data folder over: stops what a killed predecessor left behind.
   *
   * @throws {Error} when its system is still running under a living launcher
   */
  static async open(dataDir: string): Promise<ProcessRegistry> {
    const registry = new ProcessRegistry(dataDir);
    const left = await alone(registry.file, () => registry.takeOver());
    await stopAll(left);
    for (const { pid } of left) registry.remove(pid);
    return registry;
  }

  /**
   * @returns what a killed predecessor left behind; it stays listed until it is stopped
   * @throws {Error} when its system is still running under a living launcher
   */
  private takeOver(): readonly Entry[] {
    // A list that a crash of the machine has damaged names nothing that is still alive.
    const before = readState(this.file, z.array(entry)) ?? [];
    const alive = before.filter((each) => (each.folder ?? this.folder) === this.folder && isAlive(each));
    const launcher = alive.find(({ name, pid }) => name === LAUNCHER && pid !== process.pid);
    if (launcher) {
      throw new Error(
        `The system of ${this.dataDir} is running already (process ${launcher.pid}); stop it there with Ctrl-C.`,
      );
    }
    this.entries = alive;
    this.add(LAUNCHER, process.pid, 'SIGTERM');
    return alive;
  }

  /** @throws {Error} when it cannot be started, or everything is being stopped */
  start(spec: Command): ManagedProcess {
    if (this.stopping) throw new Error(`${spec.name} is not started any more, since everything is being stopped.`);
    mkdirSync(dirname(spec.log), { recursive: true });
    const log = openSync(spec.log, 'a', 0o600);
    const { size: before } = fstatSync(log);
    const child = spawn(spec.command, spec.args, {
      cwd: spec.cwd,
      env: spec.env,
      detached: true,
      stdio: ['ignore', log, log, ...(spec.saysListening === true ? (['ipc'] as const) : [])],
      uid: spec.uid,
      gid: spec.gid,
    });
    closeSync(log);
    const { pid } = child;
    const exited = new Promise<Awaited<ManagedProcess['exited']>>((resolve) => {
      child.once('error', () => {
        resolve({ code: -1, signal: null });
      });
      child.once('exit', (code, signal) => {
        resolve({ code, signal });
        if (pid !== undefined) this.remove(pid);
      });
    });
    if (pid === undefined) throw new Error(`${spec.name} could not be started: ${spec.command}`);
    const { stopSignal = 'SIGTERM' } = spec;
    try {
      this.add(spec.name, pid, stopSignal);
    } catch (error) {
      // Nobody would find it again.
      child.kill('SIGKILL');
      throw error;
    }
    const isRunning = () => child.exitCode === null && child.signalCode === null;
    let hasListened = false;
    child.once('message', () => {
      hasListened = true;
    });
    let asked = false;
    const askedToStop = () => asked || this.stopping;
    return {
      name: spec.name,
      pid,
      log: spec.log,
      exited,
      get running() {
        return isRunning();
      },
      get listening() {
        return hasListened && isRunning();
      },
      get askedToStop() {
        return askedToStop();
      },
      kill: (signal) => {
        child.kill(signal);
      },
      lastWords: (lines = 12) => {
        const own = existsSync(spec.log) ? readFileSync(spec.log).subarray(before).toString().split('\n') : [];
        // A stack would push out of sight what it is the stack of.
        const said = own.filter((line) => line !== '' && !/^\s+(at |\.\.\. \d+ )/.test(line)).slice(-lines);
        if (said.length === 0) return `its log is ${spec.log}.`;
        return [`its log, ${spec.log}, ends with:`, ...said.map((line) => `    ${line.slice(0, 400)}`)].join('\n');
      },
      stop: async (graceMs = 15_000) => {
        if (!isRunning()) return;
        asked = true;
        child.kill('SIGCONT');
        child.kill(stopSignal);
        const force = setTimeout(() => child.kill('SIGKILL'), graceMs);
        await exited;
        clearTimeout(force);
      },
    };
  }

  /** From now on nothing is started, and whatever ends was asked to. */
  refuseStarts(): void {
    this.stopping = true;
  }

  /** Stops whatever is running, politely and then not; for a start that is given up half-way. */
  async stopEverything(): Promise<void> {
    this.refuseStarts();
    await stopAll(this.entries.filter(({ name }) => name !== LAUNCHER));
    this.close();
  }

  /** Ends everything at once. */
  killEverything(): void {
    this.refuseStarts();
    signalAll(
      this.entries.filter(({ name }) => name !== LAUNCHER),
      () => 'SIGKILL',
    );
    this.close();
  }

  /** Forgets what is stopped. What is still running stays listed, so that the next start finds it. */
  close(): void {
    this.closed = true;
    this.saveIfPossible();
  }

  private add(name: string, pid: number, stopSignal: StopSignal): void {
    const { folder } = this;
    this.entries = [...this.entries, { name, pid, startedAt: startTime(pid) ?? '', stopSignal, folder }];
    this.save();
  }

  private remove(pid: number): void {
    this.entries = this.entries.filter((each) => each.pid !== pid);
    this.saveIfPossible();
  }

  /** What ends is never kept from it by a list that cannot be written, as on a disk that is full. */
  private saveIfPossible(): void {
    try {
      this.save();
    } catch (error) {
      if (this.isUnsavedSaid) return;
      this.isUnsavedSaid = true;
      process.stderr.write(
        `${this.file} cannot be written (${(error as Error).message}): what it says of running processes is out of date.\n`,
      );
    }
  }

  private save(): void {
    const left = this.closed ? this.entries.filter((each) => each.name !== LAUNCHER && isAlive(each)) : this.entries;
    if (left.length > 0) writeState(this.file, left);
    else rmSync(this.file, { force: true });
  }
}

const LAUNCHER = 'launcher';
const CLAIM_MS = 3_000;

/** Does what must not be done by two launchers that begin at once. */
async function alone<T>(file: string, work: () => T): Promise<T> {
  const claim = `${file}.claim`;
  const deadline = performance.now() + CLAIM_MS;
  while (!hasMade(claim)) {
    // Held for a moment only: whoever has it for so long was killed meanwhile.
    if (performance.now() > deadline) rmSync(claim, { force: true });
    else await delay(10);
  }
  try {
    return work();
  } finally {
    rmSync(claim, { force: true });
  }
}

function hasMade(file: string): boolean {
  try {
    closeSync(openSync(file, 'wx', 0o600));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** When a process started, as text that is the same each time it is asked; undefined when there is no such process. */
function startTime(pid: number): string | undefined {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' ? undefined : fields[19];
    } catch {
      return undefined;
    }
  }
  const { stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() || undefined;
}

const isAlive = ({ pid, startedAt }: Entry) => startTime(pid) === startedAt;

function signalAll(entries: readonly Entry[], signalOf: (entry: Entry) => NodeJS.Signals): void {
  for (const each of entries.filter(isAlive)) {
    try {
      process.kill(each.pid, signalOf(each));
    } catch {
      // It has ended in the meantime.
    }
  }
}

async function stopAll(entries: readonly Entry[]): Promise<void> {
  signalAll(entries, () => 'SIGCONT');
  signalAll(entries, ({ stopSignal }) => stopSignal);
  const deadline = performance.now() + 15_000;
  while (entries.some(isAlive)) {
    if (performance.now() > deadline) signalAll(entries, () => 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The wanted port where it is free on loopback, else one that the system chooses; this process gives none out twice. */
export const freePort = (wanted = 0): Promise<number> => getPort({ port: wanted, host: '127.0.0.1', reserve: true });

/** Whether a process that has ended says that somebody else had its port. */
export const isTaken = (ended: ManagedProcess): boolean =>
  /could not bind|Address already in use|EADDRINUSE/.test(ended.lastWords(40));

/** Tells when a process ends that nobody has asked to. */
export function onUnexpectedEnd(watched: ManagedProcess, tell: () => void): void {
  void watched.exited.then(() => {
    if (!watched.askedToStop) tell();
  });
}
