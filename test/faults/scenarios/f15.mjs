import { createHash } from 'node:crypto';
import { seconds } from '../waiting.mjs';

const SERVICES = ['token', 'audit', 'identity'];

export default {
  id: 'F15',
  title: 'offsets set back, every topic read three times over',
  async run(scenario) {
    const { system, expect, short } = scenario;
    const before = scenario.load({ writers: 4, callers: 4, pauseMs: 5 });
    await seconds(short ? 2 : 5);
    await before.stop();
    await system.settled();
    const hashes = await contentHashes(system);

    for (let round = 0; round < (short ? 1 : 3); round += 1) {
      await killAll(system);
      await setBack(system);
      await system.heal();
      await system.settled();
      for (const [name, hash] of await contentHashes(system)) {
        expect(hash === hashes.get(name), `${name} is another after reading again: ${hashes.get(name)}, then ${hash}`);
      }
    }
    // With the consumers at work: a partition that something comes on is read again at once, the others after a restart.
    const load = scenario.load({ writers: 4, callers: 4, pauseMs: 5 });
    await setBack(system);
    await seconds(2);
    await load.stop();
    await killAll(system);
  },
};

async function killAll(system) {
  const services = SERVICES.flatMap((name) => system.services(name));
  for (const service of services) service.kill('SIGKILL');
  await Promise.all(services.map(({ process }) => process.exited));
}

const setBack = (system) =>
  Promise.all(
    SERVICES.map((database) =>
      system.asSuperuser(
        database,
        "update consumer_offset set next_offset = 0 where topic <> 'identity.heartbeats.v1'",
      ),
    ),
  );

/** Of all customers there are, not only of this scenario. */
async function contentHashes(system) {
  const queries = {
    token: 'select a::text as line from authorization_v1 a',
    identity: 'select e::text as line from enforcement_v1 e',
    audit: 'select a::text as line from activity a',
  };
  const hashes = new Map();
  for (const [database, query] of Object.entries(queries)) {
    const rows = await system.asSuperuser(database, query);
    const hash = createHash('sha256')
      .update(
        rows
          .map(({ line }) => line)
          .sort()
          .join('\n'),
      )
      .digest('hex');
    hashes.set(database, `${rows.length} ${hash}`);
  }
  return hashes;
}
