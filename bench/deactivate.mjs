// From a deactivation to its confirmation, under half load on `/authorize`, and whether anything succeeds afterwards.
import { performance } from 'node:perf_hooks';
import { apiUser, authorizeRequests, seedAuthorization } from './lib/api-users.mjs';
import { startChild } from './lib/child.mjs';
import { options } from './lib/options.mjs';
import { Owner } from './lib/portal.mjs';
import { report } from './lib/report.mjs';
import { percentile } from './lib/statistics.mjs';
import { caughtUp, startProduct, withClient } from './lib/system.mjs';

const given = options({ trials: 1_000, 'api-users': 25, replicas: 1, 'calls-after': 4, load: 0.5, seconds: 5 });

const product = await startProduct({ replicas: { token: given.replicas } });
const token = product.service('token');
const users = Array.from({ length: 1_000 }, (_, n) => apiUser(n, 20));
await withClient(product.databaseUrl('token', 'owner'), (client) =>
  seedAuthorization(client, 'authorization_v1', users.length, 20, product.peppers),
);
const owner = new Owner(product.endpoints);
await owner.signIn();
const targets = await Promise.all(Array.from({ length: given['api-users'] }, () => owner.mint()));

const requests = authorizeRequests(users);
const load = await startChild('lib/load.mjs', {});
let capacity = 0;
// With everything running that will run later: the log is written meanwhile.
for (const seconds of [4, given.seconds])
  ({ perSecond: capacity } = await load.ask({ url: token.url, requests, connections: 64, seconds }));
const rate = capacity * given.load;
await caughtUp(product.service('audit').url);

async function authorize({ username, password }) {
  const sentAt = performance.now();
  const response = await fetch(`${token.url}/api/v1/authorize`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password }),
  });
  await response.arrayBuffer();
  return { status: response.status, sentAt };
}

const confirmations = [];
const [refusals, seen] = [[], { succeeded: 0, unconfirmed: 0, refused: 0, other: 0 }];

/** One trial: calls go on all the time; those sent after the confirmation must all be refused. */
async function trial(target) {
  let confirmedAt = Infinity;
  let calls = 0;
  let firstRefusal;
  const startedAt = performance.now();
  const calling = (async () => {
    while (calls < given['calls-after']) {
      const { status, sentAt } = await authorize(target);
      if (status === 401 || status === 429) firstRefusal ??= performance.now() - startedAt;
      if (sentAt <= confirmedAt) continue;
      calls += 1;
      if (status === 200) seen.succeeded += 1;
      else if (status === 401 || status === 429) seen.refused += 1;
      else seen.other += 1;
    }
  })();
  const status = await owner.change(target.id, 'deactivate');
  if (status === 200) {
    confirmedAt = performance.now();
    confirmations.push(confirmedAt - startedAt);
  } else {
    seen.unconfirmed += 1;
    calls = Infinity;
  }
  await calling;
  if (firstRefusal !== undefined) refusals.push(firstRefusal);
  await owner.change(target.id, 'reactivate');
}

console.log(`Load: ${Math.round(rate)} of ${Math.round(capacity)} calls per second`);
let done = false;
const loads = [];
const loading = (async () => {
  while (!done) loads.push(await load.ask({ url: token.url, requests, rate, seconds: 5, seed: loads.length + 1 }));
})();
for (let n = 0; n < given.trials; n += 1) await trial(targets[n % targets.length]);
done = true;
await loading;
console.log(JSON.stringify(seen));

const ms = (numbers, p) => percentile(numbers, p);
await report(
  'deactivate',
  [
    { what: 'deactivation to confirmation at the gateway, p50', value: ms(confirmations, 0.5), unit: 'ms' },
    { what: 'deactivation to confirmation, p99', value: ms(confirmations, 0.99), unit: 'ms', atMost: 100 },
    { what: 'deactivation to confirmation, longest', value: Math.max(...confirmations), unit: 'ms' },
    { what: 'deactivation to the first refusal, p50', value: ms(refusals, 0.5), unit: 'ms' },
    { what: 'deactivation to the first refusal, p99', value: ms(refusals, 0.99), unit: 'ms' },
    {
      what: `successes in ${seen.refused + seen.succeeded} calls after a confirmed deactivation`,
      value: seen.succeeded,
      atMost: 0,
    },
    { what: 'deactivations that were not confirmed in time', value: seen.unconfirmed, atMost: 0 },
    {
      what: 'load meanwhile',
      value: loads.reduce((sum, { perSecond }) => sum + perSecond, 0) / loads.length,
      unit: 'calls/s',
    },
    { what: 'load meanwhile, worst p99 of 5 s', value: Math.max(...loads.map(({ p99 }) => p99)), unit: 'ms' },
  ],
  { trials: given.trials, 'token processes': given.replicas, 'share of capacity': given.load },
);
await load.stop();
await product.stop();
process.exit(0);
