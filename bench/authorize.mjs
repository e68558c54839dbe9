// `/authorize` of one token service process, everything on, against two floors and oidc-provider, in interleaved rounds.
import { setTimeout as delay } from 'node:timers/promises';
import { URLSearchParams } from 'node:url';
import { apiUser, authorizeRequests, seedAuthorization } from './lib/api-users.mjs';
import { startChild } from './lib/child.mjs';
import { cpuSeconds } from './lib/processes.mjs';
import { options } from './lib/options.mjs';
import { profiled } from './lib/profile.mjs';
import { report } from './lib/report.mjs';
import { interleaved, ratio } from './lib/rounds.mjs';
import { spread } from './lib/statistics.mjs';
import { statementsPerCall } from './lib/statements.mjs';
import { startProduct, withClient } from './lib/system.mjs';

const given = options({
  rounds: 5,
  seconds: 5,
  connections: 64,
  users: 1_000,
  customers: 20,
  million: 1_000_000,
  'open-seconds': 30,
  profile: '',
  'profile-of': 'token',
  'ratios-only': false,
});
const { rounds, seconds, connections, users: userCount, customers } = given;

const product = await startProduct({ replicas: { token: 2 } });
const [token, second] = product.services.filter(({ name }) => name.startsWith('token'));
const portal = product.service('portal');
const audit = product.service('audit');
const users = Array.from({ length: userCount }, (_, n) => apiUser(n, customers));
await withClient(product.databaseUrl('token', 'owner'), (client) =>
  seedAuthorization(client, 'authorization_v1', userCount, customers, product.peppers),
);
// Its records go to a topic of its own, so that the audit service never sees them.
const admin = product.kafka().admin();
await admin.connect();
await admin.createTopics({ topics: [{ topic: 'bench.calls', numPartitions: 12, replicationFactor: 1 }] });
await admin.disconnect();

const load = await startChild('lib/load.mjs', {});
const otherLoad = await startChild('lib/load.mjs', {});
const settings = { databaseUrl: product.databaseUrl('token'), pepper: product.peppers.keys.get('v1').export() };
const recorded = { brokers: product.brokers, login: product.adminLogin, topic: 'bench.calls' };
const floor = await startChild('servers/floor-authorize.mjs', settings);
const recordedFloor = await startChild('servers/floor-authorize.mjs', { ...settings, recorded });
const secondFloor = await startChild('servers/floor-authorize.mjs', { ...settings, recorded });
const oidc = await startChild('servers/oidc-provider.mjs', { clients: users });

const urlOf = (child) => `http://127.0.0.1:${child.port}`;
const requests = authorizeRequests(users);
const oauthRequests = users.map(({ username, password }) => ({
  method: 'POST',
  path: '/oauth2/token',
  headers: {
    authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
    'content-type': 'application/x-www-form-urlencoded',
  },
  body: 'grant_type=client_credentials',
}));
const oidcRequests = users.map(({ username, password }) => ({
  method: 'POST',
  path: '/token',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: username,
    client_secret: password,
    scope: 'can_use_agent',
  }).toString(),
}));

