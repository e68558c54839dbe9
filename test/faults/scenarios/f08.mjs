import { seconds } from '../waiting.mjs';

export default {
  id: 'F08',
  title: 'two relays, two consumers, a rebalance every 2 s',
  async run(scenario) {
    const { system, random, short } = scenario;
    const load = scenario.load({ writers: 4, callers: 4, pauseMs: 10 });
    for (let round = 0; round < (short ? 3 : 15); round += 1) {
      const began = Date.now();
      const name = ['token', 'audit', 'identity'][round % 3];
      const victim = system.services(name)[random.int(2)];
      // Half of them leave the group politely.
      victim.kill(random.chance(0.5) ? 'SIGTERM' : 'SIGKILL');
      await victim.process.exited;
      await victim.restart();
      await seconds(Math.max(0, 2 - (Date.now() - began) / 1000));
    }
    await load.stop();
  },
};
