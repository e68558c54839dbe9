// The machine: variables that a shell exports, folders, settings of npm, programs that are missing.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Copy, until } from '../copy.mjs';
import { HOSTILE, issuer, refuses, stop } from './support.mjs';

const PREPARE = `exec "${process.execPath}" libs/embedded/prepare.mjs`;

/** What a person types, with its status; `umask` as in their shell. */
async function command(copy, line, umask) {
  const run = copy.start(`umask ${umask}; exec npm run -s ${line}`, HOSTILE);
  assert.equal(await run.ended, 0, `${line}: ${run.output}`);
  return run.output;
}

/** Runs with a PATH on which there are only these programs. */
async function withPrograms(copy, programs, work) {
  const folder = join(copy.temporary, 'bin');
  mkdirSync(folder);
  for (const [name, content] of Object.entries(programs)) {
    const path = join(folder, name);
    if (content.startsWith('#!')) writeFileSync(path, content, { mode: 0o755 });
    else symlinkSync(content, path);
  }
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const whereIs = (program) => spawnSync('/bin/sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim();
const WAYS_ON = ['apt-get install', 'docker compose', 'KAFKA_BROKERS='];

async function saysWaysOn(copy, folder, sentence) {
  await refuses(copy, [sentence, ...WAYS_ON], copy.start(`${PREPARE} x`, { PATH: folder }));
}

export const MACHINE = [
  {
    title: 'names the origin that is configured in tokens and metadata, and takes commands of a hostile shell',
    run: async (copy, { credentials }) => {
      const run = copy.start(undefined, { PUBLIC_URL: 'https://portal.example/' });
      await run.ready();
      assert.equal(await issuer(copy, run, credentials), 'https://portal.example');
      assert.match(await command(copy, 'code', '077'), /\d{6}/);
      for (const view of ['token', 'audit']) await command(copy, `rebuild -- ${view}`, '077');
      for (const service of ['token', 'audit']) await command(copy, `parked -- replay ${service}`, '027');
      assert.equal(await issuer(copy, run, credentials), 'https://portal.example');
      await stop(copy, run);
    },
  },
  {
    title: 'refuses an origin that is none',
    run: (copy) => refuses(copy, ['PUBLIC_URL'], copy.launch({ PUBLIC_URL: 'portal.example' })),
  },
  {
    title: 'starts below a folder that nobody but root may enter, or says which it is',
    possible: () => process.getuid() === 0,
    run: async (copy) => {
      chmodSync(copy.above, 0o700);
      const run = copy.start();
      await run.ready();
      await stop(copy, run);
      const java = { java: whereIs('java'), ps: whereIs('ps') };
      await withPrograms(copy, { ...java, setpriv: '#!/bin/sh\nexit 1\n' }, (PATH) =>
        refuses(
          copy,
          ['PostgreSQL does not run as root', `may enter ${copy.above}:`, 'chmod o+x'],
          copy.launch({ PATH }),
        ),
      );
      chmodSync(copy.above, 0o755);
    },
  },
  {
    title:
      'installs what the settings of npm leave out, after an interruption and where something is missing, builds, and makes its data below a folder that nobody but root may enter',
    run: async () => {
      const copy = new Copy('50% é', { installed: false });
      rmSync(join(copy.root, 'apps/portal/web/dist'), { recursive: true, force: true });
      writeFileSync(join(copy.root, 'noop.mjs'), 'console.log("went on")\n');
      writeFileSync(join(copy.home, '.npmrc'), 'ignore-scripts=true\nomit[]=dev\n');
      const cache = spawnSync('npm', ['config', 'get', 'cache'], { encoding: 'utf8' }).stdout.trim();
      const install = () => copy.start(`${PREPARE} noop.mjs`, { ...networkSettings(), npm_config_cache: cache });
      const interrupted = install();
      await until(() => existsSync(join(copy.root, 'node_modules')), 'npm to begin');
      interrupted.signal('SIGTERM');
      assert.equal(await interrupted.ended, 143, interrupted.output);
      await copy.nothingLeft();
      for (const missing of [undefined, 'libs/api-access/node_modules']) {
        if (missing !== undefined) rmSync(join(copy.root, missing), { recursive: true });
        const run = install();
        assert.equal(await run.ended, 0, run.output);
        assert.match(run.output, /Installing packages[^]*went on/);
      }
      assert.doesNotMatch(await finished(install()), /Installing/, 'installed what was there');
      // As /root is, where many a clone lies: its own programs, too, are then below it.
      chmodSync(copy.above, 0o700);
      const run = copy.start();
      await run.ready();
      await stop(copy, run);
    },
  },
  {
    title: 'refuses a folder in which the web app cannot be built',
    run: async (copy) => {
      const folder = join(copy.temporary, 'C#');
      mkdirSync(join(folder, 'libs'), { recursive: true });
      cpSync(join(copy.root, 'libs/embedded'), join(folder, 'libs/embedded'), { recursive: true });
      const path = `"${process.execPath}" "${folder}/libs/embedded/prepare.mjs"`;
      await refuses(copy, [folder, 'move the project'], copy.start(`exec ${path} x`));
      rmSync(folder, { recursive: true });
    },
  },
  {
    title: 'says how to go on without Java, with an old one, and without Maven',
    run: async (copy) => {
      const old = '#!/bin/sh\necho \'openjdk version "11.0.2" 2019-01-15\' >&2\n';
      await withPrograms(copy, {}, (bin) => saysWaysOn(copy, bin, 'Java is not installed. Install'));
      await withPrograms(copy, { java: old }, (bin) => saysWaysOn(copy, bin, 'Java 11 is too old for Kafka. Install'));
      const cache = join(copy.root, '.cache');
      renameSync(cache, `${cache}.kept`);
      await withPrograms(copy, { java: whereIs('java') }, (bin) =>
        saysWaysOn(copy, bin, 'Maven, which fetches Kafka, is not installed. Install'),
      );
      renameSync(`${cache}.kept`, cache);
    },
  },
];

async function finished(run) {
  assert.equal(await run.ended, 0, run.output);
  return run.output;
}

/** What a machine may need to reach its registry, which is no harm of ours. */
const networkSettings = () =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) =>
      /^(https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS|npm_config_(registry|cafile|strict_ssl))$/i.test(name),
    ),
  );
