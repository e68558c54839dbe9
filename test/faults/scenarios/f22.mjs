import { registers } from '../registers.mjs';
import { send } from '../http.mjs';
import { seconds, until } from '../waiting.mjs';

const STALENESS_S = 5;
const TEN_MINUTES = 600_000;

export default {
  id: 'F22',
  title: 'clocks ten minutes off, with Kafka there and away: never lets in for longer than the bound',
  needs: { apiUsers: 24, customers: 3 },
  async run(scenario) {
    const { system, random, short } = scenario;
    try {
      system.control({ env: { token: { AUTHORIZE_MAX_STALENESS: String(STALENESS_S) } } });
      await system.reload(['token']);
      await system.settled();
      const load = scenario.owned(registers(scenario));
      await seconds(2);
      const all = ['token', 'identity', 'database'].flatMap((whose) =>
        [TEN_MINUTES, -TEN_MINUTES].flatMap((ms) => [
          { whose, ms },
          { whose, ms, perSecond: 60_000 },
        ]),
      );
      // Those that could make an old view look young, or a heartbeat come from the future, are always among them.
      const some = [
        ['token', -1],
        ['token', 1],
        ['database', random.pick([1, -1])],
      ].map(([whose, sign]) => random.pick(all.filter((each) => each.whose === whose && Math.sign(each.ms) === sign)));
      for (const clock of short ? some : all) await phase(scenario, clock);
      await load.stop();
    } finally {
      signal(system, 'SIGCONT');
      system.clocks(undefined);
      system.control({ env: undefined });
      await system.reload(['token']);
    }
  },
};

const signal = (system, name) => {
  for (const node of system.running.kafka.nodes) node.kill(name);
};

/** A clock is stepped or drifts while Kafka is there, and stays wrong while Kafka is away; then both are as they should be. */
async function phase({ system, ledger, short, expect, note }, { whose, ms, perSecond }) {
  const name = `${whose} ${ms > 0 ? '+' : '-'}10 min${perSecond === undefined ? '' : ', drifting'}`;
  system.clocks({ [whose]: { ms, perSecond } });
  if (whose !== 'identity') {
    const skew = await until(
      async () => {
        const { body } = await send('GET', `${system.services('token')[0].url}/health/ready`);
        const { clockAheadMs, withheld, current } = body?.checks?.authorization ?? {};
        const isNamed = Math.abs(Math.abs(clockAheadMs) - TEN_MINUTES) < 60_000;
        return current === false && isNamed && `${clockAheadMs} ms ahead; ${withheld ?? 'too old'}`;
      },
      `health to name the skew of ${name}`,
      60_000,
    );
    note(`${name}: ${skew}`);
  }
  signal(system, 'SIGSTOP');
  await seconds(STALENESS_S + 4);
  const began = process.hrtime.bigint();
  const from = ledger.calls.length;
  await seconds(short ? 2 : 6);
  const late = ledger.calls.slice(from).filter(({ start }) => start > began);
  const letIn = late.filter(({ status }) => status === 200);
  note(`${name}, Kafka away: ${late.length} calls after ${STALENESS_S + 4} s, ${letIn.length} let in`);
  expect(letIn.length === 0, `${name}: ${letIn.length} let in by a view of unknown age`);
  signal(system, 'SIGCONT');
  system.clocks(undefined);
  await system.ready();
  await seconds(1);
}
