import { registers } from '../registers.mjs';
import { Links } from '../links.mjs';
import { seconds } from '../waiting.mjs';

const STALENESS_S = 5;

export default {
  id: 'F10',
  title: 'the same with the broker stopped, cut off, slow: never fails open',
  needs: { apiUsers: 60, customers: 4 },
  async run(scenario) {
    const { system, random, short, note } = scenario;
    const links = await Links.toKafka(system);
    try {
      system.control({ env: { token: { AUTHORIZE_MAX_STALENESS: String(STALENESS_S) } }, links: links.ports });
      await system.reload();
      await system.settled();
      const load = scenario.owned(registers(scenario));
      await seconds(3);
      const harms = [
        { name: 'stopped', harm: () => signal(system, 'SIGSTOP'), heal: () => signal(system, 'SIGCONT') },
        { name: 'cut off', harm: () => links.blackHole(), heal: () => links.restore() },
        { name: 'slow', harm: () => links.delay(300, 100), heal: () => links.restore(), mayServe: true },
      ];
      for (const harm of short ? [random.pick(harms)] : harms) await phase(scenario, harm);
      await load.stop();
    } finally {
      links.restore();
      note(`links: ${links.opened} connections`);
      system.control({ env: undefined, links: undefined });
      await system.reload();
      await links.close();
    }
  },
};

const signal = (system, name) => {
  for (const node of system.running.kafka.nodes) node.kill(name);
};

/** Once the view may be older than allowed, nobody is let in until it is known to be current again. */
async function phase({ system, ledger, short, expect, note }, { name, harm, heal, mayServe = false }) {
  harm();
  await seconds(STALENESS_S + 4);
  const from = ledger.calls.length;
  const began = process.hrtime.bigint();
  await seconds(short ? 2 : 6);
  const late = ledger.calls.slice(from).filter(({ start }) => start > began);
  const let_in = late.filter(({ status }) => status === 200);
  note(`broker ${name}: ${late.length} calls after ${STALENESS_S + 4} s, ${let_in.length} let in`);
  if (!mayServe) expect(let_in.length === 0, `broker ${name}: ${let_in.length} let in by a view of unknown age`);
  heal();
  await system.ready();
  await seconds(short ? 1 : 3);
}
