// Token's authorization view rebuilt from its topics while the old one serves, against reading the same topics alone.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { encodeEvent } from '@rebelcore/contracts/cloud-event';
import { credentialEvents } from '@rebelcore/contracts/credential-events';
import { identityEvents } from '@rebelcore/contracts/identity-events';
import { SYSTEM_ROLES } from '@rebelcore/contracts/roles';
import { KafkaPublisher } from '@rebelcore/messaging/publish/kafka-publisher';
import { makeVerifier } from '@rebelcore/credentials/verifier';
import { apiUser, authorizeRequests } from './lib/api-users.mjs';
import { startChild } from './lib/child.mjs';
import { options } from './lib/options.mjs';
import { residentMegabytes } from './lib/processes.mjs';
import { summary } from './lib/profile.mjs';
import { report } from './lib/report.mjs';
import { interleaved, ratio } from './lib/rounds.mjs';
import { spread } from './lib/statistics.mjs';
import { caughtUp, startProduct, withClient } from './lib/system.mjs';

// Every so many-th API user is deactivated; `rate` is calls of `/authorize` per second, all the time.
const given = options({ rounds: 2, users: 1_000_000, customers: 1_000, deactivated: 20, rate: 50, profile: '' });
const { rounds, users, customers } = given;

const product = await startProduct();
const token = product.service('token');
// What others make of these events would be another machine's work.
for (const name of ['audit', 'inference']) product.service(name).kill('SIGSTOP');
const records = await publishUsers();
console.log('Waiting for the view to be filled, as it is in daily work');
await caughtUp(token.url);
await outboxEmpty();
await caughtUp(product.service('identity').url);

const load = await startChild('lib/load.mjs', {});
const env = {
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  NODE_ENV: 'production',
  TOKEN_MIGRATIONS_DATABASE_URL: product.databaseUrl('token', 'owner'),
  KAFKA_BROKERS: product.brokers.join(','),
};
const secrets = JSON.parse(readFileSync(join(product.dataDir, 'secrets.json'), 'utf8'));
Object.assign(env, { KAFKA_USERNAME: 'token', KAFKA_PASSWORD: secrets['kafka.token'] });
const REBUILD = fileURLToPath(new URL('../apps/token/dist/rebuild.js', import.meta.url));
const CONSUME = fileURLToPath(new URL('lib/consume.mjs', import.meta.url));
await product.ready('token');

const seen = { failed: 0, p99: { rebuild: [], consuming: [] }, longest: 0, held: [], memory: [], rows: 0, other: 0 };
const variants = { rebuild: () => served('rebuild', rebuilt), consuming: () => served('consuming', consumed) };
// The topics come from the page cache from then on.
console.log('Warming up');
await consumed();
if (given.profile !== '') await profiled(given.profile);
console.log('Records per second');
const measured = await interleaved(variants, rounds);

await report(
  'rebuild',
  [
    { what: 'rebuild of the authorization view', spread: spread(measured.rebuild), unit: 'records/s' },
    { what: 'consuming the same topics alone', spread: spread(measured.consuming), unit: 'records/s' },
    { what: 'rebuild / consuming', spread: ratio(measured.rebuild, measured.consuming), atLeast: 0.6 },
    { what: 'seconds of a rebuild', value: records / spread(measured.rebuild).median, unit: 's' },
    { what: 'rows', value: seen.rows },
    { what: 'rebuilds whose content hash differed', value: seen.other, atMost: 0 },
    { what: 'consumers waited', spread: spread(seen.held), unit: 'ms' },
    { what: 'most memory of the rebuild', spread: spread(seen.memory), unit: 'MB' },
    { what: '`/authorize` meanwhile, p99 of 2 s', spread: spread(seen.p99.rebuild), unit: 'ms' },
    {
      what: '`/authorize` while the topics are only consumed, p99 of 2 s',
      spread: spread(seen.p99.consuming),
      unit: 'ms',
    },
    { what: '`/authorize` meanwhile, longest', value: seen.longest, unit: 'ms' },
    { what: '`/authorize` meanwhile, not answered with success', value: seen.failed, atMost: 0 },
  ],
  { 'API users': users, customers, records, rounds, 'calls per second': given.rate },
);
await load.stop();
await product.stop();
process.exit(0);

