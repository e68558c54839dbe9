import { seconds } from '../waiting.mjs';

/** The statement that stores the offset is sent together with the commit: all that the batch changed stands before it. */
const POINTS = [
  { on: 'update consumer_offset set next_offset', when: 'before' },
  { on: 'update consumer_offset set next_offset', when: 'after' },
];

export default {
  id: 'F03',
  title: 'kill -9 a consumer on either side of its commit, and at random',
  gate: true,
  async run(scenario) {
    const { system, random, short } = scenario;
    const load = scenario.load({ writers: 6, callers: 4 });
    for (const name of ['token', 'audit']) {
      for (const point of short ? [random.pick(POINTS)] : POINTS) {
        const dead = await system.crashAt(system.services(name), { ...point, skip: random.int(10) });
        await dead.restart();
      }
    }
    for (let round = 0; round < (short ? 0 : 8); round += 1) {
      await seconds(0.2 + random.int(1_500) / 1000);
      const victims = [...system.services('token'), ...system.services('audit')];
      await system.crash(random.pick(victims));
    }
    await seconds(1);
    await load.stop();
  },
};
