// The audit service writing calls down, against COPY of the same rows into the same table, and how soon a call is seen.
import { randomUUID, randomUUIDv7 as uuid } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { callEvents } from '@rebelcore/contracts/call-events';
import { encodeEvent } from '@rebelcore/contracts/cloud-event';
import { KafkaPublisher } from '@rebelcore/messaging/publish/kafka-publisher';
import { describeCalls } from '../apps/audit/dist/activity/description.js';
import { copyIn } from './lib/copy.mjs';
import { options } from './lib/options.mjs';
import { profiled } from './lib/profile.mjs';
import { report } from './lib/report.mjs';
import { interleaved, ratio } from './lib/rounds.mjs';
import { median, percentile, spread } from './lib/statistics.mjs';
import { caughtUp, startProduct, withClient } from './lib/system.mjs';

// `folded` is how many calls of a customer lie in one record, as under load.
const given = options({
  rounds: 5,
  calls: 60_000,
  customers: 50,
  // How many API users of a customer call.
  users: 20,
  folded: 10,
  share: 0.7,
  seconds: 20,
  singles: 3_000,
  profile: '',
});
const { rounds, folded } = given;
const COPY_AT_ONCE = 5_000;

const product = await startProduct();
const audit = product.service('audit');
for (const name of ['token', 'inference', 'portal']) product.service(name).kill('SIGSTOP');
const publisher = new KafkaPublisher(product.kafka());
const customers = Array.from({ length: given.customers }, () => uuid());
const users = Array.from({ length: given.customers }, () => Array.from({ length: given.users }, () => uuid()));
const sequences = new Map();
const source = `/bench/${randomUUID()}`;

function calls(number, of, at = new Date().toISOString()) {
  return Array.from({ length: number }, () => ({
    id: uuid(),
    at,
    service: 'token',
    route: 'POST /api/v1/authorize',
    status: 200,
    outcome: 'success',
    durationMs: 3.217,
    ip: '127.0.0.1',
    userAgent: 'bench',
    correlationId: `api:${uuid()}`,
    apiUserId: of[Math.floor(Math.random() * of.length)],
    tokenId: uuid(),
    tokenExpiresAt: Math.floor(Date.now() / 1000) + 86_400,
  }));
}
/** What the recorder of a service makes of the calls of one customer that end at the same moment. */
function eventOf(customerId, what) {
  const sequence = (sequences.get(customerId) ?? 0) + 1;
  sequences.set(customerId, sequence);
  const [first] = what;
  return {
    id: uuid(),
    source,
    type: callEvents.wireType('ApiCallRecorded'),
    time: first.at,
    subject: 'token',
    sequence,
    correlationId: first.correlationId,
    data: { customerId, calls: what },
  };
}
const recordOf = (event) => ({ topic: 'api.calls.token.v1', ...encodeEvent(event, event.data.customerId) });
const events = (count) =>
  Array.from({ length: Math.ceil(count / folded) }, (_, n) => {
    const which = n % customers.length;
    return eventOf(customers[which], calls(folded, users[which]));
  });

const database = new pg.Client(product.superuserUrl('audit'));
database.on('error', () => undefined);
await database.connect();
const written = async () =>
  Number(
    (
      await database.query(
        `select coalesce(sum(next_offset), 0) as n from consumer_offset where topic = 'api.calls.token.v1'`,
      )
    ).rows[0].n,
  );

/** Calls per second that the service writes down, from its first commit to its last. */
async function consumed() {
  await caughtUp(audit.url);
  audit.kill('SIGSTOP');
  const before = await written();
  const records = events(given.calls).map(recordOf);
  for (let from = 0; from < records.length; from += 500) await publisher.publish(records.slice(from, from + 500));
  audit.kill('SIGCONT');
  let [now, first, firstAt] = [before, before, 0];
  while (now < before + records.length) {
    now = await written();
    if (first === before && now > before) [first, firstAt] = [now, performance.now()];
    await delay(5);
  }
  return ((now - first) * folded * 1000) / (performance.now() - firstAt);
}

const COLUMNS = ['customer_id', 'occurred_at', 'id', 'user_id', 'event_type', 'outcome', 'description', 'metadata'];
const valuesOf = (entry) => [
  entry.customerId,
  entry.occurredAt,
  entry.id,
  entry.userId ?? null,
  entry.eventType,
  entry.outcome,
  entry.description,
  JSON.stringify(entry.metadata),
  entry.correlationId,
];
const copyText = (value) =>
  value === null ? '\\N' : value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\t', '\\t');
const entriesOf = (count) => events(count).flatMap((event) => describeCalls({ ...event, name: 'ApiCallRecorded' }));

/** Rows per second by COPY, on so many connections. */
const copied = (connections) => async () => {
  await caughtUp(audit.url);
  const chunks = [];
  const entries = entriesOf(given.calls);
  for (let from = 0; from < entries.length; from += COPY_AT_ONCE) {
    const lines = entries
      .slice(from, from + COPY_AT_ONCE)
      .map((entry) => `${valuesOf(entry).map(copyText).join('\t')}\n`);
    chunks.push(Buffer.from(lines.join('')));
  }
  const sql = `copy activity (${COLUMNS.join(', ')}, correlation_id) from stdin`;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: connections }, () =>
      withClient(product.databaseUrl('audit', 'owner'), async (client) => {
        for (let chunk = chunks.pop(); chunk !== undefined; chunk = chunks.pop()) await copyIn(client, sql, chunk);
      }),
    ),
  );
  return (entries.length * 1000) / (performance.now() - started);
};

