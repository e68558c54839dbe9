// What it did not make it does not delete; state that is lost or damaged is made anew where nothing depends on it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { callsTopic } from '@rebelcore/contracts/topics';
import { Client } from '@rebelcore/embedded/client';
import { apiLogin, kafkaLogin } from '@rebelcore/embedded/kafka';
import { Secrets } from '@rebelcore/embedded/secrets';
import { createKafka } from '@rebelcore/messaging/kafka-client';
import { KafkaPublisher } from '@rebelcore/messaging/publish/kafka-publisher';
import { until } from '../copy.mjs';
import { issuer, mint, refuses, stop, Ending } from './support.mjs';

/** Opens a data folder at a given moment and keeps it, or says what it was told. */
const TAKE_FOLDER = `"${process.execPath}" --input-type=module -e '
  const { openDataFolder } = await import("@rebelcore/embedded/data-folder");
  while (Date.now() < Number(process.env.AT));
  await openDataFolder(process.env.DATA).then(
    () => setInterval(() => undefined, 1_000),
    (error) => console.log(error.message),
  );
'`;

const clientOf = ({ data, endpoints }, login) =>
  createKafka({ brokers: endpoints.kafka.brokers, clientId: 'starts', sasl: login(new Secrets(data)) });

async function asAdministrator(copy, work) {
  const admin = clientOf(copy, (secrets) => kafkaLogin('admin', secrets)).admin();
  await admin.connect();
  await work(admin).finally(() => admin.disconnect());
}

/** That an API can log in and write to its topic; the broker looks at the rights before the size, so nothing is written. */
async function mayRecord(copy, api) {
  const publisher = new KafkaPublisher(clientOf(copy, (secrets) => apiLogin(api, secrets)));
  const record = { topic: callsTopic(api), key: 'starts', headers: {}, value: 'x'.repeat(2_000_000) };
  await assert.rejects(publisher.publish([record], { timeoutMs: 20_000 }), /larger/).finally(() => publisher.close());
}

