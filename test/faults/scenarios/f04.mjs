import { performance } from 'node:perf_hooks';
import { seconds, until } from '../waiting.mjs';

export default {
  id: 'F04',
  title: 'Kafka killed again and again, away for long, one broker of three killed',
  async run(scenario) {
    const { system, random, short, ledger, expect, note } = scenario;
    const load = scenario.load({ writers: 4, callers: 4, pauseMs: 20 });
    for (let round = 0; round < (short ? 1 : 10); round += 1) {
      await seconds(0.5 + random.int(1_500) / 1000);
      await system.killKafka();
      await seconds(random.int(1_000) / 1000);
      system.restartKafka();
      if (!short) await seconds(6);
    }
    if (!short) await system.ready();

    const before = ledger.counts;
    await system.killKafka();
    await seconds(short ? 5 : 60);
    const away = ledger.counts;
    system.restartKafka();
    note(`while Kafka was away: ${away.acknowledged - before.acknowledged} acknowledged or answered`);
    const queued = ledger.commands.filter(({ answer }) => answer?.status === 202).length;
    expect(queued > 0, 'no command was accepted while Kafka was away');
    await system.ready();

    const { nodes } = system.running.kafka;
    if (nodes.length > 1 && (!short || random.chance(0.5))) {
      const victim = [random.pick(nodes)];
      const killed = performance.now();
      await system.killKafka(victim);
      const from = ledger.commands.length;
      const confirmed = () => ledger.commands.slice(from).some(({ answer }) => [200, 201].includes(answer?.status));
      await until(confirmed, 'a command to be confirmed with one broker of three away', 20_000);
      note(`with one broker of three away: the first confirmed after ${Math.round(performance.now() - killed)} ms`);
      system.restartKafka(victim);
    }
    await seconds(1);
    await load.stop();
  },
};
