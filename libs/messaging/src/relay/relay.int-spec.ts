import { heartbeat } from '@rebelcore/contracts/heartbeat';
import { playOnce } from '@rebelcore/testing/random';
import { startProxy } from '@rebelcore/testing/tcp-proxy';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { testKafka, type TestKafka } from '@rebelcore/testing/test-kafka';
import { readTopic } from '@rebelcore/testing/topic-reader';
import { until } from '@rebelcore/testing/until';
import fc from 'fast-check';
import type { Kafka } from 'kafkajs';
import type { Pool } from 'pg';
import { KafkaPublisher } from '../publish/kafka-publisher.js';
import { TopicReader } from '../topic-facts.js';
import { appendToOutbox } from './outbox.js';
import { checkTopics, deletePublished, KnownEnds } from './published-topics.js';
import type { Publisher } from '../publish/publisher.js';
import { Relay, type RelayOptions } from './relay.js';
import { outboxTables } from '../schema.js';
import { createTopics } from '../topics-admin.js';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** One transaction in seven is rolled back. */
const FATES = ['commit', 'commit', 'commit', 'commit', 'commit', 'commit', 'rollback'] as const;

const HOLDS_THE_LEAD = `pid in (select pid from pg_locks where locktype = 'advisory' and granted)`;

/** SQL of an identity and a position. */
const STORE = { id: `'0198a1de-0000-7000-8000-0000000000aa'`, position: '(select count(*) from outbox)' };

