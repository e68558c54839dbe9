// What is started is watched: parts that end, do not start, or find their port taken.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createWebServer } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { openDataFolder } from '@rebelcore/embedded/data-folder';
import { freePort } from '@rebelcore/embedded/processes';
import { startPostgres } from '@rebelcore/embedded/postgres';
import { Ending, refuses, stop } from './support.mjs';

/** Somebody else who listens on a port of this machine. */
async function listener(port, server = createServer()) {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Binds the port of a part after it was chosen and before the part does; `meanwhile` happens in between. */
async function takePort(copy, name, portOf, server, meanwhile = () => undefined) {
  const pid = await copy.appears(name);
  process.kill(pid, 'SIGSTOP');
  await meanwhile();
  await listener(portOf(pid), server);
  process.kill(pid, 'SIGCONT');
  return server;
}

const portInEnvironment = (pid) => Number(/\0PORT=(\d+)\0/.exec(readFileSync(`/proc/${pid}/environ`, 'utf8'))[1]);

/** What PostgreSQL answers whoever connects, where it wants the password as it is. */
const PASSWORD_PLEASE = Buffer.from('R\0\0\0\x08\0\0\0\x03');

export const PARTS = [
  {
    title: 'goes on with other ports where they were taken at the last moment, and says what it waits for',
    run: async (copy, shared) => {
      const run = copy.start();
      const told = [];
      // Answers as a service does that is ready.
      const impostor = createWebServer((request, response) => {
        if (request.headers.authorization !== undefined) told.push(request.url);
        response.end('{}');
      });
      const kafkaPort = () => JSON.parse(readFileSync(copy.file('kafka/ports.json'), 'utf8'))[1].client;
      const servers = [
        await takePort(copy, 'kafka', kafkaPort, createServer(), () =>
          run.says(/Waiting for Apache Kafka, .* so far; logs are in/),
        ),
        await takePort(copy, 'identity', portInEnvironment, impostor),
      ];
      const taken = servers.map((server) => server.address().port);
      await run.ready();
      const { kafka, identity, portal } = copy.endpoints;
      assert.deepEqual(told, [], 'was told the operator token');
      assert.deepEqual(
        taken.filter((port) => [...kafka.brokers, identity].some((address) => address.endsWith(`:${port}`))),
        [],
      );
      assert.equal(portal, shared.origin, 'the portal moved although its port was free');
      await stop(copy, run);
      for (const server of servers) server.close();
      impostor.closeAllConnections();
    },
  },
  {
    title: 'goes on with another port for PostgreSQL where its own was taken at the last moment',
    run: async (copy) => {
      const told = [];
      const impostor = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => {
          socket.write(PASSWORD_PLEASE);
          socket.on('data', (message) => told.push(String(message)));
        });
      });
      const server = await listener(await freePort(), impostor);
      const folder = await openDataFolder(copy.data);
      const postgres = await startPostgres(folder, server.address().port);
      assert.notEqual(postgres.port, server.address().port);
      assert.deepEqual(told, [], 'was told the password');
      await postgres.stop();
      folder.registry.close();
      server.close();
      await copy.nothingLeft();
    },
  },
  {
    title: 'gives up a part that ends again and again, names it and its log, and ends the rest in order',
    run: async (copy) => {
      const run = copy.start();
      await run.ready();
      const ending = new Ending(copy);
      for (let times = 1; times <= 5; times += 1) {
        process.kill(copy.pidOf('inference'), 'SIGKILL');
        if (times < 5) await run.says(/inference runs again/, times);
      }
      await ending.inOrder(run, 1);
      assert.match(
        run.output,
        /\ninference ended unexpectedly \(SIGKILL\) after 4 new starts .* everything is being stopped/,
      );
      assert.ok(run.output.includes(copy.logFile('inference')), run.output);
    },
  },
  {
    title: 'gives up a part that cannot be started again',
    run: async (copy) => {
      const run = copy.start();
      await run.ready();
      const ending = new Ending(copy);
      const stray = copy.file('kafka/node-1/logs/stray');
      mkdirSync(stray);
      process.kill(copy.pidOf('kafka'), 'SIGKILL');
      await ending.inOrder(run, 1);
      assert.deepEqual(
        run.output.match(/kafka .*it is started again \(. of 4\)/g).map((line) => line.at(-7)),
        [...'1234'],
      );
      assert.match(
        run.output,
        /\nkafka could not be started: Kafka ended while starting.* everything is being stopped/,
      );
      assert.ok(run.output.includes(copy.logFile('kafka-1')), run.output);
      rmSync(stray, { recursive: true });
    },
  },
  {
    title: 'ends what it has started where PostgreSQL does not start',
    quick: true,
    run: async (copy) => {
      const file = copy.file('postgres/postgresql.conf');
      const { size } = statSync(file);
      appendFileSync(file, '\nno_such_setting = on\n');
      await refuses(copy, ['PostgreSQL ended while starting', copy.logFile('postgres'), 'no_such_setting']);
      truncateSync(file, size);
    },
  },
  {
    title: 'ends what it has started where Kafka does not start',
    run: async (copy) => {
      const stray = copy.file('kafka/node-1/logs/stray');
      mkdirSync(stray);
      await refuses(copy, ['Kafka ended while starting', copy.logFile('kafka-1'), 'stray']);
      rmSync(stray, { recursive: true });
    },
  },
  {
    title: 'ends what it has started where a service does not start',
    run: async (copy) => {
      const file = join(copy.root, 'apps/inference/dist/main.js');
      renameSync(file, `${file}.kept`);
      writeFileSync(file, 'console.error("no such thing"); process.exit(3);\n');
      await refuses(copy, ['The inference service ended while starting', copy.logFile('inference'), 'no such thing']);
      renameSync(`${file}.kept`, file);
    },
  },
];
