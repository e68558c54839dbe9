import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { decodeEvent, encodeEvent, type CloudEvent } from '@rebelcore/contracts/cloud-event';
import { playOnce } from '@rebelcore/testing/random';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { testKafka, type TestKafka } from '@rebelcore/testing/test-kafka';
import { until } from '@rebelcore/testing/until';
import { createTopics } from '../topics-admin.js';
import fc from 'fast-check';
import type { Pool } from 'pg';
import type { ReceivedBatch } from '../consume/batch-consumer.js';
import { KafkaBatchConsumer } from '../consume/kafka-batch-consumer.js';
import { KafkaPublisher } from '../publish/kafka-publisher.js';
import { Projection, type ProjectionHandlers } from './projection.js';
import { consumerTables } from '../schema.js';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const CUSTOMERS = 40;

/** Whose records come in each of so many bursts, and how long nothing comes after it. */
const bursts = (
  count: number,
  { records, pauseMs }: { records: { minLength: number; maxLength: number }; pauseMs: number },
) => {
  const customers = fc.array(fc.nat(CUSTOMERS - 1), { ...records, size: 'max' });
  return fc.array(fc.record({ customers, pauseMs: fc.nat(pauseMs) }), { minLength: count, maxLength: count });
};

/** A consumer and its projection as two replicas of a service have them, on a real Kafka and a real Postgres. */
describe('Consuming into a view', () => {
  let database: TestDatabase;
  let pool: Pool;
  let kafka: TestKafka;
  let topic: string;
  let groupId: string;
  let publisher: KafkaPublisher;
  let replicas: KafkaBatchConsumer[];
  const sequences = new Map<string, number>();

  beforeAll(async () => {
    database = await testDatabase({ role: 'token' });
    await database.asOwner(
      `${consumerTables('token')}
       create table total (customer text primary key, applied integer not null, checksum text not null);
       create table log (customer text not null, sequence integer not null);
       grant select, insert, update on total, log to token;`,
    );
    pool = database.pool({ max: 16 });
    kafka = testKafka();
    publisher = new KafkaPublisher(kafka.client());
  });
  afterAll(async () => {
    await publisher.close();
    await kafka.close();
    await database.drop();
  });
  beforeEach(async () => {
    await database.asOwner('truncate total, log, consumer_offset, applied_sequence, parked_record');
    topic = await kafka.topic(6);
    groupId = kafka.group();
    replicas = [];
    sequences.clear();
  });
  afterEach(() => Promise.all(replicas.map((replica) => replica.stop())));

  /** Not idempotent on purpose: whatever is applied twice or left out shows in the totals. */
  const handlers: ProjectionHandlers<CloudEvent> = {
    sequenced: true,
    read: decodeEvent,
    apply: async (tx, events) => {
      const keys = events.map(({ message }) => message.key);
      await tx.query('insert into log select * from unnest($1::text[], $2::int[])', [
        keys,
        events.map(({ event }) => event.sequence),
      ]);
      await tx.query(
        `insert into total select customer, count(*), md5(string_agg(sequence::text, ',')) from log
          where customer = any($1::text[]) group by customer
         on conflict (customer) do update set applied = excluded.applied, checksum = excluded.checksum`,
        [[...new Set(keys)]],
      );
    },
  };
  const replica = async (
    around: (batch: ReceivedBatch, apply: () => Promise<void>) => Promise<void> = (_, apply) => apply(),
    onCrash: (error: Error) => void = (error) => {
      throw error;
    },
    topics = [topic],
  ) => {
    const projection = new Projection({ pool, view: 'total-v1', logger: silent });
    const consumer = new KafkaBatchConsumer({
      kafka: kafka.client(),
      groupId,
      offsets: projection.offsets(),
      handlers: new Map(
        topics.map((each) => [each, (batch) => around(batch, () => projection.apply(batch, handlers))]),
      ),
      logger: silent,
      onCrash,
    });
    replicas.push(consumer);
    await consumer.start();
    return consumer;
  };
  const record = (customer: string, sequence: number) => {
    const event: CloudEvent = {
      id: `${customer}/${String(sequence)}`,
      source: '/test',
      type: 'Counted',
      time: '2026-11-23T10:00:00.000Z',
      subject: customer,
      sequence,
      correlationId: 'c',
      data: {},
    };
    return { topic, ...encodeEvent(event, customer) };
  };
  const next = (customer: string) => {
    const sequence = (sequences.get(customer) ?? 0) + 1;
    sequences.set(customer, sequence);
    return record(customer, sequence);
  };
  /** Publishes the next record of each of these customers. */
  const load = (customers: readonly number[]) =>
    publisher.publish(customers.map((customer) => next(`customer ${String(customer)}`)));
  const evenly = (records: number) => Array.from({ length: records }, (_, n) => n % CUSTOMERS);
  const view = async () => {
    const { rows } = await pool.query<{ customer: string; applied: number }>('select customer, applied from total');
    return new Map(rows.map(({ customer, applied }) => [customer, applied]));
  };
  const allApplied = () =>
    until(
      async () => {
        const { rows } = await pool.query<{ sum: number }>(
          'select coalesce(sum(sequence), 0)::int as sum from applied_sequence',
        );
        return rows[0]?.sum === [...sequences.values()].reduce((a, b) => a + b, 0);
      },
      'everything to be applied',
      40_000,
    );
  const expectExactlyOnce = async () => {
    expect(await view()).toEqual(sequences);
    const { rows } = await pool.query('select customer from log group by customer, sequence having count(*) > 1');
    expect(rows).toEqual([]);
    expect((await pool.query('select from parked_record')).rowCount).toBe(0);
  };

  it('invariant 3: two replicas, one joining and one leaving in the middle of the load, apply everything once.', async () => {
    await replica();
    await playOnce(bursts(60, { records: { minLength: 20, maxLength: 79 }, pauseMs: 39 }), async (plan) => {
      const producer = { running: true };
      const producing = (async () => {
        for (const { customers, pauseMs } of plan) {
          await load(customers);
          await delay(pauseMs);
        }
        producer.running = false;
      })();
      const churn = (async () => {
        while (producer.running) {
          const extra = await replica();
          await until(
            () => extra.status().partitions.length > 0 || !producer.running,
            'the new member to have partitions',
          );
          await extra.stop();
        }
      })();
      await Promise.all([producing, churn]);
      await replica();
      await allApplied();
      await expectExactlyOnce();
    });
  });

  it('invariant 3: a replica that is slow to apply loses its partitions meanwhile, and its late commit changes nothing twice.', async () => {
    await load(evenly(200));
    const gate = Promise.withResolvers<undefined>();
    let waiting = 0;
    await replica(async (_, apply) => {
      waiting += 1;
      await gate.promise;
      await apply();
    });
    await until(() => waiting > 0, 'the slow replica to hold a batch');
    const fast = replica();
    // The old member cannot answer the rebalance before its handler is done; both then apply from the same offsets.
    gate.resolve(undefined);
    await fast;
    await load(evenly(200));
    await allApplied();
    await expectExactlyOnce();
  });

  it('invariant 3: sessions killed between apply and commit, again and again, change nothing.', async () => {
    await replica();
    let killed = 0;
    await playOnce(bursts(15, { records: { minLength: 200, maxLength: 200 }, pauseMs: 19 }), async (plan) => {
      for (const { customers, pauseMs } of plan) {
        await load(customers);
        killed += await database.endSessions(
          "query like 'insert into total%' or query like 'with advanced%' or state = 'idle in transaction'",
        );
        await delay(pauseMs);
      }
      await allApplied();
      await expectExactlyOnce();
    });
    process.stdout.write(`killed sessions: ${String(killed)}\n`);
  }, 60_000);

  it('invariant 3: with all offsets set back to 0 and the topic published a second time, the view stays as it is.', async () => {
    await load(evenly(400));
    const first = await replica();
    await allApplied();
    const before = await pool.query('select * from total order by customer');
    await first.stop();

    await pool.query('update consumer_offset set next_offset = 0');
    const again = [...sequences].flatMap(([customer, last]) =>
      Array.from({ length: last }, (_, n) => record(customer, n + 1)),
    );
    const published = await publisher.publish(again);
    await replica();
    await new Projection({ pool, view: 'total-v1', logger: silent }).whenProcessed(
      topic,
      published.get(topic) ?? new Map(),
      20_000,
    );
    expect((await pool.query('select * from total order by customer')).rows).toEqual(before.rows);
    await expectExactlyOnce();
  });

  it('invariant 3: offsets set back under a running consumer are noticed, and nothing is left out.', async () => {
    const running = await replica();
    await load(evenly(200));
    await allApplied();
    await pool.query('update consumer_offset set next_offset = 0');
    await database.asOwner('truncate total, log, applied_sequence');
    await load(evenly(200));
    await allApplied();
    await expectExactlyOnce();
    expect(running.status().lastError?.message).toMatch('set back');
  });

  it('invariant 11: poison of one customer is parked, and the rest of its partition goes on.', async () => {
    await replica();
    await publisher.publish([
      next('good'),
      { topic, key: 'bad', headers: {}, value: 'x'.repeat(1_000_000) },
      next('good'),
    ]);
    await publisher.publish([record('bad', 1), next('good')]);
    await allApplied();
    await until(async () => (await pool.query('select from parked_record')).rowCount === 2, 'two parked records');
    expect((await view()).get('good')).toBe(3);
  });

  it('a topic to which partitions were added is not read, says so, and holds up no other; made anew it is read on.', async () => {
    const other = await kafka.topic(2);
    const reader = await replica(undefined, undefined, [topic, other]);
    await load(evenly(80));
    await allApplied();
    const admin = kafka.client().admin();
    await admin.connect();
    await admin.createPartitions({ topicPartitions: [{ topic, count: 7 }] });
    const refusals = (of: KafkaBatchConsumer) =>
      new Set(of.status().partitions.flatMap((each) => (each.topic === topic && each.error ? [each.error] : [])));
    await until(() => refusals(reader).size > 0, 'the reader to notice', 20_000);
    expect([...refusals(reader)]).toEqual([
      expect.stringMatching(new RegExp(`^${topic} has 7 partitions instead of 6, .*: it is not read; delete it, and `)),
    ]);
    const before = await view();
    await load(evenly(40));
    const { topic: _, ...ofOther } = record('of another topic', 1);
    await publisher.publish([{ topic: other, ...ofOther }]);
    await until(async () => (await view()).get('of another topic') === 1, 'the other topic to be read');
    expect(await view()).toEqual(new Map([...before, ['of another topic', 1]]));

    // One that joins meanwhile is assigned what was added, and refuses like the other.
    await reader.stop();
    const crashed = Promise.withResolvers<Error>();
    const next = await replica(undefined, crashed.resolve);
    await until(() => refusals(next).size > 0, 'the next reader to notice');
    await admin.deleteTopics({ topics: [topic] });
    await createTopics(admin, [{ topic, numPartitions: 6, replicationFactor: 1 }]);
    await admin.disconnect();
    expect((await crashed.promise).message).toBe(`${topic}/6 is no longer there`);
    await next.stop();
    // As a view has it that had read the topic with its added partitions alone.
    await pool.query(
      `insert into consumer_offset (view, topic, partition, next_offset, incarnation, partitions)
       select view, topic, 6, 3, incarnation, 7 from consumer_offset where topic = $1 limit 1`,
      [topic],
    );
    await replica();
    const again = [...sequences].flatMap(([customer, last]) =>
      Array.from({ length: last }, (_, n) => record(customer, n + 1)),
    );
    // An idempotent producer goes on counting in the topic that is gone.
    const ofNewTopic = new KafkaPublisher(kafka.client());
    await ofNewTopic.publish(again);
    await ofNewTopic.close();
    sequences.set('of another topic', 1);
    await until(async () => isDeepStrictEqual(await view(), sequences), 'all of it', 20_000);
    expect((await pool.query('select from consumer_offset where partition = 6')).rowCount).toBe(0);
  });
});
