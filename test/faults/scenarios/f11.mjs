import { Links } from '../links.mjs';
import { seconds } from '../waiting.mjs';

const harms = [
  ['latency', (links) => links.delay(50, 50)],
  ['throttled', (links) => links.throttle(100_000)],
  ['black hole', (links) => links.blackHole()],
  ['deaf', (links) => links.deafen()],
  ['half-open', (links) => links.halfOpen()],
];

export default {
  id: 'F11',
  title: 'latency, throttling, black hole, resets, half-open on the links to Postgres and Kafka',
  async run(scenario) {
    const { system, random, short, expect, note } = scenario;
    const links = await Links.toAll(system, random);
    try {
      system.control({ links: links.ports });
      await system.reload();
      await system.settled();
      const before = await connections(system);
      const load = scenario.load({ writers: 4, callers: 4, pauseMs: 20 });
      for (const [name, harm] of short ? [random.pick(harms), random.pick(harms)] : harms) {
        await seconds(1);
        harm(links);
        await seconds(short ? 4 : 10);
        links.restore();
        await seconds(short ? 1 : 4);
        note(`after ${name}: ${links.open} connections open, ${links.opened} so far`);
      }
      for (let round = 0; round < (short ? 5 : 20); round += 1) {
        links.reset(0.5);
        await seconds(random.int(800) / 1000);
      }
      await load.stop();
      await system.settled();
      await seconds(12);
      const after = await connections(system);
      for (const [role, n] of after) {
        // Two processes with pools of ten, and the relay's own connection.
        expect(
          n <= Math.max(22, (before.get(role) ?? 0) + 2),
          `${role} had ${before.get(role)} connections, then ${n}`,
        );
      }
      note(`connections before and after: ${show(before)}; ${show(after)}`);
    } finally {
      links.restore();
      system.control({ links: undefined });
      await system.reload();
      await links.close();
    }
  },
};

async function connections(system) {
  const rows = await system.asSuperuser(
    'postgres',
    `select usename, count(*)::int as n from pg_stat_activity
      where usename in ('identity', 'token', 'audit') group by usename order by usename`,
  );
  return new Map(rows.map(({ usename, n }) => [usename, n]));
}

const show = (map) => [...map].map(([role, n]) => `${role} ${n}`).join(', ');
