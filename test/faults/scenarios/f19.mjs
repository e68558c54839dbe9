import { mend } from '../mending.mjs';
import { mint } from '../customers.mjs';
import { seconds, until } from '../waiting.mjs';

/** A copy of the store as it was, without the events that came later: what a backup of that moment holds. */
const RESTORE = (heads) => `
  delete from event e using (values ${heads.map(({ customer_id, sequence }) => `('${customer_id}'::uuid, ${sequence}::bigint)`).join(',')}) as h (customer_id, sequence)
   where e.customer_id = h.customer_id and e.sequence > h.sequence;
  update customer_head c set sequence = h.sequence from (values ${heads.map(({ customer_id, sequence }) => `('${customer_id}'::uuid, ${sequence}::bigint)`).join(',')}) as h (customer_id, sequence)
   where c.customer_id = h.customer_id`;

export default {
  id: 'F19',
  title: 'the event store goes back: refused until one command puts the events back',
  async run(scenario) {
    const { system, ledger, customers, expect, note, short } = scenario;
    const urls = system.services('identity').map(({ url }) => url);
    await system.settled();
    const heads = await system.asSuperuser('identity', 'select customer_id, sequence from customer_head');
    const statuses = await system.asSuperuser('identity', 'select * from user_v1');
    const load = scenario.load({ writers: 4, callers: 4, pauseMs: 5 });
    await seconds(short ? 2 : 5);
    await load.stop();
    await system.settled();
    const lost = await system.asSuperuser('identity', 'select event_id from event order by 1');

    const replicas = system.services('identity');
    for (const service of replicas) service.kill('SIGKILL');
    await Promise.all(replicas.map(({ process }) => process.exited));
    // What nobody can read is no event that a store could lack, and no heartbeat has told of it.
    const producer = system.kafka('identity').producer();
    await producer.connect();
    for (const topic of ['identity.events.v1', 'identity.credentials.v1']) {
      await producer.send({ topic, acks: -1, messages: [{ key: 'nobody', value: '{}' }] });
    }
    await producer.disconnect();
    await system.asSuperuser('identity', RESTORE(heads));
    await system.asSuperuser('identity', 'delete from user_v1 where not (id = any($1::uuid[]))', [
      statuses.map(({ id }) => id),
    ]);
    await system.asSuperuser(
      'identity',
      'delete from api_user_credential where api_user_id not in (select id from user_v1)',
    );
    for (const { id, status, status_sequence } of statuses) {
      await system.asSuperuser('identity', 'update user_v1 set status = $2, status_sequence = $3 where id = $1', [
        id,
        status,
        status_sequence,
      ]);
    }
    // Its table lies in another file, as a restored one does.
    await system.asSuperuser('identity', 'vacuum full event');
    await system.heal();
    const refused = await until(async () => {
      const entry = await mint(ledger, customers[0], urls);
      return entry.answer?.status === 503 && JSON.stringify(entry.answer.body).includes('npm run restore') && entry;
    }, 'a command to be refused with what mends it');
    note(refused.answer.body.detail ?? 'refused');

    // What publishing anew would delete is nowhere else any more.
    const republished = await mend(system, 'republish').then(
      () => 'it did so',
      ({ stderr }) => stderr,
    );
    expect(republished.includes('npm run restore -- events'), `asked to make the topics anew: ${republished}`);
    note((await mend(system, 'restore-events')).trim());
    await system.heal();
    const found = await system.asSuperuser('identity', 'select event_id from event order by 1');
    expect(
      JSON.stringify(found) === JSON.stringify(lost),
      `the store has ${found.length} events, and had ${lost.length}, or others`,
    );
    await until(
      async () => (await mint(ledger, customers[0], urls)).answer?.status === 201,
      'a command to be accepted again',
    );
    const after = scenario.load({ writers: 4, callers: 4, pauseMs: 5 });
    await seconds(2);
    await after.stop();
  },
};
