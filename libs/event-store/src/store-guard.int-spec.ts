import { randomUUIDv7 as uuid } from 'node:crypto';
import { KafkaPublisher } from '@rebelcore/messaging/publish/kafka-publisher';
import { Relay } from '@rebelcore/messaging/relay/relay';
import { outboxTables } from '@rebelcore/messaging/schema';
import { TopicReader } from '@rebelcore/messaging/topic-facts';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { testKafka, type TestKafka } from '@rebelcore/testing/test-kafka';
import { until } from '@rebelcore/testing/until';
import type { Pool } from 'pg';
import { z } from 'zod';
import { eventCodec, type Aggregate, type EventOf } from './aggregate.js';
import { EventStore, toStream, type StreamPublication } from './event-store.js';
import { eventStoreTables } from './schema.js';
import { LIFE, POSITION, StoreBehind, StoreGuard } from './store-guard.js';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const definitions = { Filled: { schema: z.object({ by: z.string() }) } };
type Filled = EventOf<typeof definitions>;
const glass: Aggregate<number, Filled> = {
  type: 'glass',
  initial: 0,
  evolve: (drops) => drops + 1,
  codec: eventCodec<Filled>(definitions),
};
const filled: Filled = { type: 'Filled', data: { by: 'hand' } };

describe('a store that has published', () => {
  let database: TestDatabase;
  let kafka: TestKafka;
  let pool: Pool;
  let owner: Pool;
  let close: (() => Promise<unknown>)[];
  let [topic, heartbeatTopic] = ['', ''];
  const [customerId, streamId] = [uuid(), uuid()];

  beforeAll(() => {
    kafka = testKafka();
  });
  afterAll(() => kafka.close());
  beforeEach(async () => {
    database = await testDatabase({ role: 'keeper', schema: eventStoreTables('keeper') + outboxTables('keeper') });
    pool = database.pool();
    owner = database.pool({ connectionString: database.url });
    [topic, heartbeatTopic] = [await kafka.topic(2), await kafka.topic(1)];
    close = [];
  });
  afterEach(async () => {
    for (const each of close.toReversed()) await each();
    await database.drop();
  });

  const guarded = () => {
    const guard = new StoreGuard({
      pool,
      kafka: kafka.client(),
      topic,
      eventOf: ({ key, headers, value }) =>
        key === customerId && String(value) === '{}'
          ? { id: String(headers['ce_id']), sequence: Number(headers['ce_sequence']), data: { customerId } }
          : undefined,
      heartbeatTopic,
      name: 'test',
      logger: silent,
    });
    close.push(() => guard.close());
    const glasses: StreamPublication<Filled> = {
      aggregate: glass,
      publish: ({ id }) => [{ topic, key: customerId, headers: { ce_id: id }, value: '{}' }],
    };
    const store = new EventStore({ pool, guard, streams: [glasses] });
    const append = (version: number) =>
      store.append([toStream(glass, streamId, version, [filled])], { customerId, correlationId: 'api:test' });
    return { guard, append };
  };
  const relay = (guard: StoreGuard) => {
    const publisher = new KafkaPublisher(kafka.client());
    const made = new Relay({
      pool,
      publisher,
      kafka: kafka.client(),
      name: 'test',
      logger: silent,
      mayPublish: () => guard.mayPublish(),
      heartbeat: {
        topic: heartbeatTopic,
        everyMs: 1,
        topics: [topic],
        store: { id: '(select id from store_identity)', position: POSITION, life: LIFE },
      },
    });
    close.push(
      () => publisher.close(),
      () => made.stop(),
    );
    made.start();
    return made;
  };
  const published = async (position: number, publishing: Relay) => {
    await until(async () => {
      const { rows } = await pool.query('select from outbox');
      return rows.length === 0;
    }, 'the outbox to be empty');
    const since = new Date();
    await until(() => (publishing.status().lastHeartbeatAt ?? 0) > since, `a heartbeat about ${String(position)}`);
  };
  /** As a copy of before the last events has it, with the identity of the original; another file of the table. */
  const restore = (events: number, besides = '') =>
    database.asOwner(
      `delete from event where sequence > ${String(events)}; update customer_head set sequence = ${String(events)};
       create table copy (like event including all); insert into copy select * from event;
       drop table event; alter table copy rename to event; grant select, insert on event to keeper;
       ${besides}`,
    );

  it('goes on after its server or its table has become another one, when nothing is missing', async () => {
    const { guard, append } = guarded();
    const publishing = relay(guard);
    await append(0);
    await append(1);
    await published(2, publishing);
    const before = guard.verifiedLife();
    await restore(2);
    expect((await append(2))[0]?.sequence).toBe(3);
    expect(guard.verifiedLife()).not.toBe(before);
  });

  it('refuses every command and publishes nothing once it has gone back, and names what mends it', async () => {
    const { guard, append } = guarded();
    const publishing = relay(guard);
    await append(0);
    await append(1);
    await published(2, publishing);
    await restore(1);
    await expect(append(1)).rejects.toThrow(StoreBehind);
    expect(guard.refusal()).toMatch(/holds 1 events, and had published 2 at .*npm run restore -- events/);
    const { rows } = await owner.query('select from event');
    expect(rows).toHaveLength(1);
    await publishing.stop();
    const again = relay(guard);
    await until(() => again.status().refusal?.includes('npm run restore'), 'the relay to refuse');
    expect(again.status().lastHeartbeatAt).toBeUndefined();
  });

  it('publishes nothing any more when it goes back under the relay that leads', async () => {
    const { guard, append } = guarded();
    const publishing = relay(guard);
    await append(0);
    await append(1);
    await published(2, publishing);
    await restore(1, `insert into outbox (topic, key, headers, value) values ('${topic}', 'key', '{}', '{}')`);
    await until(() => publishing.status().refusal?.includes('npm run restore'), 'the relay to refuse');
    expect(publishing.status()).toMatchObject({ leader: true, published: 2 });
  });

  it('looks behind what nobody can read, and misses none of it', async () => {
    const { append } = guarded();
    const publishing = relay(guarded().guard);
    await append(0);
    await append(1);
    await published(2, publishing);
    await publishing.stop();
    const publisher = new KafkaPublisher(kafka.client());
    close.push(() => publisher.close());
    const junk = (where: string) => [
      { topic: where, key: 'nobody', headers: {}, value: '{' },
      { topic: where, key: customerId, headers: { ce_id: 'none', ce_sequence: '1e9' }, value: '' },
    ];
    await publisher.publish([...junk(topic), ...junk(heartbeatTopic)]);
    await restore(2);
    expect((await append(2))[0]?.sequence).toBe(3);
    await restore(1);
    await expect(append(1)).rejects.toThrow(/holds 1 events, and had published 2 at /);
  });

  it('misses also what no heartbeat has told of yet', async () => {
    const { append } = guarded();
    await append(0);
    const { rows } = await owner.query<{ id: string }>('select event_id as id from event');
    const publisher = new KafkaPublisher(kafka.client());
    close.push(() => publisher.close());
    const record = (sequence: string, id: string = uuid()) => ({
      topic,
      key: customerId,
      headers: { ce_id: id, ce_sequence: sequence },
      value: '{}',
    });
    await publisher.publish([record('1', rows[0]?.id)]);
    await restore(1);
    await append(1);
    await publisher.publish([record('2')]);
    await restore(2);
    await expect(append(2)).rejects.toThrow(/it lacks 1 events that/);
  });

  it('misses what the newest heartbeat has found on the topic, and not counted', async () => {
    const { append } = guarded();
    await append(0);
    const { rows } = await owner.query<{ event: string; store: string }>(
      'select event_id as event, (select id from store_identity) as store from event',
    );
    const publisher = new KafkaPublisher(kafka.client());
    const topics = new TopicReader(kafka.client());
    close.push(
      () => publisher.close(),
      () => topics.close(),
    );
    const tell = async (sequence: string, id: string = uuid()) => {
      await publisher.publish([{ topic, key: customerId, headers: { ce_id: id, ce_sequence: sequence }, value: '{}' }]);
      const [facts] = await topics.facts([topic]);
      const value = {
        at: new Date().toISOString(),
        store: { id: rows[0]?.store, position: '1' },
        incarnations: { [topic]: facts?.incarnation },
        published: { [topic]: facts?.partitions.map(({ high }) => String(high)) },
      };
      await publisher.publish([{ topic: heartbeatTopic, key: 'identity', headers: {}, value: JSON.stringify(value) }]);
    };
    await tell('1', rows[0]?.event);
    await tell('2');
    await restore(1);
    await expect(append(1)).rejects.toThrow(/it lacks 1 events that/);
  });

  it('misses it however far back it stands, where no heartbeat says from where to look', async () => {
    const { append } = guarded();
    const publisher = new KafkaPublisher(kafka.client());
    close.push(() => publisher.close());
    const lacking = { topic, key: customerId, headers: { ce_id: uuid(), ce_sequence: '1' }, value: '{}' };
    const others = Array.from({ length: 5_000 }, () => ({ ...lacking, headers: {}, value: '' }));
    await publisher.publish([lacking]);
    await publisher.publish(others);
    await expect(append(0)).rejects.toThrow(/it lacks 1 events that/);
  });
});
