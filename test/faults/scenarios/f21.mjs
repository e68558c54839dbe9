import { mend } from '../mending.mjs';
import { send } from '../http.mjs';
import { seconds, until } from '../waiting.mjs';

const EVENTS = 'identity.events.v1';
const CALLS = 'api.calls.token.v1';

export default {
  id: 'F21',
  title:
    'topics truncated beyond what views have read: named as gaps, and nobody is let in by a view that lacks events',
  async run(scenario) {
    const { system, apiUsers, expect, note } = scenario;
    await system.settled();
    await away(system, 'token', async () => {
      // Commands alone: they are accepted, and confirmed to nobody.
      const load = scenario.load({ writers: 4, callers: 0, pauseMs: 5 });
      await seconds(2);
      await load.stop();
      await until(
        async () => (await system.read('identity', 'select from outbox')).length === 0,
        'the outbox to empty',
      );
      await truncate(scenario, EVENTS);
    });
    const { withheld } = await gapIn(system, 'token', 'authorization', EVENTS);
    note(withheld);
    expect(String(withheld).includes('npm run republish'), `what is withheld names no command: ${withheld}`);
    for (const { url } of system.services('token')) {
      for (const { username, password } of apiUsers) {
        const { status } = await send('POST', `${url}/api/v1/authorize`, { body: { username, password } });
        expect(status === 503, `answered ${status} by a view that lacks events`);
      }
    }
    note((await mend(system, 'republish')).trim().split('\n').at(-1));
    await system.settled();
    scenario.from[EVENTS] = scenario.from[EVENTS].map((end) => ({ ...end, high: '0' }));

    await away(system, 'audit', async () => {
      const [{ url }] = system.services('token');
      // In no ledger, since these calls are lost.
      for (let n = 0; n < 20; n += 1) {
        await send('POST', `${url}/api/v1/authorize`, { body: { username: `nobody-${n}`, password: 'x'.repeat(48) } });
      }
      await truncate(scenario, CALLS);
    });
    await gapIn(system, 'audit', 'activity', CALLS);
    await system.settled();
    // Among what was lost were refusals whose customer nobody knows any more: it may be any.
    for (const { id } of scenario.customers) {
      const told = await system.read(
        'audit',
        `select description from activity where customer_id = $1 and event_type = 'log.gap' and metadata ->> 'topic' = $2`,
        [id, CALLS],
        id,
      );
      expect(told.length > 0, `the log of ${id} does not say that calls may be missing`);
      note(told[0]?.description);
    }
    const load = scenario.load({ writers: 4, callers: 4, pauseMs: 5 });
    await seconds(2);
    await load.stop();
  },
};

/** Does something while no replica of a service is there. */
async function away(system, name, work) {
  const replicas = system.services(name);
  for (const service of replicas) service.kill('SIGKILL');
  await Promise.all(replicas.map(({ process }) => process.exited));
  await work();
  await Promise.all(replicas.map((service) => service.restart()));
}

/**
 * As retention does it: what was written so far can no longer be read. Retention itself moves the same beginning of the log, but
 * only of closed segments, and when the broker looks, every five minutes.
 */
async function truncate(scenario, topic) {
  const { system } = scenario;
  const admin = system.kafka('admin').admin();
  await admin.connect();
  // kafkajs deletes only in a topic that it has asked about.
  const ends = await admin.fetchTopicOffsets(topic);
  const partitions = ends
    .filter(({ low, high }) => low !== high)
    .map(({ partition, high }) => ({ partition, offset: high }));
  await admin.deleteTopicRecords({ topic, partitions });
  await admin.disconnect();
  scenario.from[topic] = ends;
}

/** What health says of a view once every replica names the gap; until then it is as old as it was, and lets in as such. */
const gapIn = (system, service, view, topic) =>
  until(async () => {
    const checks = await Promise.all(
      system.services(service).map(async ({ url }) => (await send('GET', `${url}/health/ready`)).body?.checks?.[view]),
    );
    const isNamed = (check) =>
      check?.gaps?.some(({ where, kind }) => where.startsWith(`${topic}/`) && kind === 'truncated') &&
      (view !== 'authorization' || String(check.withheld).includes('lost'));
    return checks.every(isNamed) && checks[0];
  }, `${service} to name what ${topic} has lost`);
