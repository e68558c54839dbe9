// `npm run soak`: what the whole system uses while nobody calls it, and its memory over ten minutes at half load.
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { apiUser, authorizeRequests, seedAuthorization } from './lib/api-users.mjs';
import { startChild } from './lib/child.mjs';
import { options } from './lib/options.mjs';
import { residentMegabytes, treeCpuSeconds } from './lib/processes.mjs';
import { report } from './lib/report.mjs';
import { median } from './lib/statistics.mjs';
import { startProduct, withClient } from './lib/system.mjs';

const given = options({
  'settle-seconds': 90,
  'idle-seconds': 60,
  seconds: 600,
  'sample-seconds': 5,
  connections: 64,
  users: 1_000,
  customers: 20,
  'idle-only': false,
});

const product = await startProduct();
const load = await startChild('lib/load.mjs', {});
const token = product.service('token');

// Kafka's virtual machine compiles for many minutes what it runs a few times a second, and is done with it under load.
const rows = [...(await cpuOf('after its start', given['idle-only'])), ...memoryAtRest()];
if (!given['idle-only']) rows.push(...(await underLoad()), ...(await cpuOf('after the load', true)));
await report('soak', rows, { 'idle seconds': given['idle-seconds'], 'seconds of load': given.seconds });
await load.stop();
await product.stop();
process.exit(0);

/** CPU as a share of one core, of a system that is up and not called. */
async function cpuOf(when, isAtRest) {
  await delay(given['settle-seconds'] * 1000);
  const processes = product.processes();
  const used = () =>
    Object.fromEntries(
      Object.entries(processes).map(([name, pids]) => [name, pids.reduce((sum, pid) => sum + treeCpuSeconds(pid), 0)]),
    );
  const [before, began] = [used(), performance.now()];
  await delay(given['idle-seconds'] * 1000);
  const [after, seconds] = [used(), (performance.now() - began) / 1000];
  const percent = (names) => (names.reduce((sum, name) => sum + after[name] - before[name], 0) / seconds) * 100;
  const names = Object.keys(processes);
  const all = { what: `not called, ${when}: CPU of everything, of one core`, value: percent(names), unit: '%' };
  return [
    { ...all, ...(isAtRest && { atMost: 10 }) },
    ...names.map((name) => ({ what: `not called, ${when}: CPU of ${name}`, value: percent([name]), unit: '%' })),
  ];
}

function memoryAtRest() {
  return product.services.map(({ name, process: { pid } }) => ({
    what: `not called, after its start: memory of ${name}`,
    value: residentMegabytes(pid),
    unit: 'MB',
    atMost: 150,
  }));
}

/** Memory of each service at half of what it can do: flat when the last third needs no more than the one before. */
async function underLoad() {
  const users = Array.from({ length: given.users }, (_, n) => apiUser(n, given.customers));
  await withClient(product.databaseUrl('token', 'owner'), (client) =>
    seedAuthorization(client, 'authorization_v1', given.users, given.customers, product.peppers),
  );
  const requests = authorizeRequests(users);
  const { perSecond } = await load.ask({ url: token.url, requests, connections: given.connections, seconds: 10 });
  const samples = Object.fromEntries(product.services.map(({ name }) => [name, []]));
  const sample = () => {
    for (const { name, process } of product.services) samples[name].push(residentMegabytes(process.pid));
  };
  const sampling = setInterval(sample, given['sample-seconds'] * 1000);
  const result = await load.ask({ url: token.url, requests, rate: perSecond / 2, seconds: given.seconds });
  clearInterval(sampling);
  const thirds = (list) => {
    const third = Math.floor(list.length / 3);
    return [list.slice(third, 2 * third), list.slice(2 * third)].map(median);
  };
  return [
    { what: 'half load: calls of /authorize', value: result.perSecond, unit: 'calls/s' },
    { what: 'half load: calls not answered with success', value: result.failed, atMost: 0 },
    { what: 'half load: p99', value: result.p99, unit: 'ms' },
    ...Object.entries(samples).flatMap(([name, list]) => {
      const [middle, last] = thirds(list);
      return [
        { what: `half load: memory of ${name} in the last third`, value: last, unit: 'MB' },
        { what: `half load: memory of ${name}, last third / the one before`, value: last / middle, atMost: 1.1 },
      ];
    }),
  ];
}
