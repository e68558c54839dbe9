import { randomUUID } from 'node:crypto';
import { Customer, mint, switchTo } from '../customers.mjs';
import { until } from '../waiting.mjs';

const TOPIC = 'identity.events.v1';

/** Each is written with the next sequence of a customer of its own; `code` is the reason it is parked with. */
const POISON = [
  { name: 'bad JSON', code: 'event.bad-json', value: '{"customerId": ' },
  { name: 'an unknown type', code: 'event.unknown-type', type: 'rebelcore.identity.ApiUserPromoted.v1' },
  { name: 'a future version', code: 'event.unknown-type', type: 'rebelcore.identity.ApiUserDeactivated.v2' },
  { name: 'a value of 1 MB', code: 'event.bad-data', value: JSON.stringify({ apiUserId: 'x'.repeat(1_000_000) }) },
];

export default {
  id: 'F13',
  title: 'poison is parked with a reason and holds up nobody else',
  async run(scenario) {
    const { system, ledger, random, short, customers: others, expect, note } = scenario;
    const urls = system.services('identity').map(({ url }) => url);
    const poisoned = [];
    for (const poison of short ? [random.pick(POISON)] : POISON) {
      const customer = await Customer.provision(system);
      const [apiUser] = await customer.mintAll(system, ledger, 1);
      poisoned.push({ poison, customer, apiUser });
      scenario.stuckCustomers.add(customer.id);
    }
    scenario.customers = [...others, ...poisoned.map(({ customer }) => customer)];

    const producer = system.kafka('identity').producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    for (const { poison, customer } of poisoned) await writePoison(system, producer, poison, customer);
    // Whoever shares a partition with poison must not be held up: so it lies on every one.
    const partitions = (await system.topics.ends(TOPIC)).map(({ partition }) => partition);
    const nobodys = partitions.map((partition) => ({
      partition,
      key: null,
      headers: headersOf({ sequence: 1 }),
      value: '{}',
    }));
    await producer.send({ topic: TOPIC, acks: -1, messages: nobodys });
    await producer.disconnect();

    for (const { poison, customer, apiUser } of poisoned) {
      await switchTo('deactivate', ledger, customer, apiUser, urls, { timeoutMs: 12_000 });
      for (const [database, view] of VIEWS) await isParked(scenario, database, view, poison, customer);
      // What is not known to be current lets nobody in.
      await until(async () => {
        const entry = await ledger.call({ apiUser, customerId: customer.id, url: system.services('token')[0].url });
        return entry.status === 503;
      }, `/authorize to refuse the customer with ${poison.name}`);
    }
    for (const customer of others) {
      const entry = await mint(ledger, customer, urls);
      expect(entry.answer.status === 201, `another customer's mint answered ${entry.answer.status}`);
      if (entry.answer.status !== 201) continue;
      const call = await ledger.call({
        apiUser: entry.apiUser,
        customerId: customer.id,
        url: system.services('token')[1].url,
      });
      expect(call.status === 200, `another customer's /authorize answered ${call.status}`);
    }
    const [{ n }] = await system.read(
      'audit',
      "select count(*)::int as n from parked_record where code = 'record.bad-key'",
    );
    expect(n >= partitions.length, `${n} of ${partitions.length} records without a key are parked`);
    note(`${poisoned.length} customers stay as they are: what is parked waits for a person`);
  },
};

const VIEWS = [
  ['token', 'authorization-v1'],
  ['audit', 'activity-v1'],
];

async function isParked({ system, expect }, database, view, { name, code }, customer) {
  const rows = await until(
    async () => {
      const found = await system.read(
        database,
        'select code, reason from parked_record where view = $1 and topic = $2 and key = $3 order by "offset"',
        [view, TOPIC, customer.id],
      );
      return found.length >= 2 && found;
    },
    `${name} and what follows it to be parked by ${database}`,
    20_000,
  );
  expect(rows[0].code === code && rows[0].reason !== '', `${database} parked ${name} as ${rows[0].code}`);
  expect(
    rows.slice(1).every((row) => row.code === 'key.waiting'),
    `${database} parked later records as ${rows[1].code}`,
  );
}

async function writePoison(system, producer, { type, value = '{}' }, { id }) {
  const [{ sequence }] = await system.read(
    'identity',
    'select sequence::int from customer_head where customer_id = $1',
    [id],
  );
  const headers = headersOf({ sequence: sequence + 1, type });
  await producer.send({ topic: TOPIC, acks: -1, messages: [{ key: id, headers, value }] });
}

const headersOf = ({ sequence, type = 'rebelcore.identity.ApiUserDeactivated.v1' }) => ({
  ce_specversion: '1.0',
  ce_id: randomUUID(),
  ce_source: '/poison',
  ce_type: type,
  ce_time: new Date().toISOString(),
  ce_subject: randomUUID(),
  ce_sequence: String(sequence),
  ce_correlationid: 'poison',
});
