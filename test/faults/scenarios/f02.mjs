import { seconds } from '../waiting.mjs';

export default {
  id: 'F02',
  title: 'kill -9 the relay between acknowledgement and marking, and right after',
  gate: true,
  async run(scenario) {
    const { system, random, short } = scenario;
    const load = scenario.load({ writers: 6, callers: 2 });
    for (let round = 0; round < (short ? 1 : 4); round += 1) {
      for (const name of ['identity', 'token']) {
        for (const when of short ? [random.chance(0.5) ? 'before' : 'after'] : ['before', 'after']) {
          // Only the relay that leads comes there.
          const point = { on: 'relay-delete', when, skip: random.int(5) };
          const dead = await system.crashAt(system.services(name), point);
          await dead.restart();
        }
      }
    }
    await seconds(1);
    await load.stop();
  },
};
