import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { Client } from '@rebelcore/embedded/client';
import pg from 'pg';
import { ENDS } from './cases/ends.mjs';
import { MACHINE } from './cases/machine.mjs';
import { PARTS } from './cases/parts.mjs';
import { STATE } from './cases/state.mjs';
import { HOSTILE, issuer, mint, stop } from './cases/support.mjs';
import { heldIn } from './heap.mjs';

/** Makes the data that the others find and leave. */
export const FIRST = [
  {
    title: 'starts under a hostile shell, in a folder with an awkward name, and names its issuer',
    run: async (copy, shared) => {
      const watched = copy.watchArguments();
      shared.run = copy.start('umask 000; exec npm start', HOSTILE);
      await shared.run.ready();
      shared.arguments = watched();
      shared.owner = copy.endpoints.owner;
      shared.origin = copy.endpoints.portal;
      shared.credentials = await mint(copy);
      assert.equal(await issuer(copy, shared.run, shared.credentials), shared.origin);
    },
  },
  {
    title:
      'S20: leaves no secret where another account could read it: arguments, environment, files, texts of statements',
    run: async (copy, { arguments: seen }) => {
      const secrets = JSON.parse(readFileSync(copy.file('secrets.json'), 'utf8'));
      // What says which life the data is of is kept with them, and is none.
      const names = Object.keys(secrets).filter((name) => !name.startsWith('life'));
      const named = (text) => names.filter((name) => text.includes(secrets[name]));
      const tool = 'storage-tool.args';
      assert.ok(
        seen.some((each) => each.includes(tool)),
        'the tool that takes the passwords was not seen',
      );
      for (const each of seen) assert.deepEqual(named(each), [], each);
      for (const name of ['kafka', 'postgres']) {
        const environment = readFileSync(`/proc/${copy.pidOf(name)}/environ`, 'utf8');
        assert.deepEqual(named(environment), [], `environment of ${name}`);
      }
      for (const name of ['', ...readdirSync(copy.data)]) {
        // Through the folder itself another account may pass where PostgreSQL runs as one; it lists nothing.
        const open = statSync(copy.file(name)).mode & (name === '' ? 0o066 : 0o077);
        assert.equal(open, 0, `.data/${name} is open to others`);
      }
      const reader = new URL(copy.endpoints.postgres.identity);
      [reader.username, reader.password] = ['postgres', secrets['postgres.superuser']];
      const client = new pg.Client(reader.href);
      await client.connect();
      try {
        const { rows } = await client.query('select query from pg_stat_statements');
        assert.ok(
          rows.some(({ query }) => query.includes('SCRAM-SHA-256$')),
          'no role was made',
        );
        for (const { query } of rows) assert.deepEqual(named(query), [], query);
      } finally {
        await client.end();
      }
    },
  },
  {
    title: 'S07: keeps no password and no token in a heap once it has answered',
    run: async (copy, { credentials: { username, password } }) => {
      const { portal } = copy.endpoints;
      const authorized = await new Client(portal).post('/api/v1/authorize', { username, password });
      const { token } = authorized.body;
      const bearer = { authorization: `Bearer ${token}` };
      const { status } = await new Client(portal).post('/api/v1/infer', { prompt: 'Hello', spec_ids: [] }, bearer);
      assert.equal(status, 200);
      // What must be there, so that an empty heap cannot pass.
      const texts = { password, token, signature: token.split('.')[2], 'a route': '/health/ready' };
      for (const name of ['identity', 'token', 'inference', 'portal'])
        assert.deepEqual(await heldIn(copy, name, texts), ['a route'], name);
    },
  },
  {
    title: 'starts Kafka, PostgreSQL and a service again that were killed',
    run: async (copy, { run }) => {
      for (const name of ['kafka', 'postgres', 'audit']) {
        process.kill(copy.pidOf(name), 'SIGKILL');
        await run.says(new RegExp(`${name} runs again`));
        assert.notEqual(copy.pidOf(name), undefined);
      }
    },
  },
  { title: 'ends in order when npm alone is asked to', run: (copy, { run }) => stop(copy, run) },
];

/** In this order on one copy, each from a system that is stopped to one that is stopped; the data stays as it is. */
export const CASES = [...STATE, ...PARTS, ...ENDS, ...MACHINE];

/** After whatever has happened to it. */
export const LAST = [
  {
    title: 'starts as if nothing had happened, with the data kept',
    run: async (copy, shared) => {
      const run = copy.start('umask 077; exec npm start');
      await run.ready();
      assert.deepEqual(copy.endpoints.owner, shared.owner);
      assert.equal(await issuer(copy, run, shared.credentials), shared.origin);
      await stop(copy, run);
    },
  },
  {
    title: 'has left nothing outside its folder',
    run: (copy) => {
      assert.deepEqual(readdirSync(copy.above).sort(), [copy.name, 'home', 'tmp'].sort());
      // But for what npm and tools on Node keep for themselves.
      const others = [...readdirSync(copy.temporary), ...readdirSync(copy.home)];
      assert.deepEqual(
        others.filter((name) => !['node-compile-cache', '.npm'].includes(name)),
        [],
      );
      assert.equal(existsSync(copy.file('processes.json')), false);
    },
  },
];
