import { randomUUID } from 'node:crypto';
import type { Heartbeat } from '@rebelcore/contracts/heartbeat';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { until } from '@rebelcore/testing/until';
import type { Pool } from 'pg';
import type { ReceivedBatch } from '../consume/batch-consumer.js';
import { ViewFreshness, type ViewFreshnessOptions } from './freshness.js';
import { consumerTables } from '../schema.js';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const EVENTS = 'identity.events.v1';
const CREDENTIALS = 'identity.credentials.v1';

describe('ViewFreshness', () => {
  let database: TestDatabase;
  let pool: Pool;
  let freshness: ViewFreshness;
  let next: bigint;
  /** What Kafka says about each topic now, by the number of the partition; undefined while it is away. */
  let ends: Record<string, number[]> | undefined;

  beforeAll(async () => {
    database = await testDatabase({ role: 'token', schema: consumerTables('token') });
    pool = database.pool();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    await database.asOwner(
      'truncate consumer_offset, applied_sequence, parked_record, heartbeat, store_contradiction, database_life',
    );
    ends = {};
    freshness = started({ pollMs: 20, rebuild: 'npm run rebuild -- audit' });
    next = 0n;
    await known();
  });
  afterEach(() => freshness.stop());

  const started = (options: Partial<ViewFreshnessOptions> = {}) =>
    new ViewFreshness({
      pool,
      view: 'authorization-v1',
      topics: [EVENTS, CREDENTIALS],
      topicReader: {
        facts: (topics) => {
          if (ends === undefined) return Promise.reject(new Error('Kafka is away'));
          const held = ends;
          return Promise.resolve(
            topics.map((topic) => ({
              topic,
              incarnation: incarnations[topic] ?? '',
              partitions: (held[topic] ?? []).map((high) => ({ low: 0n, high: BigInt(high) })),
            })),
          );
        },
        close: () => Promise.resolve(),
      },
      logger: silent,
      ...options,
    });
  /** Once it is noted what the topics hold. */
  const known = (each = freshness) =>
    until(async () => {
      await each.refresh();
      return each.status().withheld?.includes('is not known since') !== true;
    }, 'what the topics hold to be known');
  const beats = (...values: (Heartbeat | string)[]): ReceivedBatch => ({
    topic: 'identity.heartbeats.v1',
    partition: 0,
    messages: values.map((value) => ({
      offset: next++,
      key: 'identity',
      headers: {},
      value: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
      timestamp: 0,
    })),
    highWatermark: next,
    isStale: () => false,
  });
  const at = (second: number) => `2026-11-23T10:00:${String(second).padStart(2, '0')}.000Z`;
  const store = { id: randomUUID(), position: '7' };
  const incarnations: Record<string, string> = { [EVENTS]: randomUUID(), [CREDENTIALS]: randomUUID() };
  const beat = (second: number, events: string[], credentials: string[]): Heartbeat => ({
    at: at(second),
    store,
    incarnations,
    published: { [EVENTS]: events, [CREDENTIALS]: credentials, 'other.v1': ['999'] },
  });
  const applied = (topic: string, partition: number, offset: number) =>
    pool.query(
      `insert into consumer_offset values ('authorization-v1', $1, $2, $3, $4)
       on conflict (view, topic, partition) do update set next_offset = excluded.next_offset`,
      [topic, partition, offset, incarnations[topic]],
    );
  const asOf = async () => {
    await freshness.refresh();
    return freshness.asOf()?.toISOString();
  };

  it('knows nothing before a heartbeat, and nothing from one that is silent about a topic of the view.', async () => {
    expect(await asOf()).toBeUndefined();
    await freshness.record(beats({ at: at(1), store, incarnations, published: { [EVENTS]: [] } }));
    expect(await asOf()).toBeUndefined();
  });

  it('is current as of the newest heartbeat whose offsets are all applied, and goes back when its offsets do.', async () => {
    await freshness.record(beats(beat(1, ['0', '0'], ['0']), beat(2, ['5', '0'], ['0']), beat(3, ['5', '3'], ['7'])));
    expect(await asOf()).toBe(at(1));
    await applied(EVENTS, 0, 5);
    expect(await asOf()).toBe(at(2));
    await applied(EVENTS, 1, 3);
    await applied(CREDENTIALS, 0, 6);
    expect(await asOf()).toBe(at(2));
    await applied(CREDENTIALS, 0, 9);
    expect(await asOf()).toBe(at(3));
    await applied(CREDENTIALS, 0, 0);
    expect(await asOf()).toBe(at(2));
    expect(freshness.status().withheld).toBe(`${CREDENTIALS}/0 was read up to 0 of 7`);
  });

  it('stays where it was while heartbeats do not come or cannot be read.', async () => {
    await freshness.record(beats(beat(1, [], [])));
    await freshness.record(beats('{', '{"at":"yesterday"}'));
    expect(await asOf()).toBe(at(1));
    const { rows } = await pool.query("select next_offset from consumer_offset where topic = 'identity.heartbeats.v1'");
    expect(rows).toEqual([{ next_offset: '3' }]);
  });

  it('looks again by itself, so that what another replica has applied is known here.', async () => {
    await freshness.start();
    const elsewhere = started();
    await elsewhere.record(beats(beat(4, ['2'], [])));
    await applied(EVENTS, 0, 2);
    await until(() => freshness.asOf()?.toISOString() === at(4), 'the view to be current');
  });

  it('names the customers with parked records of its topics: offsets alone would call their view current.', async () => {
    expect(freshness.isBlocked('a')).toBe(false);
    await pool.query(
      `insert into parked_record (view, topic, partition, "offset", key, headers, recorded_at, code, reason)
       values ('authorization-v1', $1, 0, 1, 'a', '{}', now(), 'sequence.gap', 'x'), ('other', $1, 0, 1, 'b', '{}', now(), 'x', 'x'),
              ('authorization-v1', 'api.calls.hostile.v1', 0, 1, 'c', '{}', now(), 'event.bad-json', 'x')`,
      [EVENTS],
    );
    await freshness.refresh();
    expect(['a', 'b', 'c'].map((key) => freshness.isBlocked(key))).toEqual([true, false, false]);
  });

  it('keeps a quarter of an hour of heartbeats.', async () => {
    await freshness.record(beats(...Array.from({ length: 451 }, (_, n) => beat(n % 60, [], []))));
    const many = Array.from({ length: 460 }, (_, n) => ({
      ...beat(0, [], []),
      at: new Date(1.79e12 + n).toISOString(),
    }));
    await freshness.record(beats(...many));
    await freshness.record(beats(beat(59, [], [])));
    const { rows } = await pool.query<{ n: number }>('select count(*)::int as n from heartbeat');
    // What one statement adds, it does not count.
    expect(rows[0]?.n).toBe(451);
  });

  it('believes no other store, and not one that has gone back.', async () => {
    await freshness.record(beats(beat(1, [], [])));
    await freshness.record(beats({ ...beat(2, [], []), store: { ...store, id: randomUUID() } }));
    expect(await asOf()).toBe(at(1));
    expect(freshness.status().withheld).toMatch(/but this view was made of store .*"npm run rebuild -- audit"/);
    await freshness.record(beats({ ...beat(3, [], []), store: { ...store, position: '6' } }));
    expect(await asOf()).toBe(at(1));
    expect(freshness.status().withheld).toContain('has gone back from position 7 to 6');
    await freshness.record(beats({ ...beat(4, [], []), store: { ...store, position: '8' } }));
    expect(await asOf()).toBe(at(4));
  });

  describe('of a view that can be made anew', () => {
    const rebuild = 'npm run rebuild -- token';
    const holding = (second: number, position: string) => ({ ...beat(second, [], []), store: { ...store, position } });
    beforeEach(() => {
      freshness = started({ rebuild, eventTopic: EVENTS });
    });

    it('believes a store that has gone back never again of itself, in no process, whatever others of its customers add.', async () => {
      const elsewhere = started({ rebuild, eventTopic: EVENTS });
      await freshness.record(beats(holding(1, '44')));
      expect(await asOf()).toBe(at(1));
      await freshness.record(beats(holding(3, '41')));
      for (const each of [freshness, elsewhere]) {
        await each.refresh();
        expect(each.asOf()).toBeUndefined();
        expect(each.status().withheld).toContain(
          `from position 44 to 41: this view may hold what that store has lost; "${rebuild}"`,
        );
      }
      await freshness.record(beats(holding(5, '44'), holding(7, '45')));
      expect(await asOf()).toBeUndefined();
      expect(freshness.status().withheld).toContain(rebuild);
    });

    it('notices that as well where both come at once.', async () => {
      await freshness.record(beats(holding(1, '44'), holding(3, '41'), holding(5, '44')));
      expect(await asOf()).toBeUndefined();
    });

    it('notices a store that went back and has grown since, by the events that it has applied', async () => {
      const has = (sequence: number) =>
        pool.query(
          `insert into applied_sequence (view, topic, key, sequence) values ('authorization-v1', $1, 'acme', 40), ('authorization-v1', $1, 'globex', $2)
           on conflict (view, topic, key) do update set sequence = excluded.sequence`,
          [EVENTS, sequence],
        );
      const told = (second: number, grownTo: string | undefined, end: string) => ({
        ...beat(second, [end], []),
        store: { ...store, grownTo },
      });
      await has(4);
      await applied(EVENTS, 0, 44);
      await freshness.record(beats(told(1, '44', '44')));
      expect(await asOf()).toBe(at(1));
      // What it has read since the heartbeat was said does not count.
      await has(5);
      await applied(EVENTS, 0, 45);
      await freshness.record(beats(told(2, '44', '44')));
      expect(await asOf()).toBe(at(2));
      // Nor does what a version said that did not count so far.
      await freshness.record(beats(told(3, undefined, '45')));
      expect(await asOf()).toBe(at(3));
      await freshness.record(beats(told(4, '44', '45')));
      expect(await asOf()).toBeUndefined();
      expect(freshness.status().withheld).toBe(
        `store ${store.id} holds 44 events, and this view has applied 45: this view may hold what that store has lost; "${rebuild}" makes it anew`,
      );
    });

    it('is not contradicted by heartbeats that are delivered again, and that a clock was set back between.', async () => {
      await freshness.record(beats(holding(30, '41'), holding(9, '43'), holding(10, '44')));
      await freshness.record(beats(holding(30, '41'), holding(9, '43'), holding(10, '44'), holding(12, '44')));
      // Said so long ago that it is not kept any more.
      await freshness.record(beats(holding(1, '40'), holding(13, '44')));
      expect(await asOf()).toBe(at(13));
      expect(freshness.status().withheld).toBeUndefined();
    });
  });

  it('is as old as its database knows a heartbeat to be, whatever a process that has just started makes of it.', async () => {
    await freshness.record(beats({ ...beat(0, [], []), at: new Date().toISOString() }));
    await pool.query("update heartbeat set arrived_at = arrived_at - interval '75 seconds'");
    await freshness.refresh();
    expect(freshness.ageMs()).toBeGreaterThanOrEqual(75_000);
    await freshness.record(beats({ ...beat(0, [], []), at: new Date().toISOString() }));
    await freshness.refresh();
    expect(freshness.ageMs()).toBeLessThan(75_000);
  });

  describe('once its database may have become another one', () => {
    /** What such a database has is all there: its heartbeats and its offsets went back together, and agree. */
    const becomesAnother = () => database.asOwner('vacuum full heartbeat');

    it('believes nothing before it has applied what the topics held then, and at once where it has.', async () => {
      ends = { [EVENTS]: [7] };
      await applied(EVENTS, 0, 5);
      await freshness.record(beats(beat(1, ['5'], [])));
      expect(await asOf()).toBe(at(1));
      await becomesAnother();
      expect(await asOf()).toBeUndefined();
      await known();
      expect(freshness.status()).toMatchObject({ asOf: undefined, withheld: `${EVENTS}/0 was read up to 5 of 7` });
      await freshness.record(beats(beat(2, ['5'], [])));
      expect(await asOf()).toBeUndefined();
      await applied(EVENTS, 0, 7);
      expect(await asOf()).toBe(at(2));
      await becomesAnother();
      await known();
      expect(await asOf()).toBe(at(2));
    });

    it('is withheld in every process, also in one that has just started, and in none for a start of its own.', async () => {
      await freshness.record(beats(beat(1, [], [])));
      const before = started();
      await before.refresh();
      expect(before.asOf()).toBeDefined();
      await becomesAnother();
      ends = undefined;
      for (const each of [started(), before, freshness]) {
        await each.refresh();
        expect(each.asOf()).toBeUndefined();
      }
      ends = { [EVENTS]: [7] };
      await known(before);
      for (const each of [started(), before, freshness]) {
        await each.refresh();
        expect(each.asOf()).toBeUndefined();
        expect(each.status().withheld).toContain(`${EVENTS}/0`);
      }
    });

    it('asks again for a topic that was made anew, and once Kafka is back.', async () => {
      ends = { [EVENTS]: [7] };
      await freshness.record(beats(beat(1, ['7'], [])));
      await applied(EVENTS, 0, 7);
      expect(await asOf()).toBe(at(1));
      const anew = randomUUID();
      const said = { ...beat(2, ['3'], []), incarnations: { ...incarnations, [EVENTS]: anew } };
      ends = undefined;
      await freshness.record(beats(said));
      await pool.query('update consumer_offset set next_offset = 3, incarnation = $1 where topic = $2', [anew, EVENTS]);
      expect(await asOf()).toBeUndefined();
      incarnations[EVENTS] = anew;
      ends = { [EVENTS]: [3] };
      await known();
      expect(await asOf()).toBe(at(2));
    });
  });

  it('is withheld while its database does not answer: what answers next may be another one.', async () => {
    await freshness.record(beats(beat(1, [], [])));
    expect(await asOf()).toBe(at(1));
    await database.asOwner('alter table topic_gap rename to away');
    expect(await asOf()).toBeUndefined();
    await database.asOwner('alter table away rename to topic_gap');
    expect(await asOf()).toBe(at(1));
  });

  it('is withheld while its database keeps silent, however long a query may take.', async () => {
    await freshness.record(beats(beat(1, [], [])));
    expect(await asOf()).toBe(at(1));
    const other = database.pool({ connectionString: database.url, max: 1 });
    const blocking = await other.connect();
    await blocking.query('begin; lock table topic_gap');
    try {
      await freshness.refresh();
      expect(freshness.asOf()).toBeUndefined();
    } finally {
      await blocking.query('rollback');
      blocking.release();
    }
  });

  it('proves nothing by a heartbeat from the future.', async () => {
    await freshness.record(beats({ ...beat(0, [], []), at: new Date(Date.now() + 600_000).toISOString() }));
    expect(await asOf()).toBeUndefined();
    expect(freshness.ageMs()).toBe(Infinity);
    expect(freshness.status().withheld).toMatch(/\d+ s ahead of this host's clock/);
  });
});
