import { mend } from '../mending.mjs';
import { seconds, until } from '../waiting.mjs';

const TOPIC = 'identity.events.v1';

export default {
  id: 'F20',
  title: 'a topic made anew: no heartbeat about it, and one command fills it again',
  async run(scenario) {
    const { system, expect, note, short } = scenario;
    const before = scenario.load({ writers: 4, callers: 4, pauseMs: 5 });
    await seconds(short ? 2 : 5);
    await before.stop();
    await system.settled();
    // Whom poison of an earlier scenario holds up is let go on: the topic is filled without it.
    const heldUp = (
      await system.asSuperuser('token', "select distinct key from parked_record where topic = $1 and key <> ''", [
        TOPIC,
      ])
    ).map(({ key }) => key);
    const rows = async () =>
      (
        await system.asSuperuser(
          'token',
          'select a::text as line from authorization_v1 a where customer_id::text <> all($1) order by 1',
          [heldUp],
        )
      ).map(({ line }) => line);
    const view = await rows();

    const admin = system.kafka('admin').admin();
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: [TOPIC] });
    const { length } = topics[0].partitions;
    await admin.deleteTopics({ topics: [TOPIC] });
    await until(async () => {
      await admin.createTopics({
        topics: [{ topic: TOPIC, numPartitions: length, replicationFactor: topics[0].partitions[0].replicas.length }],
        waitForLeaders: false,
      });
      return (await admin.listTopics()).includes(TOPIC);
    }, 'the topic to be made anew');
    await admin.disconnect();

    const refusal = await until(async () => {
      for (const { url } of system.services('identity')) {
        const { checks } = await (await fetch(`${url}/health/ready`)).json();
        if (checks.relay.refusal) return checks.relay.refusal;
      }
    }, 'identity to say that it publishes nothing');
    note(refusal);
    expect(refusal.includes('npm run republish'), `the refusal names no command: ${refusal}`);
    const beat = async () =>
      (await system.asSuperuser('token', 'select max(at) as at from heartbeat'))[0].at?.getTime();
    const last = await beat();
    await seconds(5);
    expect((await beat()) === last, 'a heartbeat came although the topic is empty');

    note((await mend(system, 'republish')).trim().split('\n').at(-1));
    await system.settled();
    scenario.from[TOPIC] = scenario.from[TOPIC].map((end) => ({ ...end, high: '0' }));
    const after = await rows();
    expect(
      JSON.stringify(after) === JSON.stringify(view),
      `the view has ${after.length} rows after, and had ${view.length}, or others`,
    );
    const parked = await system.asSuperuser('token', 'select from parked_record where topic = $1', [TOPIC]);
    expect(parked.length === 0, `${parked.length} records are parked although the topic is filled from the store`);
    const load = scenario.load({ writers: 4, callers: 4, pauseMs: 5 });
    await seconds(2);
    await load.stop();
  },
};
