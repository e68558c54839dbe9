import { send } from '../http.mjs';
import { calls } from '../load.mjs';
import { seconds, until } from '../waiting.mjs';

const SMALL_SPOOL = 40_000;

export default {
  id: 'REC',
  title: 'Kafka away under load on /authorize: spooled, drained in order, refused when full',
  async run(scenario) {
    const { system, ledger, short, expect, note } = scenario;
    const rate = async (forSeconds) => {
      const from = ledger.calls.length;
      await seconds(forSeconds);
      return ledger.calls.slice(from).filter(({ status }) => [200, 401, 429].includes(status)).length / forSeconds;
    };
    const load = scenario.owned(calls({ ...scenario, callers: 32 }));
    await seconds(1);
    const usual = await rate(short ? 3 : 15);
    await system.killKafka();
    const spooled = await rate(short ? 6 : 60);
    note(
      `${usual.toFixed(0)} calls/s with Kafka, ${spooled.toFixed(0)}/s from the spool: ${(spooled / usual).toFixed(2)}`,
    );
    expect(spooled >= 0.3 * usual, `calls went on at ${(spooled / usual).toFixed(2)} of the usual rate`);
    system.restartKafka();
    await seconds(2);
    await load.stop();
    await system.settled();
    await spoolFull(scenario);
  },
};

async function spoolFull(scenario) {
  const { system, ledger, apiUsers, random, expect, note } = scenario;
  const [service] = system.services('token');
  system.control({ env: { token: { SPOOL_MAX_BYTES: String(SMALL_SPOOL) } } });
  await system.crash(service);
  await system.settled();
  await system.killKafka();
  const from = ledger.calls.length;
  const next = () => {
    const apiUser = apiUsers[random.int(apiUsers.length)];
    return ledger.call({ apiUser, customerId: apiUser.customerId, url: service.url });
  };
  const full = await until(async () => {
    const answers = await Promise.all(Array.from({ length: 16 }, next));
    return answers.find(({ code }) => code === 'call.not-recorded');
  }, 'a full spool to refuse calls');
  expect(full.status === 503 && full.retryAfter !== undefined, `a full spool answered ${full.status}`);
  const health = await send('GET', `${service.url}/health/ready`);
  const bytes = health.body?.checks?.recording?.spooledBytes;
  expect(bytes <= SMALL_SPOOL, `the spool of ${SMALL_SPOOL} bytes holds ${bytes}`);
  const made = ledger.calls.slice(from);
  note(`spool of ${SMALL_SPOOL} bytes: ${made.filter(({ recorded }) => recorded).length} calls recorded, then 503`);
  system.restartKafka();
  system.control({ env: undefined });
  await system.settled();
  await system.crash(service);
}