const latencies = [];
/** Microseconds of the server's CPU per call: hardly touched by whatever else the machine does. */
const cpu = {};
async function closed(url, what, { length = seconds, pid, name } = {}) {
  const before = cpuSeconds(pid);
  const result = await load.ask({ url, requests: what, connections, seconds: length });
  if (result.failed > 0) throw new Error(`${url}: ${result.failed} calls failed: ${JSON.stringify(result.statuses)}`);
  if (name !== undefined) (cpu[name] ??= []).push(((cpuSeconds(pid) - before) * 1e6) / result.total);
  if (name === 'ours') latencies.push(result.p50);
  return result.perSecond;
}
/** Both processes at once, each with its half of the connections. */
async function two([one, other], { length = seconds, name } = {}) {
  const used = () => cpuSeconds(one.pid) + cpuSeconds(other.pid);
  const before = used();
  const job = { requests, connections: connections / 2, seconds: length };
  const results = await Promise.all([load.ask({ ...job, url: one.url }), otherLoad.ask({ ...job, url: other.url })]);
  if (results.some(({ failed }) => failed > 0)) throw new Error(`calls failed: ${JSON.stringify(results)}`);
  const total = results.reduce((sum, each) => sum + each.total, 0);
  if (name !== undefined) (cpu[name] ??= []).push(((used() - before) * 1e6) / total);
  return results.reduce((sum, { perSecond }) => sum + perSecond, 0);
}
const variants = Object.fromEntries(
  [
    ['ours', token.url, requests, token.process.pid],
    ['/oauth2/token', token.url, oauthRequests, token.process.pid],
    ['through the gateway', portal.url, requests, portal.process.pid],
    ['floor', urlOf(floor), requests, floor.pid],
    ['recorded floor', urlOf(recordedFloor), requests, recordedFloor.pid],
    ['oidc-provider', urlOf(oidc), oidcRequests, oidc.pid],
  ].map(([name, url, what, pid]) => [name, (more) => closed(url, what, { name, pid, ...more })]),
);
const ofProcess = ({ url, process }) => ({ url, pid: process.pid });
const ofChild = (child) => ({ url: urlOf(child), pid: child.pid });
const pairs = {
  'two processes': [token, second].map(ofProcess),
  'two recorded floors': [recordedFloor, secondFloor].map(ofChild),
};
for (const [name, pair] of Object.entries(pairs)) variants[name] = (more) => two(pair, { name, ...more });

// The log is written by another service, on machines of its own; here it would run in everybody's rounds.
audit.kill('SIGSTOP');
console.log('Warming up');
for (const variant of Object.values(variants)) await variant({ length: 4, name: undefined });
if (given.profile !== '') {
  const { process, url } = product.service(given['profile-of']);
  await profiled(process, given.profile, () => closed(url, requests, { length: 10, pid: process.pid }));
}

console.log('Calls per second');
const measured = await interleaved(variants, rounds);
const rows = [
  { what: '`/authorize`, everything on', spread: spread(measured.ours), unit: 'calls/s' },
  { what: 'bare node:http, a lookup per call, unrecorded', spread: spread(measured.floor), unit: 'calls/s' },
  { what: 'bare node:http, joined lookups, recorded', spread: spread(measured['recorded floor']), unit: 'calls/s' },
  { what: 'oidc-provider 9 in memory', spread: spread(measured['oidc-provider']), unit: 'calls/s' },
  { what: 'through the gateway', spread: spread(measured['through the gateway']), unit: 'calls/s' },
  {
    what: 'through the gateway / ours',
    spread: ratio(measured['through the gateway'], measured.ours),
    atLeast: 0.6,
  },
  { what: 'ours / bare floor', spread: ratio(measured.ours, measured.floor), atLeast: 0.8 },
  { what: 'ours / recorded floor', spread: ratio(measured.ours, measured['recorded floor']), atLeast: 0.95 },
  {
    what: 'CPU per call, `/oauth2/token` / `/authorize`',
    spread: ratio(cpu['/oauth2/token'], cpu.ours),
    atMost: 1.1,
  },
  { what: 'CPU per call, two processes / one', spread: ratio(cpu['two processes'], cpu.ours), atMost: 1.05 },
  // What the machine makes of two busy processes, whatever they do.
  {
    what: 'CPU per call, two recorded floors / one',
    spread: ratio(cpu['two recorded floors'], cpu['recorded floor']),
  },
  { what: 'ours / oidc-provider', spread: ratio(measured.ours, measured['oidc-provider']), atLeast: 1 },
  ...Object.entries(cpu).map(([name, us]) => ({
    what: `CPU of the server per call, ${name}`,
    spread: spread(us),
    unit: 'µs',
  })),
  { what: `p50 at ${connections} connections`, spread: spread(latencies), unit: 'ms' },
];
for (const child of [floor, oidc, secondFloor]) await child.stop();

