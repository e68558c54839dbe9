import { seconds } from '../waiting.mjs';

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
      await system.killKafka(victim);
      await seconds(10);
      const from = ledger.commands.length;
      await seconds(5);
      const confirmed = ledger.commands.slice(from).filter(({ answer }) => [200, 201].includes(answer?.status));
      expect(confirmed.length > 0, 'with one broker of three away no command was confirmed');
      system.restartKafka(victim);
    }
    await seconds(1);
    await load.stop();
  },
};
