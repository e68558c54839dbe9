// `npm run test:interop`: OAuth libraries of other languages against the running system, through a turnover of the signing key.
// What each language needs comes from its own registry, in the versions pinned here, and is kept in `.cache/interop`. A language
// that is not installed is named, and its cases are left out; one that is installed and cannot be prepared is a failure.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const here = import.meta.dirname;
const root = join(here, '../..');

/** A folder for what is made of these files; another one when they change. */
const folderFor = (name, ...files) => {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(join(here, file)));
  const folder = join(root, '.cache/interop', `${name}-${hash.digest('hex').slice(0, 12)}`);
  mkdirSync(folder, { recursive: true });
  return folder;
};

function run(cwd, env, program, ...args) {
  const { status, error } = spawnSync(program, args, {
    cwd: join(here, cwd),
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}`);
}

const LANGUAGES = {
  go: {
    needs: [['go', 'version']],
    prepare() {
      const program = join(folderFor('go', 'go/go.mod', 'go/go.sum'), 'interop');
      run('go', { CGO_ENABLED: '0' }, 'go', 'build', '-o', program, '.');
      return [program];
    },
  },
  python: {
    needs: [['python3', '--version']],
    prepare() {
      const folder = folderFor('python', 'python/requirements.txt');
      const python = join(folder, 'bin/python');
      const done = join(folder, 'bin/oauth-is-installed');
      if (!existsSync(done)) {
        rmSync(folder, { recursive: true });
        run('python', {}, 'python3', '-m', 'venv', folder);
        run('python', {}, python, '-m', 'pip', 'install', '--quiet', '--no-deps', '-r', 'requirements.txt');
        mkdirSync(done);
      }
      return [python, join(here, 'python/interop.py')];
    },
  },
  java: {
    needs: [
      ['java', '-version'],
      ['mvn', '-version'],
    ],
    prepare() {
      const folder = folderFor('java', 'java/pom.xml');
      run('java', {}, 'mvn', '-q', '-B', 'process-classes', `-Dfolder=${folder}`);
      return ['java', '-Xmx256m', '-cp', `${join(folder, 'classes')}:${join(folder, 'jars/*')}`, 'interop.Interop'];
    },
  },
};

const programs = {};
for (const [language, { needs, prepare }] of Object.entries(LANGUAGES)) {
  const missing = needs.filter(([program, argument]) => spawnSync(program, [argument]).error !== undefined);
  if (missing.length === 0) programs[language] = prepare();
  else
    process.stdout.write(
      `   ${language}: not run, there is no ${missing.map(([program]) => program).join(', no ')} here\n`,
    );
}
const { status } = spawnSync(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    join(root, 'node_modules/jest/bin/jest.js'),
    '--selectProjects',
    'interop',
    '--ci',
    '--forceExit',
    '--verbose',
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: 'inherit', env: { ...process.env, INTEROP_PROGRAMS: JSON.stringify(programs) } },
);
process.exit(status ?? 1);
