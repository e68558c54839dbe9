import { randomUUID } from 'node:crypto';
import { mend } from '../mending.mjs';
import { send } from '../http.mjs';
import { seconds, until } from '../waiting.mjs';

/** A copy of the store as it was, without the events that came later: what a backup of that moment holds. */
const RESTORE = (heads) => `
  delete from event e using (values ${heads.map(({ customer_id, sequence }) => `('${customer_id}'::uuid, ${sequence}::bigint)`).join(',')}) as h (customer_id, sequence)
   where e.customer_id = h.customer_id and e.sequence > h.sequence;
  update customer_head c set sequence = h.sequence from (values ${heads.map(({ customer_id, sequence }) => `('${customer_id}'::uuid, ${sequence}::bigint)`).join(',')}) as h (customer_id, sequence)
   where c.customer_id = h.customer_id`;

/** Since when states are in force, and how far the token service's words have been read, are in the same backup. */
const RESTORE_CONFIRMATIONS = `
  with gone as (delete from enforcement_v1 where not (api_user_id = any(select api_user_id from json_populate_recordset(null::enforcement_v1, $1))))
  update enforcement_v1 e
     set sequence = b.sequence, state = b.state, applied_at = b.applied_at, state_since = b.state_since
    from json_populate_recordset(null::enforcement_v1, $1) as b where b.api_user_id = e.api_user_id`;
const RESTORE_OFFSETS = `
  update consumer_offset o set next_offset = b.next_offset
    from json_populate_recordset(null::consumer_offset, $1) as b
   where (o.view, o.topic, o.partition) = (b.view, b.topic, b.partition)`;
const UNCONFIRMED = `
  select u.id from user_v1 u left join enforcement_v1 e on e.api_user_id = u.id and e.sequence >= u.status_sequence
   where u.type = 'api' and e.api_user_id is null`;

const idsOf = async (system, query) => (await system.asSuperuser('identity', query)).map(({ id }) => id);

/** A customer who comes meanwhile, in no ledger. */
const late = () => ({
  name: 'Late',
  owner: { email: `late-${randomUUID()}@late.example`, first_name: 'Late', last_name: 'Comer' },
});

export default {
  id: 'F19',
  title: 'the event store goes back: refused until one command puts the events back',
  async run(scenario) {
    const { system, customers, expect, note, short } = scenario;
    const urls = system.services('identity').map(({ url }) => url);
    await system.settled();
    const heads = await system.asSuperuser('identity', 'select customer_id, sequence from customer_head');
    const statuses = await system.asSuperuser('identity', 'select * from user_v1');
    const confirmations = await system.asSuperuser('identity', 'select * from enforcement_v1');
    const offsets = await system.asSuperuser('identity', `select * from consumer_offset where view = 'enforcement-v1'`);
    const load = scenario.load({ writers: 4, callers: 4, pauseMs: 5 });
    await seconds(short ? 2 : 5);
    await load.stop();
    await system.settled();
    const lost = await system.asSuperuser('identity', 'select event_id from event order by 1');
    // Of a customer whom poison holds up nothing is confirmed before that is let go.
    const unconfirmed = await idsOf(system, UNCONFIRMED);

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
    await system.asSuperuser('identity', RESTORE_CONFIRMATIONS, [JSON.stringify(confirmations)]);
    await system.asSuperuser('identity', RESTORE_OFFSETS, [JSON.stringify(offsets)]);
    // Its table lies in another file, as a restored one does.
    await system.asSuperuser('identity', 'vacuum full event');
    await system.heal();
    // A command, and the exchange of a session, on which all that a person asks for depends.
    const operator = { authorization: `Bearer ${system.endpoints.operator_token}` };
    const command = () => send('POST', `${urls[0]}/api/v1/customers`, { headers: operator, body: late() });
    const exchange = () =>
      send('POST', `${urls[0]}/internal/session-tokens`, { headers: { cookie: customers[0].cookie } });
    for (const ask of [command, exchange]) {
      const refused = await until(async () => {
        const answer = await ask();
        return answer.status === 503 && JSON.stringify(answer.body).includes('npm run restore') && answer;
      }, `${ask.name} to be refused with what mends it`);
      note(refused.body.detail);
    }
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
    const forgotten = (await idsOf(system, UNCONFIRMED)).filter((id) => !unconfirmed.includes(id));
    expect(forgotten.length === 0, `${forgotten.length} API users are not said to be in force any more`);
    await until(async () => (await command()).status === 201, 'a command to be accepted again');
    expect((await exchange()).status === 401, 'a session from before the mend is valid');
    for (const customer of customers) await customer.signIn(urls[0]);
    const after = scenario.load({ writers: 4, callers: 4, pauseMs: 5 });
    await seconds(2);
    await after.stop();
  },
};