/** Rows per second when each is inserted and committed by itself. */
async function oneByOne() {
  await caughtUp(audit.url);
  const places = COLUMNS.map((_, index) => `$${index + 1}`).join(', ');
  const text = `insert into activity (${COLUMNS.join(', ')}, correlation_id) values (${places}, $9) on conflict do nothing`;
  const entries = entriesOf(given.singles);
  return withClient(product.databaseUrl('audit', 'owner'), async (client) => {
    const started = performance.now();
    for (const entry of entries) await client.query({ name: 'one', text, values: valuesOf(entry) });
    return (entries.length * 1000) / (performance.now() - started);
  });
}

console.log('Warming up');
const variants = { consumer: consumed, copy: copied(1), 'copy on 3': copied(3), singly: oneByOne };
for (const each of Object.values(variants)) await each();
if (given.profile !== '') await profiled(audit.process, given.profile, () => consumed());
console.log('Rows per second');
const measured = await interleaved(variants, rounds);
// What a single one of them says lasts a few seconds and varies by a quarter.
const sustained = median([await throughput(), await throughput(), await throughput()]);
const seen = await visibility(sustained * given.share);

await report(
  'ingest',
  [
    { what: 'calls written down by the audit service', spread: spread(measured.consumer), unit: 'calls/s' },
    { what: 'COPY, one connection', spread: spread(measured.copy), unit: 'rows/s' },
    { what: 'COPY, three connections', spread: spread(measured['copy on 3']), unit: 'rows/s' },
    { what: 'one by one', spread: spread(measured.singly), unit: 'rows/s' },
    { what: 'audit service / COPY', spread: ratio(measured.consumer, measured.copy), atLeast: 0.5 },
    { what: 'audit service / COPY on three connections', spread: ratio(measured.consumer, measured['copy on 3']) },
    { what: 'audit service / one by one', spread: ratio(measured.consumer, measured.singly), atLeast: 3 },
    ...seen,
  ],
  {
    calls: given.calls,
    'calls per record': folded,
    customers: given.customers,
    'API users of each': given.users,
    rounds,
  },
);
await publisher.close();
await database.end();
await product.stop();
process.exit(0);

/** Calls per second from producer to table while both run: the producer takes its part of this machine. */
async function throughput() {
  await caughtUp(audit.url);
  const records = events(given.calls * 2).map(recordOf);
  const before = await written();
  const started = performance.now();
  for (let from = 0; from < records.length; from += 200) await publisher.publish(records.slice(from, from + 200));
  while ((await written()) < before + records.length) await delay(5);
  return (records.length * folded * 1000) / (performance.now() - started);
}

/** Publishes at this rate as recorders do, every few milliseconds, and follows some of the calls into the table. */
async function visibility(rate) {
  await caughtUp(audit.url);
  const waiting = events(rate * given.seconds).map((event) => {
    const { customerId, calls: recorded } = event.data;
    return { record: recordOf(event), customerId, correlationId: recorded[0].correlationId };
  });
  const watched = new Map();
  const latencies = [];
  let running = true;
  const watching = (async () => {
    const text = `select correlation_id from activity
                   where customer_id = any($1::uuid[]) and correlation_id = any($2::text[])`;
    while (running || watched.size > 0) {
      if (watched.size > 0) {
        const ids = [[...new Set([...watched.values()].map(({ customerId }) => customerId))], [...watched.keys()]];
        const { rows } = await database.query({ name: 'seen', text, values: ids });
        for (const { correlation_id } of rows) {
          latencies.push(performance.now() - watched.get(correlation_id).since);
          watched.delete(correlation_id);
        }
      }
      // More often would cost the machine more than what is watched.
      await delay(20);
    }
  })();
  const started = performance.now();
  let [next, nextWatched] = [0, started];
  while (next < waiting.length) {
    const due = Math.floor(((performance.now() - started) / 1000) * (rate / folded));
    if (due <= next) {
      await delay(2);
      continue;
    }
    const now = waiting.slice(next, Math.min(due, next + 200));
    next += now.length;
    if (performance.now() >= nextWatched) {
      const [{ customerId, correlationId }] = now;
      watched.set(correlationId, { customerId, since: performance.now() });
      nextWatched += 25;
    }
    await publisher.publish(now.map(({ record }) => record));
  }
  const elapsed = (performance.now() - started) / 1000;
  running = false;
  await watching;
  return [
    { what: 'calls from producer to table, both on this machine', value: sustained, unit: 'calls/s' },
    { what: `calls at ${given.share} of that`, value: (next * folded) / elapsed, unit: 'calls/s' },
    { what: 'from call to visible, p50', value: percentile(latencies, 0.5), unit: 'ms' },
    { what: 'from call to visible, p99', value: percentile(latencies, 0.99), unit: 'ms', atMost: 500 },
    { what: 'from call to visible, longest', value: Math.max(...latencies), unit: 'ms' },
  ];
}
