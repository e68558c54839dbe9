import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { ENDS } from './cases/ends.mjs';
import { MACHINE } from './cases/machine.mjs';
import { PARTS } from './cases/parts.mjs';
import { STATE } from './cases/state.mjs';
import { HOSTILE, issuer, mint, stop } from './cases/support.mjs';

/** Makes the data that the others find and leave. */
export const FIRST = [
  {
    title: 'starts under a hostile shell, in a folder with an awkward name, and names its issuer',
    run: async (copy, shared) => {
      shared.run = copy.start('umask 077; exec npm start', HOSTILE);
      await shared.run.ready();
      shared.owner = copy.endpoints.owner;
      shared.origin = copy.endpoints.portal;
      shared.credentials = await mint(copy);
      assert.equal(await issuer(copy, shared.run, shared.credentials), shared.origin);
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
      const run = copy.start();
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
