import { Links } from '../links.mjs';
import { seconds } from '../waiting.mjs';

// Where only one of the two is away, the other goes on acting on what it has been told. What is cut off is reset in the
// end, so that what was under way never arrives; out of a black hole it comes late. From Kafka it lasts for longer than
// two attempts of the relay's: the answer to the first may have been under way, the second never gets through.
const harms = [
  { name: 'latency', begin: ({ all }) => all.map((links) => links.delay(50, 50)) },
  { name: 'throttled', begin: ({ all }) => all.map((links) => links.throttle(100_000)) },
  { name: 'black hole', begin: ({ all }) => all.map((links) => links.blackHole()) },
  { name: 'cut off from Kafka', begin: ({ kafka }) => kafka.blackHole(), end: ({ kafka }) => kafka.reset(), lasts: 14 },
  {
    name: 'cut off from Postgres',
    begin: ({ postgres }) => postgres.blackHole(),
    end: ({ postgres }) => postgres.reset(),
  },
  { name: 'deaf', begin: ({ all }) => all.map((links) => links.deafen()) },
  { name: 'half-open', begin: ({ all }) => all.map((links) => links.halfOpen()) },
];

export default {
  id: 'F11',
  title: 'latency, throttling, black hole, resets, half-open on the links to Postgres and Kafka',
  async run(scenario) {
    const { system, random, short, expect, note } = scenario;
    const [postgres, kafka] = [await Links.toPostgres(system, random), await Links.toKafka(system, random)];
    const all = [postgres, kafka];
    try {
      system.control({ links: { ...postgres.ports, ...kafka.ports } });
      await system.reload();
      await system.settled();
      const before = await connections(system);
      const load = scenario.load({ writers: 4, callers: 4, pauseMs: 20 });
      const chosen = short ? [random.pick(harms), random.pick(harms)] : harms;
      for (const { name, begin, end, lasts = short ? 4 : 10 } of chosen) {
        await seconds(1);
        begin({ all, postgres, kafka });
        await seconds(lasts);
        end?.({ postgres, kafka });
        for (const links of all) links.restore();
        await seconds(short ? 1 : 4);
        note(`after ${name}: ${open(all)} connections open`);
      }
      for (let round = 0; round < (short ? 5 : 20); round += 1) {
        for (const links of all) links.reset(0.5);
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
      for (const links of all) links.restore();
      system.control({ links: undefined });
      await system.reload();
      for (const links of all) await links.close();
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

const open = (all) => all.reduce((sum, links) => sum + links.open, 0);
const show = (map) => [...map].map(([role, n]) => `${role} ${n}`).join(', ');
