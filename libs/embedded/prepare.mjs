// The first script of `npm start` and `npm test`. It runs on whatever Node is installed and before anything else is, so
// it uses only what is built into Node: it installs, fetches Kafka, builds, then runs its argument under the project's Node.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const node = join(root, 'node_modules', '.bin', 'node');
const jars = join(root, '.cache', 'kafka-4.3.1');
const ownKafka = process.env.KAFKA_BROKERS;
const [program, ...args] = process.argv.slice(2);

const say = (line) => process.stderr.write(`${line}\n`);
const fail = (sentence) => {
  say(`\n${sentence}`);
  process.exit(1);
};

/** Runs one step of the set-up, showing its output only when it fails. */
function step(title, command, options = {}) {
  const started = Date.now();
  process.stderr.write(`  ${title} …`);
  const [name, ...rest] = command;
  const result = spawnSync(name, rest, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28, ...options });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  say(result.status === 0 ? ` ${seconds} s` : ` failed after ${seconds} s`);
  if (result.status === 0) return;
  say(`${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`);
  fail(`${title} did not succeed; the output above says why.`);
}

function requireJava() {
  const java = spawnSync('java', ['-version'], { encoding: 'utf8' });
  const version = /version "(\d+)/.exec(java.stderr ?? '')?.[1];
  const otherwise = 'or set KAFKA_BROKERS=host:port to use a Kafka of your own.';
  if (java.error || version === undefined)
    fail(`Java is not installed: install a JDK, version 17 or later, ${otherwise}`);
  if (Number(version) < 17)
    fail(`Java ${version} is too old for Kafka: install a JDK, version 17 or later, ${otherwise}`);
  if (existsSync(jars)) return;
  if (spawnSync('mvn', ['-version']).error) fail(`Maven is not installed: install Maven, ${otherwise}`);
}

/** npm ci, unless node_modules was made from this very lock file by this script. */
function installPackages() {
  const stamp = join(root, 'node_modules', '.prepared');
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(process.platform + process.arch)
    .digest('hex');
  if (existsSync(stamp) && existsSync(node) && readFileSync(stamp, 'utf8') === wanted) return;
  step('Installing packages', ['npm', 'ci', '--no-audit', '--no-fund'], { shell: process.platform === 'win32' });
  writeFileSync(stamp, wanted);
}

/** Kafka's jars by Maven, into a folder that appears only when it is complete. */
function fetchKafka() {
  if (existsSync(jars)) return;
  const partial = `${jars}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${partial}`];
  step('Fetching Apache Kafka', ['mvn', '-q', '-B', '-f', join(root, 'libs/embedded/kafka/pom.xml'), ...goal]);
  if (!readdirSync(partial).some((name) => name.startsWith('kafka_'))) fail('Maven brought no Kafka jars.');
  renameSync(partial, jars);
}

/** The web app, unless it was built from these very files. */
function buildPortal() {
  const web = join(root, 'apps/portal/web');
  const stamp = join(web, 'dist', '.prepared');
  const sources = [join(root, 'docs/openapi.json'), join(root, 'package-lock.json'), ...filesBelow(web)];
  const hash = createHash('sha256');
  for (const file of sources) hash.update(file).update(readFileSync(file));
  const wanted = hash.digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  step('Types of the API', [node, join(web, 'types.mjs')]);
  step('Types of the portal', [node, join(root, 'node_modules/typescript/bin/tsc'), '-p', web]);
  step('Building the portal', [
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
say('Preparing');
if (ownKafka === undefined) requireJava();
installPackages();
if (ownKafka === undefined) fetchKafka();
step('Building', [node, join(root, 'node_modules/typescript/bin/tsc'), '-b']);
buildPortal();

// Ctrl-C reaches the whole terminal group, so the program hears it by itself; this parent only has to outlive it.
const child = spawn(node, ['--enable-source-maps', join(root, program), ...args], { stdio: 'inherit' });
process.on('SIGINT', () => undefined);
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