export const STATE = [
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
  ...['', '\0'.repeat(400), 'null', '{}', undefined].map((content) => ({
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
  {
    title: 'refuses databases that were made with another password, at once',
    run: async (copy) => {
      const file = copy.file('secrets.json');
      const content = readFileSync(file, 'utf8');
      const secrets = { ...JSON.parse(content), 'postgres.superuser': 'another' };
      writeFileSync(file, JSON.stringify(secrets));
      await refuses(copy, ['were made with another password', 'restore']);
      writeFileSync(file, content);
    },
  },
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
      'starts with damaged lists and a lock whose process number somebody else has, with the same issuer, and ends when all are signalled',
    quick: true,
    run: async (copy, shared) => {
      writeFileSync(copy.file('processes.json'), '\0'.repeat(200));
      writeFileSync(copy.file('kafka/ports.json'), 'null');
      writeFileSync(copy.file('endpoints.json'), '{}');
      writeFileSync(copy.file('mailbox.json'), '');
      const lock = `${process.pid}\n${copy.file('postgres')}\n1\n1\n\n127.0.0.1\n`;
      writeFileSync(copy.file('postgres/postmaster.pid'), lock);
      const run = copy.start('umask 027; exec npm start');
      await run.says(/Apache Kafka ready/);
      assert.equal(existsSync(copy.file('endpoints.json')), false, 'stands although it says nothing of this start');
      await run.ready();
      assert.deepEqual(copy.endpoints.owner, shared.owner);
      assert.equal(await issuer(copy, run, shared.credentials), shared.origin);
      const ending = new Ending(copy);
      run.signalGroup('SIGTERM');
      await ending.inOrder(run, 0);
    },
  },
  {
    title: 'starts with databases that have gone back, says what mends them, and goes on once that is typed',
    quick: true,
    run: async (copy, shared) => {
      const [databases, older] = [copy.file('postgres'), copy.file('older')];
      // As a backup does it: with the account that owns each file.
      execFileSync('cp', ['-a', databases, older]);
      const before = copy.start();
      await before.ready();
      const later = await mint(copy);
      await stop(copy, before);
      rmSync(databases, { recursive: true });
      renameSync(older, databases);

      const run = copy.start();
      await run.ready();
      assert.match(run.output, /something needs mending[^]*"npm run restore -- events" mends it/);
      assert.deepEqual(copy.endpoints.owner, shared.owner);
      const { identity, operator_token, portal: origin } = copy.endpoints;
      const owner = { email: 'late@late.example', first_name: 'Late', last_name: 'Comer', invite: true };
      const operator = { authorization: `Bearer ${operator_token}` };
      const command = async () =>
        (await new Client(identity).post('/api/v1/customers', { name: 'Late', owner }, operator)).status;
      assert.equal(await command(), 503);
      const mending = copy.start('exec npm run restore -- events');
      assert.equal(await mending.ended, 0, mending.output);
      await until(async () => (await command()) === 201, 'identity to take commands again');
      const portal = new Client(origin);
      await until(async () => (await portal.post('/api/v1/authorize', later)).status === 200, 'it to authorize');
      await mint(copy);
      await stop(copy, run);
    },
  },
  {
    title:
      'starts with a topic to which partitions were added, names the command that mends it, and goes on once that is typed',
    run: async (copy, shared) => {
      const before = copy.start();
      await before.ready();
      const topic = 'identity.events.v1';
      await asAdministrator(copy, (kafka) => kafka.createPartitions({ topicPartitions: [{ topic, count: 13 }] }));
      await stop(copy, before);

      const run = copy.start();
      await run.ready();
      assert.match(
        run.output,
        /something needs mending[^]*! identity\.events\.v1 has 13 .*"npm run republish" makes it anew/,
      );
      assert.match(run.output, /! identity: identity\.events\.v1 has 13 .*"npm run republish" fills it/);
      const mending = copy.start('exec npm run republish');
      assert.equal(await mending.ended, 0, mending.output);
      const portal = new Client(copy.endpoints.portal);
      await until(
        async () => (await portal.post('/api/v1/authorize', shared.credentials)).status === 200,
        'the API user to be let in again',
      );
      await mint(copy);
      await stop(copy, run);

      const after = copy.start();
      await after.ready();
      assert.doesNotMatch(after.output, /needs mending/);
      await stop(copy, after);
    },
  },
  {
    title:
      'goes on without the log of Kafka where told that it is lost, fills it from the databases, and knows the APIs that were registered',
    run: async (copy, shared) => {
      const before = copy.start();
      await before.ready();
      const registration = copy.start('exec npm run api -- register billing');
      assert.equal(await registration.ended, 0, registration.output);
      await stop(copy, before);
      writeFileSync(copy.file('kafka/node-1/logs/meta.properties'), '');
      await refuses(copy, ['bears no id', `move ${copy.file('kafka')} away`, 'npm start -- --kafka-lost']);
      renameSync(copy.file('kafka'), copy.file('kept'));
      await refuses(copy, ['is missing', 'npm start -- --kafka-lost']);
      const run = copy.start('exec npm start -- --kafka-lost');
      await run.ready();
      assert.match(run.output, /something needs mending[^]*"npm run republish" fills it/);
      const portal = new Client(copy.endpoints.portal);
      const mending = copy.start('exec npm run republish');
      assert.equal(await mending.ended, 0, mending.output);
      await until(
        async () => (await portal.post('/api/v1/authorize', shared.credentials)).status === 200,
        'the API user to be let in again',
      );
      await mint(copy);
      await mayRecord(copy, 'billing');
      await stop(copy, run);
      rmSync(copy.file('kept'), { recursive: true });
    },
  },
  {
    title: 'gives its folder to one of several launchers that begin at once, and tells the others why not',
    run: async (copy) => {
      for (let round = 1; round <= 10; round += 1) {
        const data = join(copy.temporary, `data-${round}`);
        const at = Date.now() + 1_000;
        const runs = Array.from({ length: 4 }, () => copy.start(`exec ${TAKE_FOLDER}`, { DATA: data, AT: at }));
        await until(() => runs.filter(({ over }) => over).length === 3, 'all but one to be refused');
        const refused = runs.filter(({ over }) => over);
        for (const run of refused) {
          await run.ended;
          assert.match(run.output, /^The system of .* is running already/);
        }
        for (const run of runs) run.signal('SIGKILL');
        await copy.nothingLeft();
        rmSync(data, { recursive: true });
      }
    },
  },
  {
    title: 'heals a start after the launcher was killed',
    run: async (copy, { owner, origin }) => {
      const killed = copy.start();
      await killed.ready();
      process.kill(copy.pidOf('launcher'), 'SIGKILL');
      assert.notEqual(await killed.ended, 0);
      assert.ok(copy.left().length > 0 && existsSync(copy.file('endpoints.json')), 'there is nothing to heal');
      const run = copy.start();
      await run.ready();
      assert.deepEqual([copy.endpoints.owner, copy.endpoints.portal], [owner, origin]);
      await stop(copy, run);
    },
  },
];
