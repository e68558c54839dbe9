import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const COPIED = ['apps', 'libs', 'docs/openapi.json', 'package.json', 'package-lock.json', 'tsconfig.json'];
const INSTALLED = ['node_modules', 'libs/api-access/node_modules'];
/** The scope of the libraries. */
const OWN = '@rebelcore';
/** Nothing here is expected to take that long; whatever does not happen at all fails then. */
const PATIENCE_MS = 300_000;
/** As a person's shell has it, without what npm puts in front. */
const PATH = process.env.PATH.split(delimiter)
  .filter((folder) => basename(folder) !== '.bin' && !folder.includes('node-gyp-bin'))
  .join(delimiter);

/** Whether this machine has a program for it, which is no part of Node. */
export const canMakeTerminals = () => PATH.split(delimiter).some((folder) => existsSync(join(folder, 'script')));

/** A copy of the project as it is built, in which a case may break what it likes. */
export class Copy {
  static #all = [];
  #runs = [];

  static async removeAll() {
    for (const copy of Copy.#all) await copy.#remove();
  }

  /**
   * @param name of its folder
   * @param installed whether the packages of the project are there
   */
  constructor(name, { installed = true } = {}) {
    Copy.#all.push(this);
    this.above = mkdtempSync(join(tmpdir(), 'api-users-start-'));
    chmodSync(this.above, 0o755);
    this.name = name;
    this.root = join(this.above, name);
    this.temporary = join(this.above, 'tmp');
    this.home = join(this.above, 'home');
    for (const folder of [this.temporary, this.home]) mkdirSync(folder);
    this.data = join(this.root, '.data');
    for (const path of [...COPIED, 'tsconfig.base.json']) {
      cpSync(join(root, path), join(this.root, path), {
        recursive: true,
        preserveTimestamps: true,
        filter: (each) => basename(each) !== 'node_modules',
      });
    }
    symlinkSync(join(root, '.cache'), join(this.root, '.cache'));
    if (installed) this.#install();
  }

  /** The packages of the project, and the libraries of this copy. */
  #install() {
    for (const path of INSTALLED) {
      mkdirSync(join(this.root, path), { recursive: true });
      for (const name of readdirSync(join(root, path)).filter((each) => each !== OWN)) {
        symlinkSync(join(root, path, name), join(this.root, path, name));
      }
    }
    mkdirSync(join(this.root, 'node_modules', OWN));
    for (const name of readdirSync(join(root, 'libs'))) {
      symlinkSync(join(this.root, 'libs', name), join(this.root, 'node_modules', OWN, name));
    }
  }

  /** `npm start` as a person types it, or another command of a shell, in a session of its own without a terminal. */
  start(command = 'exec npm start', env = {}, { shell = '/bin/bash', input = 'ignore' } = {}) {
    const run = new Run(shell, command, {
      cwd: this.root,
      detached: true,
      stdio: [input, 'pipe', 'pipe'],
      env: { PATH, HOME: this.home, TMPDIR: this.temporary, ...env },
    });
    this.#runs.push(run);
    return run;
  }

  /** The launcher alone, for a start that does not get far. */
  launch(env) {
    return this.start(`exec "${join(root, 'node_modules/.bin/node')}" apps/launcher/dist/main.js`, env);
  }

  /** The command on a terminal of its own, which is closed when the process that is returned ends. */
  onTerminal(command) {
    return this.start(`exec script -qec '${command}' /dev/null`, { SHELL: '/bin/bash' }, { input: 'pipe' });
  }

  file(path) {
    return join(this.data, path);
  }

  log(name) {
    return existsSync(this.logFile(name)) ? readFileSync(this.logFile(name), 'utf8') : '';
  }

  logFile(name) {
    return join(this.data, 'logs', `${name}.log`);
  }

  get endpoints() {
    return JSON.parse(readFileSync(this.file('endpoints.json'), 'utf8'));
  }

  /** What is running, as the list of processes says. */
  processes() {
    try {
      return JSON.parse(readFileSync(this.file('processes.json'), 'utf8'));
    } catch {
      return [];
    }
  }

  pidOf(name) {
    return this.processes().findLast((each) => each.name === name)?.pid;
  }

  /** The process number of a part as soon as it has one. */
  async appears(name) {
    await until(() => this.pidOf(name) !== undefined, `${name} to be started`);
    return this.pidOf(name);
  }

  /** Every process that stands in this folder or names it. */
  left() {
    return readdirSync('/proc').filter((pid) => {
      if (!/^\d+$/.test(pid)) return false;
      try {
        const words = wordsOf(pid);
        return words !== '' && (words.includes(this.above) || readlinkSync(`/proc/${pid}/cwd`).startsWith(this.above));
      } catch {
        return false;
      }
    });
  }

  /** From now on, the arguments of every process of this copy, however short it lives: what everybody on the machine may read. */
  watchArguments() {
    const seen = new Set();
    const timer = setInterval(() => {
      for (const pid of this.left()) {
        try {
          seen.add(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '));
        } catch {
          // It has ended.
        }
      }
    }, 20);
    return () => {
      clearInterval(timer);
      return [...seen];
    };
  }

  async nothingLeft() {
    await until(
      () => this.left().length === 0,
      () => `these to end: ${this.left().map(wordsOf)}`,
    );
  }

  /** What runs of Kafka and PostgreSQL and is not listed, so that the next start would not find it; seen until `run` is over. */
  async unlisted(run) {
    const found = new Set();
    let before = [];
    while (!run.over) {
      const servers = this.left().filter((pid) => /kafka\.Kafka|postgres\0-D/.test(wordsOf(pid)));
      const listed = this.processes().map(({ pid }) => String(pid));
      // What has just been started may be about to be listed, and what ends has parted from its list.
      for (const pid of servers.filter((each) => before.includes(each) && !listed.includes(each))) {
        if (this.left().includes(pid)) found.add(wordsOf(pid));
      }
      before = servers;
      await delay(50);
    }
    return [...found];
  }

  async #remove() {
    for (const run of this.#runs) run.signal('SIGTERM');
    await Promise.race([Promise.all(this.#runs.map(({ ended }) => ended)), delay(30_000)]);
    for (const pid of this.left()) process.kill(Number(pid), 'SIGKILL');
    rmSync(this.above, { recursive: true, force: true });
  }
}

/** The words of its command line, separated by NUL; empty when it has ended. */
function wordsOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** Waits for a condition; the bound is there only to end a run in which it never holds. */
export async function until(holds, what) {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${typeof what === 'string' ? what : what()}`);
    await delay(10);
  }
}

class Run {
  output = '';

  constructor(shell, command, options) {
    this.child = spawn(shell, ['-c', command], options);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.output += text));
    }
    this.ended = new Promise((resolve) => this.child.on('close', (code, signal) => resolve(code ?? signal)));
  }

  get over() {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Its words; those of the last of them where it says the same several times. */
  async says(pattern, times = 1) {
    const said = () => [...this.output.matchAll(new RegExp(pattern, 'g'))];
    await until(
      () => said().length >= times || this.over,
      () => `${pattern}:\n${this.output}`,
    );
    if (said().length < times) throw new Error(`never said ${pattern}:\n${this.output}`);
    return said()[times - 1];
  }

  ready() {
    return this.says(/Stop:\S*\s+Ctrl-C/);
  }

  /** Types on its terminal. */
  types(text) {
    this.child.stdin.write(text);
  }

  /** To the process that was started. */
  signal(name) {
    if (!this.over) this.child.kill(name);
  }

  /** To it and everything below it in its group, as a terminal does. */
  signalGroup(name) {
    process.kill(-this.child.pid, name);
  }
}
