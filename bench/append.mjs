// identity's append against the same rows inserted raw, one writer against many, and whether the relay keeps up.
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { randomUUID, randomUUIDv7 as uuid } from 'node:crypto';
import { EVERY_CUSTOMER, withSessionSettings } from '@rebelcore/messaging/session-settings';
import pg from 'pg';
import { SYSTEM_ROLES } from '@rebelcore/contracts/roles';
import { EventStore } from '@rebelcore/event-store/event-store';
import { Relay } from '@rebelcore/messaging/relay/relay';
import { apiUser, mint } from '../apps/identity/dist/api-user/api-user.js';
import { apiUserPublication } from '../apps/identity/dist/api-user/api-user.published.js';
import { options } from './lib/options.mjs';
import { profiled } from './lib/profile.mjs';
import { report } from './lib/report.mjs';
import { interleaved, ratio } from './lib/rounds.mjs';
import { rawAppend } from './lib/raw-append.mjs';
import { percentile, spread } from './lib/statistics.mjs';
import { startProduct, withClient } from './lib/system.mjs';

const given = options({ rounds: 5, seconds: 4, writers: 32, customers: 256, 'relay-seconds': 60, profile: '' });
const { rounds, seconds, writers } = given;

const product = await startProduct();
const services = ['identity', 'token', 'audit', 'inference', 'portal'].map((name) => product.service(name));
const all = (signal) => {
  for (const service of services) service.kill(signal);
};

const pool = new pg.Pool({ connectionString: product.databaseUrl('identity'), max: writers });

// Not started: it only tells identity's own relay of what was committed here, as another replica would.
const other = new Relay({ pool, name: 'identity', logger: { warn: () => undefined } });
let waking = false;
const relay = { wake: () => waking && other.wake() };
const store = new EventStore({ pool, relay, streams: [apiUserPublication] });
const customers = Array.from({ length: given.customers }, () => uuid());
const role = { id: SYSTEM_ROLES[2].id, name: SYSTEM_ROLES[2].name };

/** What minting an API user writes: one event, one claim, two outbox rows, two rows of read models. */
function minting(n) {
  const id = uuid();
  const customerId = customers[n % customers.length];
  const data = { apiUserId: id, customerId, username: `${id}@api.rebelcore.local`, role };
  const credential = { pepperVersion: 'v1', verifier: 'v'.repeat(43) };
  return {
    id,
    customerId,
    data: { ...data, actor: { kind: 'portal_user', id: customerId } },
    credential,
    key: randomUUID(),
  };
}

let count = 0;
async function ours() {
  const { id, customerId, data, credential, key } = minting(count++);
  const claims = [{ scope: 'api-user.idempotency-key', key, streamId: id }];
  await store.transact(apiUser, id, mint(data, credential), { customerId, correlationId: 'bench', claims });
}
// As the owner, to whom the rows' protection does not apply.
const ownerPool = new pg.Pool({
  connectionString: withSessionSettings(product.databaseUrl('identity', 'owner'), [EVERY_CUSTOMER]),
  max: writers,
});
const raw = rawAppend(ownerPool, apiUserPublication.publish);
const inserted = () => raw.separately(minting(count++));
const insertedAtOnce = () => raw.together(minting(count++));

/** Appends per second. */
async function rate(append, concurrency, length = seconds) {
  const end = performance.now() + length * 1000;
  let done = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (performance.now() < end) {
        await append();
        done += 1;
      }
    }),
  );
  return (done * 1000) / (performance.now() - started);
}

all('SIGSTOP');
// The raw rows are no stream of events that a relay could publish.
const emptied = () =>
  withClient(withSessionSettings(product.databaseUrl('identity', 'owner'), [EVERY_CUSTOMER]), (client) =>
    client.query('truncate outbox, event, customer_head, claim, user_v1, api_user_credential'),
  );
const variant = (append, concurrency) => async () => {
  await emptied();
  return rate(append, concurrency);
};
const variants = {
  ours: variant(ours, writers),
  'raw, a statement per table': variant(inserted, writers),
  'raw, one statement': variant(insertedAtOnce, writers),
  'ours, one writer': variant(ours, 1),
  'raw, a statement per table, one writer': variant(inserted, 1),
  'raw, one statement, one writer': variant(insertedAtOnce, 1),
};
console.log('Warming up');
for (const each of Object.values(variants)) await each();
console.log('Appends per second');
const measured = await interleaved(variants, rounds);
await emptied();
await ownerPool.end();

console.log('The relay');
all('SIGCONT');
await product.ready('identity');
const lagging = await relayLag();

await report(
  'append',
  [
    { what: `append, ${writers} writers`, spread: spread(measured.ours), unit: 'appends/s' },
    {
      what: 'raw, one INSERT per table in a transaction',
      spread: spread(measured['raw, a statement per table']),
      unit: 'appends/s',
    },
    { what: 'raw, all tables in one statement', spread: spread(measured['raw, one statement']), unit: 'appends/s' },
    {
      what: 'append / raw, one INSERT per table',
      spread: ratio(measured.ours, measured['raw, a statement per table']),
      atLeast: 0.6,
    },
    { what: 'append / raw, one statement', spread: ratio(measured.ours, measured['raw, one statement']) },
    { what: `${writers} writers / one writer`, spread: ratio(measured.ours, measured['ours, one writer']), atLeast: 3 },
    {
      what: `raw, one INSERT per table: ${writers} writers / one writer`,
      spread: ratio(measured['raw, a statement per table'], measured['raw, a statement per table, one writer']),
    },
    {
      what: `raw, one statement: ${writers} writers / one writer`,
      spread: ratio(measured['raw, one statement'], measured['raw, one statement, one writer']),
    },
    ...lagging,
  ],
  { writers, customers: given.customers, rounds, 'seconds each': seconds },
);
await pool.end();
await product.stop();
process.exit(0);

/** Appends at full rate while the whole system runs, then watches the outbox and single events. */
async function relayLag() {
  waking = true;
  return withClient(product.superuserUrl('identity'), async (client) => {
    const backlog = async () => (await client.query('select count(*)::int as n from outbox')).rows[0].n;
    let [most, running] = [0, true];
    const watching = (async () => {
      while (running) {
        most = Math.max(most, await backlog());
        await delay(500);
      }
    })();
    // The relay is a part of identity's process, which does nothing else here.
    if (given.profile !== '')
      await profiled(product.service('identity').process, given.profile, () => rate(ours, writers, 10));
    const perSecond = await rate(ours, writers, given['relay-seconds']);
    const stopped = performance.now();
    running = false;
    await watching;
    while ((await backlog()) > 0) await delay(10);
    const emptyAfter = (performance.now() - stopped) / 1000;
    const lags = [];
    for (let n = 0; n < 100; n += 1) {
      await ours();
      const committed = performance.now();
      while ((await backlog()) > 0) await delay(1);
      lags.push(performance.now() - committed);
    }
    return [
      { what: `appends for ${given['relay-seconds']} s, everything running`, value: perSecond, unit: 'appends/s' },
      { what: 'longest outbox meanwhile', value: most, unit: 'rows' },
      { what: 'outbox empty again after', value: emptyAfter, unit: 's', atMost: 5 },
      { what: 'then from commit to published and deleted, p50', value: percentile(lags, 0.5), unit: 'ms' },
      {
        what: 'then from commit to published and deleted, p99',
        value: percentile(lags, 0.99),
        unit: 'ms',
        atMost: 100,
      },
    ];
  });
}