/** Publishes what identity would have, every customer's events in a gap-free sequence. */
async function publishUsers() {
  console.log(`Publishing ${users} API users`);
  const publisher = new KafkaPublisher(product.kafka());
  const role = SYSTEM_ROLES.find(({ name }) => name === 'RebelCore_AgentUser');
  const sequences = new Map();
  const eventOf = (catalogue, name, user, sequence, data) => ({
    id: `${user.id}-${name}`,
    source: '/identity',
    type: catalogue.wireType(name),
    time: new Date().toISOString(),
    subject: user.id,
    sequence,
    correlationId: `api:${user.id}`,
    data: { apiUserId: user.id, ...data },
  });
  const fact = (user, name, more) => {
    const sequence = (sequences.get(user.customerId) ?? 0) + 1;
    sequences.set(user.customerId, sequence);
    const data = { customerId: user.customerId, actor: { kind: 'operator' }, ...more };
    const event = eventOf(identityEvents, name, user, sequence, data);
    return { topic: 'identity.events.v1', ...encodeEvent(event, user.customerId) };
  };
  const credential = (user) => {
    const { customerId, username } = user;
    const data = { customerId, username, ...makeVerifier(product.peppers, username, user.password) };
    const event = eventOf(credentialEvents, 'ApiUserCredentialIssued', user, 1, data);
    return { topic: 'identity.credentials.v1', ...encodeEvent(event, user.id) };
  };
  let published = 0;
  for (let from = 0; from < users; from += 2_000) {
    const chunk = Array.from({ length: Math.min(2_000, users - from) }, (_, index) => apiUser(from + index, customers));
    const batch = chunk.flatMap((user, index) => [
      fact(user, 'ApiUserCreated', { username: user.username, role: { id: role.id, name: role.name } }),
      credential(user),
      ...((from + index) % given.deactivated === 1 ? [fact(user, 'ApiUserDeactivated', {})] : []),
    ]);
    await publisher.publish(batch);
    published += batch.length;
  }
  await publisher.close();
  return published;
}

/** The acknowledgements of all of them are on their way for a while. */
async function outboxEmpty() {
  await withClient(product.superuserUrl('token'), async (client) => {
    while ((await client.query('select from outbox limit 1')).rowCount > 0) await delay(500);
  });
}

/** Records per second of a program from its start to its end, while `/authorize` is called. */
async function served(name, program) {
  const callers = Array.from({ length: 2_000 }, (_, n) => Math.floor((n * users) / 2_000));
  const active = callers.filter((n) => n % given.deactivated !== 1).map((n) => apiUser(n, customers));
  const requests = authorizeRequests(active);
  let running = true;
  const calling = (async () => {
    for (let seed = 1; running; seed += 1) {
      const { failed, p99, max } = await load.ask({ url: token.url, requests, rate: given.rate, seconds: 2, seed });
      seen.failed += failed;
      seen.p99[name].push(p99);
      if (name === 'rebuild') seen.longest = Math.max(seen.longest, max);
    }
  })();
  const started = performance.now();
  await program();
  const seconds = (performance.now() - started) / 1_000;
  running = false;
  await calling;
  return records / seconds;
}

async function rebuilt(execArgv = []) {
  const text = await run(REBUILD, execArgv);
  const [old, anew] = ['old', 'new'].map((which) =>
    new RegExp(`${which} view +([\\d ]+) rows, .* (\\w+)$`, 'm').exec(text),
  );
  if (old[2] !== anew[2]) seen.other += 1;
  seen.rows = Number(anew[1].replaceAll(' ', ''));
  seen.held.push(Number(/waited ([\d ]+) ms/.exec(text)[1].replaceAll(' ', '')));
  if (seen.rows < users) throw new Error(`the view has ${seen.rows} rows`);
}

function consumed() {
  return run(CONSUME);
}

async function run(file, execArgv = []) {
  const child = spawn(process.execPath, [...execArgv, file], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let [text, memory] = ['', 0];
  child.stdout.on('data', (chunk) => (text += chunk));
  const watch = setInterval(() => {
    if (child.exitCode === null) memory = Math.max(memory, residentMegabytes(child.pid) || 0);
  }, 200);
  const [code] = await once(child, 'close');
  clearInterval(watch);
  if (code !== 0) throw new Error(`${file} ended with ${code}\n${text}`);
  if (file === REBUILD) seen.memory.push(memory);
  return text;
}

async function profiled(file) {
  await rebuilt(['--cpu-prof', `--cpu-prof-dir=${dirname(file)}`, `--cpu-prof-name=${basename(file)}`]);
  console.log(summary(JSON.parse(readFileSync(file, 'utf8'))));
}