if (!given['ratios-only']) {
  const capacity = rows[0].spread.median;
  rows.push(...(await statements()), ...(await openLoop(capacity)));
  await recordedFloor.stop();
  rows.push(...(await millionUsers()));
}
await report('authorize', rows, { connections, 'API users': userCount, customers, rounds, 'seconds each': seconds });
await Promise.all([load.stop(), otherLoad.stop()]);
await product.stop();
process.exit(0);

async function statements() {
  const { reads, writes, readsPerCall, writesPerCall } = await statementsPerCall(
    product.superuserUrl('token'),
    'token',
    seconds,
    () => load.ask({ url: token.url, requests, connections, seconds }),
  );
  console.log(`Statements: ${JSON.stringify({ reads, writes })}`);
  return [
    { what: 'reads of Postgres per call', value: readsPerCall, atMost: 1 },
    { what: 'writes to Postgres per call', value: writesPerCall, atMost: 0 },
  ];
}

/** Ours, and right after it the recorded floor at the same rate: what this machine's brokers and cores leave of it. */
async function openLoop(capacity) {
  await delay(1_000);
  const atHalf = async (url) => {
    const job = { url, requests, rate: capacity / 2, seconds: given['open-seconds'] };
    await load.ask({ ...job, seconds: 15 });
    return load.ask(job);
  };
  const ours = await atHalf(token.url);
  const least = await atHalf(urlOf(recordedFloor));
  return [
    { what: 'open loop at half of its capacity', value: ours.perSecond, unit: 'calls/s' },
    { what: 'open loop, p50', value: ours.p50, unit: 'ms' },
    { what: 'open loop, p99', value: ours.p99, unit: 'ms' },
    { what: 'open loop, p99 / p99 of the recorded floor', value: ours.p99 / least.p99, atMost: 1.5 },
    { what: 'open loop, p99.9', value: ours.p999, unit: 'ms' },
    { what: 'open loop, longest', value: ours.max, unit: 'ms' },
    { what: 'open loop, calls not answered with success', value: ours.failed, atMost: 0 },
    { what: 'recorded floor at the same rate, p50', value: least.p50, unit: 'ms' },
    { what: 'recorded floor at the same rate, p99', value: least.p99, unit: 'ms' },
  ];
}

/** Two tables of the same shape that take the view's name in turn: all else stays the same. */
async function millionUsers() {
  const count = given.million;
  console.log(`Seeding ${count} API users`);
  return withClient(product.databaseUrl('token', 'owner'), async (client) => {
    await client.query(`
      create table authorization_many (like authorization_v1 including all) with (fillfactor = 85);
      grant select, insert, update on authorization_many to token`);
    await seedAuthorization(client, 'authorization_many', count, customers, product.peppers);
    const callers = Array.from({ length: 32_000 }, (_, n) => apiUser(Math.floor((n * count) / 32_000), customers));
    const manyRequests = authorizeRequests(callers);
    // As many, so that the load generator has the same to do.
    const fewRequests = manyRequests.map((_, n) => requests[n % requests.length]);
    let many = false;
    const take = async (wanted) => {
      if (wanted === many) return;
      const [away, back] = wanted ? ['few', 'many'] : ['many', 'few'];
      await client.query(`begin; alter table authorization_v1 rename to authorization_${away};
                          alter table authorization_${back} rename to authorization_v1; commit`);
      many = wanted;
    };
    const swapped = await interleaved(
      {
        few: async () => {
          await take(false);
          return closed(token.url, fewRequests);
        },
        many: async () => {
          await take(true);
          return closed(token.url, manyRequests);
        },
      },
      rounds,
    );
    return [
      {
        what: `time with ${count} API users / with ${userCount}`,
        spread: ratio(swapped.few, swapped.many),
        atMost: 1.1,
      },
    ];
  });
}
