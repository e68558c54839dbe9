import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/** What shells export, or a person's settings say, that must not reach what is started. */
const HOSTILE = {
  PGSSLMODE: 'require',
  PGOPTIONS: '-c default_transaction_read_only=on',
  NODE_ENV: 'production',
  npm_config_omit: 'dev',
  npm_config_ignore_scripts: 'true',
  HTTP_PROXY: 'http://127.0.0.1:9',
  NODE_USE_ENV_PROXY: '1',
  LC_ALL: 'tr_TR.ISO-8859-9',
  JAVA_TOOL_OPTIONS: '-Xmx1m',
  _JAVA_OPTIONS: '-Xmx1m',
  KAFKA_OPTS: '-Xmx1m',
};

const shutDowns = (copy) => copy.log('postgres').split('database system is shut down').length - 1;
const endpointsOf = (copy) => JSON.parse(readFileSync(copy.file('endpoints.json'), 'utf8'));
const origin = (copy) => endpointsOf(copy).portal;

/** Everything has ended by itself, the databases included, and nothing says that it still runs. */
async function endedInOrder(copy, run, status, before) {
  assert.equal(await run.ended, status, run.output);
  await copy.nothingLeft();
  assert.equal(shutDowns(copy), before + 1, 'the databases were not shut down by themselves');
  for (const file of ['endpoints.json', 'processes.json']) assert.equal(existsSync(copy.file(file)), false, file);
}

async function refuses(copy, words) {
  const run = copy.launch();
  assert.equal(await run.ended, 1, run.output);
  for (const word of words) assert.ok(run.output.includes(word), `${word} is not in: ${run.output}`);
  assert.doesNotMatch(run.output, /\n\s+at /, 'a stack trace is no sentence');
  await copy.nothingLeft();
}

/** In order, on one copy: each leaves the data of the one before it as it was. */
export const CASES = [
  {
    title: 'starts under a hostile shell, in a folder with an awkward name, and names its issuer',
    quick: true,
    run: async (copy, shared) => {
      shared.run = copy.start('umask 077; exec npm start', HOSTILE);
      await shared.run.ready();
      shared.owner = endpointsOf(copy).owner;
      shared.origin = origin(copy);
      assert.match(shared.run.output, new RegExp(`Issuer\\s+${shared.origin}`));
    },
  },
  {
    title: 'starts Kafka, PostgreSQL and a service again that were killed',
    quick: true,
    run: async (copy, { run }) => {
      for (const name of ['kafka', 'postgres', 'audit']) {
        process.kill(copy.pidOf(name), 'SIGKILL');
        await run.says(new RegExp(`${name} runs again`));
        assert.notEqual(copy.pidOf(name), undefined);
      }
    },
  },
  {
    title: 'ends in order when npm alone is asked to',
    quick: true,
    run: async (copy, { run }) => {
      const before = shutDowns(copy);
      run.signal('SIGTERM');
      await endedInOrder(copy, run, 0, before);
    },
  },
  {
    title: 'refuses data without PG_VERSION and deletes none of it',
    quick: true,
    run: async (copy) => {
      const file = copy.file('postgres/PG_VERSION');
      renameSync(file, copy.file('kept'));
      await refuses(copy, ['PG_VERSION', 'restore', 'remove']);
      assert.ok(existsSync(copy.file('postgres/base')));
      renameSync(copy.file('kept'), file);
    },
  },
  ...['', '\0'.repeat(400), 'null', undefined].map((content) => ({
    title: `refuses secrets that are ${content === undefined ? 'missing' : JSON.stringify(content.slice(0, 4))}`,
    quick: content === '',
    run: async (copy) => {
      const file = copy.file('secrets.json');
      renameSync(file, copy.file('kept'));
      if (content !== undefined) writeFileSync(file, content);
      await refuses(copy, ['secrets.json', 'restore', 'remove']);
      renameSync(copy.file('kept'), file);
    },
  })),
  ...['kafka', 'postgres'].map((part) => ({
    title: `refuses to make ${part} anew beside the rest`,
    quick: part === 'kafka',
    run: async (copy) => {
      renameSync(copy.file(part), copy.file('kept'));
      await refuses(copy, [part, 'is missing', 'Restore', 'remove']);
      assert.equal(existsSync(copy.file(part)), false);
      renameSync(copy.file('kept'), copy.file(part));
    },
  })),
  {
    title:
      'starts with damaged lists and a lock whose process number somebody else has, and ends when all are signalled',
    quick: true,
    run: async (copy, shared) => {
      writeFileSync(copy.file('processes.json'), '\0'.repeat(200));
      writeFileSync(copy.file('kafka/ports.json'), 'null');
      writeFileSync(copy.file('endpoints.json'), '{}');
      writeFileSync(
        copy.file('postgres/postmaster.pid'),
        `${process.pid}\n${copy.file('postgres')}\n1\n1\n\n127.0.0.1\n`,
      );
      const run = copy.start();
      await run.ready();
      assert.deepEqual(endpointsOf(copy).owner, shared.owner);
      assert.equal(origin(copy), shared.origin);
      const before = shutDowns(copy);
      run.signalGroup('SIGTERM');
      await endedInOrder(copy, run, 0, before);
    },
  },
  {
    title: 'ends in order when its reader goes',
    run: async (copy) => {
      const before = shutDowns(copy);
      const run = copy.start('set -o pipefail; npm start 2>&1 | head -n 12');
      await endedInOrder(copy, run, 0, before);
    },
  },
  {
    title: 'ends in order when its terminal is closed',
    run: async (copy) => {
      const before = shutDowns(copy);
      const run = copy.start('node libs/embedded/prepare.mjs apps/launcher/dist/main.js');
      await run.ready();
      run.signalGroup('SIGHUP');
      await run.ended;
      await endedInOrder(copy, run, await run.ended, before);
    },
  },
  {
    title: 'goes on under nohup',
    run: async (copy) => {
      const before = shutDowns(copy);
      const run = copy.start('nohup npm start; wait');
      await run.ready();
      run.signalGroup('SIGHUP');
      await run.ended;
      assert.equal((await fetch(`${origin(copy)}/health/ready`)).status, 200);
      process.kill(copy.pidOf('launcher'), 'SIGTERM');
      await endedInOrder(copy, run, await run.ended, before);
    },
  },
  {
    title: 'ends in order when the script that started it is killed',
    run: async (copy) => {
      const before = shutDowns(copy);
      const run = copy.start('exec node libs/embedded/prepare.mjs apps/launcher/dist/main.js');
      await run.ready();
      run.signal('SIGKILL');
      await endedInOrder(copy, run, 'SIGKILL', before);
    },
  },
  {
    title: 'heals a start after the launcher was killed',
    run: async (copy) => {
      const killed = copy.start();
      await killed.ready();
      process.kill(copy.pidOf('launcher'), 'SIGKILL');
      assert.notEqual(await killed.ended, 0);
      const run = copy.start();
      await run.ready();
      const before = shutDowns(copy);
      run.signal('SIGINT');
      await endedInOrder(copy, run, 0, before);
    },
  },
  {
    title: 'says how to go on without Java',
    run: async (copy) => {
      const run = copy.start(`exec "${process.execPath}" libs/embedded/prepare.mjs x`, { PATH: '/nowhere' });
      assert.equal(await run.ended, 1);
      for (const words of ['Java is not installed. Install', 'docker compose', 'KAFKA_BROKERS='])
        assert.ok(run.output.includes(words), run.output);
    },
  },
];
