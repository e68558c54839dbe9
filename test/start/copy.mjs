import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const COPIED = ['apps', 'libs', 'docs/openapi.json', 'package.json', 'package-lock.json', 'tsconfig.json'];
const READY_MS = 180_000;

/** A copy of the project as it is built, in which a case may break what it likes. */
export class Copy {
  #runs = [];

  /** @param name of its folder */
  constructor(name) {
    this.above = mkdtempSync(join(tmpdir(), 'api-users-start-'));
    this.root = join(this.above, name);
    this.data = join(this.root, '.data');
    for (const path of [...COPIED, 'tsconfig.base.json']) {
      cpSync(join(root, path), join(this.root, path), {
        recursive: true,
        preserveTimestamps: true,
        filter: (each) => basename(each) !== 'node_modules',
      });
    }
    for (const path of ['node_modules', '.cache', 'libs/api-access/node_modules']) {
      symlinkSync(join(root, path), join(this.root, path));
    }
  }

  /** `npm start` as a person types it, or another command of a shell, in a process group of its own. */
  start(command = 'exec npm start', env = {}) {
    const run = new Run(this, command, env);
    this.#runs.push(run);
    return run;
  }

  /** The launcher alone, for a start that is refused before anything is built on it. */
  launch() {
    return this.start(`exec "${join(root, 'node_modules/.bin/node')}" apps/launcher/dist/main.js`);
  }

  file(path) {
    return join(this.data, path);
  }

  log(name) {
    return readFileSync(join(this.data, 'logs', `${name}.log`), 'utf8');
  }

  /** What is running, as the list of processes says. */
  processes() {
    return existsSync(this.file('processes.json')) ? JSON.parse(readFileSync(this.file('processes.json'), 'utf8')) : [];
  }

  pidOf(name) {
    return this.processes().find((each) => each.name === name)?.pid;
  }

  /** Every process that stands in this folder or names it. */
  left() {
    return readdirSync('/proc').filter((pid) => {
      if (!/^\d+$/.test(pid)) return false;
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return words !== '' && (words.includes(this.above) || readlinkSync(`/proc/${pid}/cwd`).startsWith(this.above));
      } catch {
        return false;
      }
    });
  }

  async nothingLeft() {
    const deadline = performance.now() + 10_000;
    while (this.left().length > 0) {
      if (performance.now() > deadline) {
        throw new Error(`still running: ${this.left().map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))}`);
      }
      await delay(100);
    }
  }

  async remove() {
    for (const run of this.#runs) run.signal('SIGTERM');
    await Promise.race([Promise.all(this.#runs.map(({ ended }) => ended)), delay(30_000)]);
    for (const pid of this.left()) process.kill(Number(pid), 'SIGKILL');
    rmSync(this.above, { recursive: true, force: true });
  }
}

class Run {
  output = '';

  constructor({ root: cwd }, command, env) {
    this.child = spawn('/bin/bash', ['-c', command], {
      cwd,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.output += text));
    }
    this.ended = new Promise((resolve) => this.child.on('exit', (code, signal) => resolve(code ?? signal)));
  }

  get over() {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  async says(pattern) {
    const deadline = performance.now() + READY_MS;
    while (!pattern.test(this.output)) {
      if (this.over || performance.now() > deadline) throw new Error(`never said ${pattern}:\n${this.output}`);
      await delay(50);
    }
    return pattern.exec(this.output);
  }

  ready() {
    return this.says(/Stop:\S*\s+Ctrl-C/);
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
