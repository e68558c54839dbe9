import { ensureDatabase } from '@rebelcore/embedded/databases';
import { mend } from '../mending.mjs';
import { seconds } from '../waiting.mjs';

/** What of each view must be as it was. */
const VIEWS = {
  token: `select api_user_id, customer_id, username, role_id, role, scope, status, sequence, verifier from authorization_v1`,
  // No view: of older customers its topics may have lost calls, see F21.
  // What topics lack is noticed anew, and told anew, by a log that begins at their first record.
  audit: `select id, customer_id, event_type, outcome, occurred_at from activity
           where customer_id = any($1) and event_type <> 'log.gap'`,
  identity: 'select * from enforcement_v1',
};

export default {
  id: 'F23',
  title: "each view's database lost: made anew while the others serve",
  async run(scenario) {
    const { system, note, short } = scenario;
    const load = scenario.load({ writers: 4, callers: 4, pauseMs: 5 });
    await seconds(short ? 2 : 5);
    await load.stop();
    await system.settled();

    await asBefore(scenario, 'identity', async () => {
      await system.asSuperuser('identity', 'delete from enforcement_v1');
      note((await mend(system, 'rebuild', 'identity', 'identity')).trim().split('\n').at(-1));
    });
    for (const name of ['token', 'audit']) {
      await asBefore(scenario, name, async () => {
        const replicas = system.services(name);
        for (const service of replicas) service.kill('SIGKILL');
        await Promise.all(replicas.map(({ process }) => process.exited));
        await system.asSuperuser('postgres', `drop database ${name} with (force)`);
        await ensureDatabase(system.running.postgres.superuserUrl, name, system.secrets);
        await mend(system, 'migrate', name);
        await Promise.all(replicas.map((service) => service.restart()));
      });
    }
    const after = scenario.load({ writers: 4, callers: 4, pauseMs: 5 });
    await seconds(2);
    await after.stop();
  },
};

async function asBefore({ system, customers, expect, note }, name, lose) {
  const content = async () => {
    const [row] = await system.asSuperuser(
      name,
      `select count(*)::int as rows, md5(coalesce(string_agg(v::text, ',' order by v::text), '')) as hash from (${VIEWS[name]}) as v`,
      name === 'audit' ? [customers.map(({ id }) => id)] : [],
    );
    return `${row.rows} rows, ${row.hash}`;
  };
  const before = await content();
  await lose();
  await system.settled();
  const after = await content();
  note(`${name}: ${after}`);
  expect(after === before, `the view of ${name} is ${after}, and was ${before}`);
}
