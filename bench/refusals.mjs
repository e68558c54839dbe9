// Whether the time that `/authorize` takes to refuse tells why: unknown, wrong, inactive, and somebody who signs in to the portal
// (S05). One call after the other, each time in another order; every call from another source, so that none is throttled.
import { Agent, request } from 'node:http';
import { performance } from 'node:perf_hooks';
import { newApiUserPassword } from '@rebelcore/credentials/api-user-password';
import { seededRandom } from '@rebelcore/testing/seeded-random';
import { apiUser, seedAuthorization } from './lib/api-users.mjs';
import { options } from './lib/options.mjs';
import { report } from './lib/report.mjs';
import { figure, ratio } from './lib/rounds.mjs';
import { median, spread } from './lib/statistics.mjs';
import { startProduct, withClient } from './lib/system.mjs';

const given = options({ rounds: 10, samples: 300, users: 1_000, seed: 1 });
const product = await startProduct({ env: { TRUSTED_PROXIES: '127.0.0.1' } });
const { hostname, port } = new URL(product.service('token').url);
const users = Array.from({ length: given.users }, (_, n) => apiUser(n, 20));
const [active, inactive] = [users.slice(0, given.users / 2), users.slice(given.users / 2)];
await withClient(product.databaseUrl('token', 'owner'), async (client) => {
  await seedAuthorization(client, 'authorization_v1', given.users, 20, product.peppers);
  const ids = inactive.map(({ id }) => id);
  await client.query(`update authorization_v1 set status = 'inactive' where api_user_id = any($1)`, [ids]);
  await client.query('vacuum analyze authorization_v1');
});

const { next } = seededRandom(given.seed);
const one = (list) => list[Math.floor(next() * list.length)];
const strangers = Array.from({ length: given.users }, (_, n) => apiUser(given.users + n, 20));
const { email, password } = product.endpoints.owner;
const KINDS = {
  unknown: () => one(strangers),
  wrong: () => ({ username: one(active).username, password: newApiUserPassword() }),
  inactive: () => one(inactive),
  'portal user': () => ({ username: email, password }),
};

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let sources = 0;
/** Milliseconds from the first byte sent to the last byte read. */
const refuse = (credentials) =>
  new Promise((resolve, reject) => {
    const body = JSON.stringify({ username: credentials.username, password: credentials.password });
    sources += 1;
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'x-forwarded-for': `10.${sources >> 16}.${(sources >> 8) & 255}.${sources & 255}`,
    };
    const since = performance.now();
    const path = '/api/v1/authorize';
    const sent = request({ hostname, port, path, method: 'POST', agent, headers }, (answer) => {
      answer.resume().on('end', () => {
        if (answer.statusCode === 401) resolve(performance.now() - since);
        else reject(new Error(`answered ${answer.statusCode}`));
      });
    });
    sent.on('error', reject).end(body);
  });

const names = Object.keys(KINDS);
const medians = Object.fromEntries(names.map((name) => [name, []]));
for (let round = -1; round < given.rounds; round += 1) {
  const times = Object.fromEntries(names.map((name) => [name, []]));
  for (let n = 0; n < given.samples; n += 1) {
    const order = names.map((name) => [next(), name]).sort(([a], [b]) => a - b);
    for (const [, name] of order) times[name].push(await refuse(KINDS[name]()));
  }
  // The first one warms up.
  if (round < 0) continue;
  for (const name of names) medians[name].push(median(times[name]));
  console.log(`  round ${round + 1}: ${names.map((name) => `${name} ${figure(medians[name].at(-1))}`).join(' · ')}`);
}
const [first, ...others] = names;
/** Percent between two medians of one round, in the middle of all rounds. */
const apart = (name) => Math.abs(ratio(medians[name], medians[first]).median - 1) * 100;
await report(
  'refusals',
  [
    ...names.map((name) => ({ what: `${name}, median`, spread: spread(medians[name]), unit: 'ms' })),
    ...others.map((name) => ({ what: `${name} / ${first}`, spread: ratio(medians[name], medians[first]) })),
    { what: 'the furthest of these from 1', value: Math.max(...others.map(apart)), unit: '%', atMost: 5 },
  ],
  { rounds: given.rounds, 'calls of each kind and round': given.samples, 'API users': given.users },
);
await product.stop();
process.exit(0);