describe('Relay', () => {
  let database: TestDatabase;
  let pool: Pool;
  let kafka: TestKafka;
  let client: Kafka;
  let topic: string;
  let running: Relay[];
  let publishers: Publisher[];

  beforeAll(async () => {
    database = await testDatabase({ role: 'identity', schema: outboxTables('identity') });
    await database.asOwner(
      `create table published_topic (topic text primary key, incarnation uuid, next_offsets bigint[] not null);
       grant select, insert, update, delete on published_topic to identity`,
    );
    pool = database.pool({ max: 20 });
    kafka = testKafka();
    client = kafka.client();
  });
  afterAll(async () => {
    await database.drop();
    await kafka.close();
  });
  beforeEach(async () => {
    await database.asOwner('truncate outbox, published_topic');
    topic = await kafka.topic(3);
    running = [];
    publishers = [];
  });
  afterEach(async () => {
    await Promise.all(running.map((relay) => relay.stop()));
    await Promise.all(publishers.map((publisher) => publisher.close()));
  });

  const relay = (options: Partial<RelayOptions> = {}) => {
    const publisher = options.publisher ?? new KafkaPublisher(client);
    publishers.push(publisher);
    const made = new Relay({ pool, publisher, kafka: client, name: 'test', logger: silent, ...options });
    running.push(made);
    made.start();
    return made;
  };
  const leading = (...relays: Relay[]) =>
    until(
      () => relays.filter((r) => r.status().leader).length === 1 && relays.find((r) => r.status().leader),
      'one leader',
    );
  const append = (...records: (readonly [key: string, value: string])[]) =>
    appendToOutbox(
      pool,
      records.map(([key, value]) => ({ topic, key, headers: { ce_id: value }, value })),
    );
  const whenEmpty = () =>
    until(async () => (await pool.query('select from outbox limit 1')).rowCount === 0, 'an empty outbox');
  /** The values of each key in their order, duplicates dropped as a consumer drops them. */
  const delivered = async () => {
    const byKey = Map.groupBy(await readTopic(client, topic), ({ key }) => key);
    return new Map([...byKey].map(([key, records]) => [key, [...new Set(records.map(({ value }) => value))]]));
  };

  it('invariant 1: publishes what was committed, as it was given, and nothing that was rolled back.', async () => {
    const publishing = relay();
    await leading(publishing);
    const tx = await pool.connect();
    await tx.query('begin');
    await appendToOutbox(tx, [{ topic, key: 'k', headers: { ce_id: 'no' }, value: 'rolled back' }]);
    await tx.query('rollback');
    tx.release();
    await append(['k', '{"a": "ü"}'], ['k', 'two']);
    publishing.wake();
    await whenEmpty();
    expect(await readTopic(client, topic)).toEqual([
      expect.objectContaining({ key: 'k', value: '{"a": "ü"}', headers: { ce_id: '{"a": "ü"}' }, offset: 0n }),
      expect.objectContaining({ key: 'k', value: 'two', offset: 1n }),
    ]);
  });

  it('invariant 2: a transaction that drew its id first and commits last is delivered.', async () => {
    const publishing = relay();
    await leading(publishing);
    const late = await pool.connect();
    await late.query('begin');
    await appendToOutbox(late, [{ topic, key: 'late', headers: {}, value: 'late' }]);
    await append(['early', 'early']);
    publishing.wake();
    await whenEmpty();
    await late.query('commit');
    late.release();
    publishing.wake();
    await whenEmpty();
    expect(await delivered()).toEqual(
      new Map(
        [
          ['early', ['early']],
          ['late', ['late']],
        ].map(([k, v]) => [k as string, v as string[]]),
      ),
    );
  });

  it('holds up a record that is too large with what follows it under its key, and nothing else; no heartbeat passes it', async () => {
    const heartbeats = await kafka.topic(1);
    const heartbeat = { topic: heartbeats, everyMs: 1, topics: [topic], store: STORE };
    const large = 'x'.repeat(2 * 1024 * 1024);
    await append(['a', 'a1'], ['b', large], ['c', 'c1'], ['b', 'b2'], ['a', 'a2']);
    const publishing = relay({ heartbeat });
    await until(() => publishing.status().published === 3, 'the others to be published');
    await append(['b', 'b3'], ['c', 'c2']);
    publishing.wake();
    await until(() => publishing.status().published === 4, 'what came later to be published');
    expect(await delivered()).toEqual(
      new Map([
        ['a', ['a1', 'a2']],
        ['c', ['c1', 'c2']],
      ]),
    );
    expect(publishing.status()).toMatchObject({
      refusedRecords: [{ topic, key: 'b', reason: expect.stringMatching(/larger|size/) as string }],
      lastHeartbeatAt: undefined,
    });
    await publishing.stop();
    await database.asOwner(`delete from outbox where length(value) > 1000`);
    const again = relay({ heartbeat });
    await whenEmpty();
    expect((await delivered()).get('b')).toEqual(['b2', 'b3']);
    await until(() => again.status().lastHeartbeatAt, 'a heartbeat');
  });

  it('publishes more of one key than the broker takes at once', async () => {
    const values = Array.from({ length: 40 }, (_, index) => `${String(index)}:${'x'.repeat(100_000)}`);
    await append(...values.map((value): [string, string] => ['k', value]));
    const inner = new KafkaPublisher(client);
    const rounds: number[] = [];
    const publisher: Publisher = {
      publish: (records, options) => {
        rounds.push(records.reduce((bytes, { value }) => bytes + Buffer.byteLength(value), 0));
        return inner.publish(records, options);
      },
      close: () => inner.close(),
    };
    const publishing = relay({ publisher });
    await whenEmpty();
    expect((await delivered()).get('k')).toEqual(values);
    // Not found out by trying.
    expect(Math.max(...rounds)).toBeLessThan(1024 * 1024);
    expect(publishing.status()).toMatchObject({ refusedRecords: [], lastError: undefined });
  });

  it('invariants 1 and 2: whatever the order of commits, everything committed is delivered, in order per customer.', async () => {
    const transaction = fc.record({ rows: fc.integer({ min: 1, max: 3 }), fate: fc.constantFrom(...FATES) });
    const writer = fc.array(transaction, { minLength: 25, maxLength: 25 });
    const plan = fc.record({
      scheduler: fc.scheduler(),
      writers: fc.array(writer, { minLength: 12, maxLength: 12 }),
    });
    const publishing = relay();
    await playOnce(plan, async ({ scheduler, writers }) => {
      const committed = new Map<string, string[]>();
      const writing = writers.map(async (transactions, customer) => {
        const values: string[] = [];
        committed.set(`customer ${String(customer)}`, values);
        for (const [n, { rows, fate }] of transactions.entries()) {
          const tx = await pool.connect();
          const own = Array.from({ length: rows }, (_, i) => `${String(n)}.${String(i)}`);
          await tx.query('begin');
          await appendToOutbox(
            tx,
            own.map((value) => ({ topic, key: `customer ${String(customer)}`, headers: {}, value })),
          );
          // Open until the scheduler chooses it: others overtake it.
          await scheduler.schedule(Promise.resolve());
          await tx.query(fate);
          tx.release();
          if (fate === 'commit') values.push(...own);
          publishing.wake();
        }
      });
      await scheduler.waitFor(Promise.all(writing));
      await whenEmpty();
      expect(await delivered()).toEqual(committed);
    });
  });

  it('has one leader; the other process’s commits reach it by a notification, and it takes over when the leader stops.', async () => {
    const [first, second] = [relay(), relay()];
    const leader = await leading(first, second);
    const follower = leader === first ? second : first;
    const waits = { notified: [] as number[], polled: [] as number[] };
    for (let n = 0; n < 15; n += 1) {
      for (const how of ['notified', 'polled'] as const) {
        await append(['k', String(n)]);
        const begun = performance.now();
        if (how === 'notified') follower.wake();
        await whenEmpty();
        waits[how].push(performance.now() - begun);
      }
    }
    // Without the notification the leader finds the rows by its poll, up to 200 ms after the last ones.
    const median = (of: readonly number[]) => of.toSorted((a, b) => a - b)[7] ?? NaN;
    expect(median(waits.notified)).toBeLessThan(median(waits.polled) / 2);
    expect(follower.status().published).toBe(0);

    await leader.stop();
    await append(['k', 'after']);
    follower.wake();
    await whenEmpty();
    expect(follower.status()).toMatchObject({ leader: true, published: 1 });
    expect((await delivered()).get('k')).toEqual([...Array.from({ length: 15 }, (_, n) => String(n)), 'after']);
  });

  it('invariant 1: when the leader is killed in the middle of publishing, another one goes on and nothing is lost.', async () => {
    const relays = [relay(), relay()];
    await leading(...relays);
    const expected = Array.from({ length: 200 }, (_, n) => String(n));
    for (const value of expected) {
      await append(['k', value]);
      for (const one of relays) one.wake();
      if (Number(value) % 50 === 25) {
        await leading(...relays);
        expect(await database.endSessions(`application_name = 'relay test' and ${HOLDS_THE_LEAD}`)).toBe(1);
      }
    }
    await whenEmpty();
    expect((await delivered()).get('k')).toEqual(expected);
  });

  it('invariant 1: a leader whose connection stands still loses the lead, and what it publishes late are duplicates.', async () => {
    const url = new URL(database.roleUrl);
    const proxy = await startProxy({ host: url.hostname, port: Number(url.port) });
    url.port = String(proxy.port);
    // Everything it sends waits here until it is let go, long after it has lost the lead.
    const gate = Promise.withResolvers<undefined>();
    const inner = new KafkaPublisher(client);
    let held = 0;
    const slow: Publisher = {
      publish: async (records) => {
        held += 1;
        await gate.promise;
        return inner.publish(records);
      },
      close: () => inner.close(),
    };
    const frozen = relay({ connectionString: url.href, publisher: slow });
    await leading(frozen);
    await append(['k', '1'], ['k', '2']);
    frozen.wake();
    await until(() => held > 0, 'the leader to publish');
    proxy.freeze();

    const heir = relay();
    await until(() => heir.status().leader, 'the other to lead');
    await append(['k', '3']);
    heir.wake();
    await whenEmpty();
    gate.resolve(undefined);
    await until(async () => (await readTopic(client, topic)).length > 3, 'the duplicates');
    expect((await readTopic(client, topic)).map(({ value }) => value)).toEqual(['1', '2', '3', '1', '2']);
    expect((await delivered()).get('k')).toEqual(['1', '2', '3']);
    await proxy.close();
  }, 30_000);

  it('invariant 1: while the link to the broker stands still rows wait, and then go out in order.', async () => {
    const { kafka: disturbed, proxy } = await kafka.clientThroughProxy();
    const patient = new KafkaPublisher(disturbed);
    const hurried: Publisher = {
      publish: (records) => patient.publish(records, { timeoutMs: 200 }),
      close: () => patient.close(),
    };
    const publishing = relay({ publisher: hurried });
    await leading(publishing);
    await append(['k', '0']);
    publishing.wake();
    await whenEmpty();
    proxy.swallowAnswers();
    const expected = ['0'];
    for (let n = 1; n <= 20; n += 1) {
      await append(['k', String(n)]);
      publishing.wake();
      expected.push(String(n));
    }
    await until(() => publishing.status().lastError !== undefined, 'the relay to say so');
    expect((await pool.query('select from outbox')).rowCount).toBe(20);
    proxy.thaw();
    proxy.cut();
    await whenEmpty();
    expect((await delivered()).get('k')).toEqual(expected);
  });

  it('the heartbeat says the truth: nothing committed before its moment lies beyond its offsets, even with a full backlog.', async () => {
    const beats = await kafka.topic(1);
    const ends = new Map<string, Date>();
    const commit = async (values: readonly string[]) => {
      await append(...values.map((value) => [`key ${value}`, value] as const));
      const { rows } = await pool.query<{ now: Date }>('select clock_timestamp() as now');
      const now = rows[0]?.now;
      if (now !== undefined) for (const value of values) ends.set(value, now);
    };
    // More than two full reads before anything is published, then single rows while the backlog is worked off.
    await commit(Array.from({ length: 2_500 }, (_, n) => `first ${String(n)}`));
    const publishing = relay({ heartbeat: { topic: beats, everyMs: 1, topics: [topic], store: STORE } });
    const seen = new Set<number | undefined>();
    for (let n = 0; n < 60 || seen.size < 8; n += 1) {
      await commit([`then ${String(n)}`]);
      publishing.wake();
      seen.add(publishing.status().lastHeartbeatAt?.getTime());
    }
    await whenEmpty();
    const done = new Date(Math.max(...[...ends.values()].map((at) => at.getTime())));
    await until(
      () => (publishing.status().lastHeartbeatAt?.getTime() ?? 0) > done.getTime(),
      'a heartbeat about the end',
    );

    const records = await readTopic(client, topic);
    const said = (await readTopic(client, beats)).map(({ value }) => heartbeat.parse(JSON.parse(value)));
    expect(said.length).toBeGreaterThan(5);
    for (const { at, published } of said) {
      const beyond = records.filter(
        ({ partition, offset, value }) =>
          (ends.get(value)?.getTime() ?? 0) < new Date(at).getTime() &&
          offset >= BigInt(published[topic]?.[partition] ?? 0),
      );
      expect({ at, beyond }).toEqual({ at, beyond: [] });
    }
  });

  it('looks for a database that is away twice a second, and not all the time.', async () => {
    const times: number[] = [];
    const logger = { ...silent, warn: () => times.push(performance.now()) };
    const connectionString = 'postgres://nobody@127.0.0.1:1/nothing';
    relay({ connectionString, logger });
    await until(() => times.length >= 3, 'three attempts');
    expect((times[2] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(900);
  });

  it('sends no heartbeat while a committed row cannot be published.', async () => {
    const beats = await kafka.topic(1);
    const inner = new KafkaPublisher(client);
    let blocked = false;
    const publisher: Publisher = {
      publish: (records, options) =>
        blocked && records.some((record) => record.topic === topic)
          ? Promise.reject(new Error('the broker refuses this topic'))
          : inner.publish(records, options),
      close: () => inner.close(),
    };
    const publishing = relay({ publisher, heartbeat: { topic: beats, everyMs: 1, topics: [topic], store: STORE } });
    await until(() => publishing.status().lastHeartbeatAt !== undefined, 'a first heartbeat');
    blocked = true;
    await append(['k', 'v']);
    const { rows } = await pool.query<{ now: Date }>('select clock_timestamp() as now');
    publishing.wake();
    await until(() => publishing.status().lastError !== undefined, 'the refusal');
    await until(() => {
      const { lastError } = publishing.status();
      return lastError !== undefined && Date.now() - lastError.at.getTime() > 250;
    }, 'several rounds without success');
    expect(publishing.status().lastHeartbeatAt?.getTime()).toBeLessThan(rows[0]?.now.getTime() ?? 0);

    blocked = false;
    await whenEmpty();
    await until(
      () => (publishing.status().lastHeartbeatAt?.getTime() ?? 0) > (rows[0]?.now.getTime() ?? 0),
      'a new one',
    );
  });

  it('publishes nothing and sends no heartbeat to a topic that was made anew, until it is known to be filled again.', async () => {
    const beats = await kafka.topic(1);
    const publishing = relay({ heartbeat: { topic: beats, everyMs: 1, topics: [topic], store: STORE } });
    await append(['k', 'before']);
    publishing.wake();
    await whenEmpty();
    await until(async () => {
      const { rows } = await pool.query<{ n: string }>(
        'select sum(n) as n from published_topic, unnest(next_offsets) n',
      );
      return rows[0]?.n === '1';
    }, 'a heartbeat about it');
    const admin = client.admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [topic] });
    await createTopics(admin, [{ topic, numPartitions: 3, replicationFactor: 1 }]);
    await admin.disconnect();
    await until(() => publishing.status().refusal?.includes('was made anew'), 'the relay to notice');
    const last = publishing.status().lastHeartbeatAt;
    await append(['k', 'after']);
    publishing.wake();
    await until(
      () => publishing.status().lastError?.message.includes('nothing is published'),
      'a heartbeat that is not sent',
    );
    expect(await readTopic(client, topic)).toEqual([]);
    expect(publishing.status().lastHeartbeatAt).toEqual(last);

    await pool.query('delete from published_topic');
    await whenEmpty();
    expect((await readTopic(client, topic)).map(({ value }) => value)).toEqual(['after']);
    expect(publishing.status().refusal).toBeUndefined();
  });

  it('notices a topic that became shorter and has grown again past what was published, keeps the row, and says so ever after.', async () => {
    const beats = await kafka.topic(1);
    const real = new KafkaPublisher(client);
    let lost = 0n;
    const publisher: Publisher = {
      publish: async (records, options) => {
        const published = await real.publish(records, options);
        const shorter = (next: ReadonlyMap<number, bigint>) => new Map([...next].map(([p, end]) => [p, end - lost]));
        return new Map([...published].map(([name, next]) => [name, shorter(next)]));
      },
      close: () => real.close(),
    };
    const heartbeat = { topic: beats, everyMs: 100_000, topics: [topic], store: STORE };
    const publishing = relay({ publisher, heartbeat });
    await append(['k', 'one'], ['k', 'two']);
    publishing.wake();
    await whenEmpty();
    lost = 1n;
    await append(['k', 'three']);
    publishing.wake();
    await until(() => publishing.status().refusal?.includes('waits to be filled'), 'the relay to notice');
    expect((await pool.query('select from outbox')).rowCount).toBe(1);
    await publishing.stop();
    lost = 0n;
    const another = relay({ heartbeat });
    await until(() => another.status().refusal?.includes('waits to be filled'), 'another leader to know of it');
  });

  it('has noted how far a topic has come once nothing of it is left in the outbox.', async () => {
    const heartbeat = { topic: await kafka.topic(1), everyMs: 100_000, topics: [topic], store: STORE };
    const publishing = relay({ heartbeat });
    await append(['a', 'one']);
    publishing.wake();
    await until(() => publishing.status().lastHeartbeatAt, 'a heartbeat, which is the last one for long');
    await append(['a', 'two'], ['b', 'three'], ['c', 'four']);
    publishing.wake();
    await whenEmpty();
    const reader = new TopicReader(client);
    const [facts] = await reader.facts([topic]).finally(() => reader.close());
    const { rows } = await pool.query('select incarnation, next_offsets from published_topic');
    expect(rows).toEqual([
      { incarnation: facts?.incarnation, next_offsets: facts?.partitions.map(({ high }) => String(high)) },
    ]);
  });

  it('takes what is published while the topics are asked for no loss.', async () => {
    const session = await pool.connect();
    const [reader, ends, publisher] = [new TopicReader(client), new KnownEnds(), new KafkaPublisher(client)];
    publishers.push(publisher);
    const records = [{ topic, key: 'k', headers: {}, value: 'one' }];
    const ask = async () => {
      const facts = await reader.facts([topic]);
      if (ends.of(topic, facts[0]?.incarnation ?? null).length > 0) {
        await ends.advance(records, () => publisher.publish(records));
        await deletePublished(session, [], ends);
      }
      return facts;
    };
    try {
      for (let times = 0; times < 3; times += 1) {
        expect((await checkTopics(session, ask, ends)).refusal).toBeUndefined();
      }
    } finally {
      session.release();
      await reader.close();
    }
  });
});
