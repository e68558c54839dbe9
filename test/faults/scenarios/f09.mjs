import { registers } from '../registers.mjs';
import { seconds } from '../waiting.mjs';

export default {
  id: 'F09',
  title: 'deactivate and reactivate by 8 writers, 16 readers on /authorize across two replicas',
  gate: true,
  needs: { apiUsers: 200, customers: 8 },
  async run(scenario) {
    const { ledger, short, expect, note } = scenario;
    const [from, fromCommand] = [ledger.calls.length, ledger.commands.length];
    const load = scenario.owned(registers(scenario));
    await seconds(short ? 6 : 30);
    await load.stop();
    const statuses = Map.groupBy(ledger.calls.slice(from), ({ status }) => status);
    const confirmed = ledger.commands.slice(fromCommand).filter(({ confirmed: yes }) => yes).length;
    note(
      `calls ${[...statuses].map(([status, list]) => `${status}: ${list.length}`).join(', ')}; ${confirmed} confirmed`,
    );
    expect(
      confirmed > 0 && statuses.has(200) && (statuses.has(401) || statuses.has(429)),
      'the history says too little',
    );
  },
};
