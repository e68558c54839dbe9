import { decodeEvent, encodeEvent, MalformedEvent, type CloudEvent } from '@rebelcore/contracts/cloud-event';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { randomBytes, randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { ReceivedBatch, ReceivedMessage } from '../consume/batch-consumer.js';
import { Projection, type ProjectionHandlers } from './projection.js';
import { consumerTables } from '../schema.js';
import { ConnectionLost } from '../transaction.js';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const TOPIC = 'things.v1';

/** An event that adds one line to the customer's list. */
const message = (offset: number, key: string | null, sequence: number, value?: Buffer | string): ReceivedMessage => {
  const event: CloudEvent = {
    id: `${String(key)}-${String(sequence)}`,
    source: '/test',
    type: 'Added',
    time: '2026-11-23T10:00:00.000Z',
    subject: String(key),
    sequence,
    correlationId: 'c',
    data: { line: `${String(key)} ${String(sequence)}` },
  };
  const encoded = encodeEvent(event, String(key));
  return {
    offset: BigInt(offset),
    key,
    headers: encoded.headers,
    value: Buffer.from(value ?? encoded.value),
    timestamp: Date.UTC(2026, 10, 23),
  };
};

const batch = (messages: readonly ReceivedMessage[], more: Partial<ReceivedBatch> = {}): ReceivedBatch => ({
  topic: TOPIC,
  partition: 0,
  messages,
  highWatermark: (messages.at(-1)?.offset ?? -1n) + 1n,
  isStale: () => false,
  ...more,
});

describe('Projection', () => {
  let database: TestDatabase;
  let pool: Pool;
  let projection: Projection;
  let known: string[];
  let applyCalls: number;

  const handlers: ProjectionHandlers<CloudEvent> = {
    sequenced: true,
    read: (received) => {
      const event = decodeEvent(received);
      if (!known.includes(event.type)) throw new MalformedEvent('event.unknown-type', `unknown type ${event.type}`);
      return event;
    },
    apply: async (tx, events) => {
      applyCalls += 1;
      await tx.query('insert into list (key, line) select * from unnest($1::text[], $2::text[])', [
        events.map(({ message: { key } }) => key),
        events.map(({ event }) => (event.data as { line: string }).line),
      ]);
    },
  };
  const view = async () => {
    const { rows } = await pool.query<{ line: string }>('select line from list order by n');
    return rows.map(({ line }) => line);
  };
  const parked = async () => {
    const { rows } = await pool.query<{ at: string; code: string }>(
      'select "offset" as at, code from parked_record order by "offset"',
    );
    return rows.map(({ at, code }) => `${at} ${code}`);
  };

  beforeAll(async () => {
    database = await testDatabase({ role: 'token' });
    await database.asOwner(
      `${consumerTables('token')}
       create table list (n bigint generated always as identity, key text not null, line text not null check (line not like '%forbidden%'));
       grant select, insert, delete on list to token;`,
    );
    pool = database.pool();
  });
  afterAll(() => database.drop());

  beforeEach(async () => {
    await database.asOwner('truncate list, consumer_offset, applied_sequence, applied_run, parked_record, heartbeat');
    projection = new Projection({ pool, view: 'list-v1', logger: silent });
    known = ['Added'];
    applyCalls = 0;
  });

  it('applies a batch with one call and stores the offset after it.', async () => {
    await projection.apply(batch([message(0, 'a', 1), message(1, 'b', 1), message(4, 'a', 2)]), handlers);
    expect(await view()).toEqual(['a 1', 'b 1', 'a 2']);
    expect(applyCalls).toBe(1);
    expect(await projection.offsets().nextOffsets(TOPIC)).toEqual(new Map([[0, 5n]]));
  });

  it('applies a batch in portions, each a transaction, so that none takes too long however many records there are.', async () => {
    const many = Array.from({ length: 12_000 }, (_, n) => message(n, 'a', n + 1));
    await projection.apply(batch(many, { position: 0n }), handlers);
    expect([applyCalls, (await view()).length]).toEqual([3, 12_000]);
  });

  it('invariant 11: a fault of our own code stops the topic, names its cause, and parks next to nothing.', async () => {
    const broken = { ...handlers, apply: () => Promise.reject(new TypeError('x is not a function')) };
    const together = batch([message(0, 'a', 1), message(1, 'b', 1), message(2, 'c', 1)]);
    await expect(projection.apply(together, broken)).rejects.toThrow(
      'every record of things.v1 fails alike: x is not a function',
    );
    expect(await parked()).toEqual([]);
    const oneByOne = new Projection({ pool, view: 'list-v1', logger: silent });
    for (const [offset, key] of ['a', 'b'].entries()) await oneByOne.apply(batch([message(offset, key, 1)]), broken);
    await expect(oneByOne.apply(batch([message(2, 'c', 1)]), broken)).rejects.toThrow('fails alike');
    expect(await parked()).toEqual(['0 apply.failed', '1 apply.failed']);
    await oneByOne.apply(batch([message(2, 'c', 1)]), handlers);
    expect(await view()).toEqual(['c 1']);
  });

  it('invariant 11: faults that are bound to records park those alone, however many keys they have.', async () => {
    const picky: ProjectionHandlers<CloudEvent> = {
      ...handlers,
      apply: (tx, events) => {
        if (events.some(({ message: { key } }) => key?.startsWith('bad'))) throw new RangeError('bad');
        return handlers.apply(tx, events);
      },
    };
    const keys = ['bad1', 'bad2', 'bad3', 'bad4', 'good'];
    await projection.apply(batch(keys.map((key, offset) => message(offset, key, 1))), picky);
    expect([await view(), (await parked()).length]).toEqual([['good 1'], 4]);
  });

  it('finds one bad record among many by halves, parks what is behind it, and its repeat with it.', async () => {
    const many = Array.from({ length: 256 }, (_, n) => message(n, `k${String(n % 128)}`, n < 128 ? 1 : 2));
    many[70] = message(70, 'k70', 1, JSON.stringify({ line: 'forbidden' }));
    many.push(message(256, 'k70', 1));
    await projection.apply(batch(many), handlers);
    expect(await parked()).toEqual(['70 apply.failed', '198 key.waiting', '256 key.waiting']);
    expect(await view()).toHaveLength(254);
    expect(applyCalls).toBeLessThan(30);
  });

  it('applies what stands before a gap of its key also when another key is at fault in the same batch.', async () => {
    const bad = message(0, 'bad', 1, JSON.stringify({ line: 'forbidden' }));
    await projection.apply(batch([bad, message(1, 'gap', 1), message(2, 'gap', 3), message(3, 'gap', 2)]), handlers);
    expect(await parked()).toEqual(['0 apply.failed', '2 sequence.gap', '3 key.waiting']);
    expect(await view()).toEqual(['gap 1']);
  });

  it('keeps a key of any length, and of one partition looks at what is parked there alone.', async () => {
    // Of letters at random: an index takes a key that it can make shorter.
    const long = randomBytes(3_000).toString('base64url');
    await projection.apply(batch([message(0, long, 2), message(1, long, 3)]), handlers);
    expect(await parked()).toEqual(['0 sequence.gap', '1 key.waiting']);
    // Where partitions were added, the event that closes the gap lies in another.
    await projection.apply(batch([message(5, long, 1)], { partition: 1 }), handlers);
    expect(await view()).toHaveLength(1);
    expect(await projection.replayParked(() => handlers)).toEqual({ replayed: 2, left: 0 });
  });

  it('refuses a batch that was read in another topic of the same name than its offset counts in.', async () => {
    const [incarnation, another] = [randomUUID(), randomUUID()];
    const facts = { topic: TOPIC, incarnation, partitions: [{ low: 0n, high: 1n }] };
    await projection.offsets().begin?.(facts, [0], new Map());
    await projection.apply(batch([message(0, 'a', 1)], { incarnation }), handlers);
    const anew = batch([message(1, 'a', 2)], { incarnation: another });
    await expect(projection.apply(anew, handlers)).rejects.toThrow('was read in another incarnation');
    expect(await view()).toEqual(['a 1']);
  });

  it('invariant 3: redelivery, an overlapping batch and a topic published twice change nothing.', async () => {
    const first = [message(0, 'a', 1), message(1, 'b', 1), message(2, 'a', 2)];
    await projection.apply(batch(first), handlers);
    await projection.apply(batch(first), handlers);
    await projection.apply(batch([...first.slice(1), message(3, 'a', 3)]), handlers);
    await projection.apply(
      batch([message(4, 'a', 1), message(5, 'b', 1), message(6, 'a', 2), message(7, 'a', 3), message(8, 'b', 2)]),
      handlers,
    );
    expect(await view()).toEqual(['a 1', 'b 1', 'a 2', 'a 3', 'b 2']);
    expect(await parked()).toEqual([]);
  });

  describe('a number that comes again with another event', () => {
    const other = (m: ReceivedMessage): ReceivedMessage => ({ ...m, headers: { ...m.headers, ce_id: 'another' } });

    it.each([
      ['the last one', [message(3, 'a', 3)]],
      ['an older one', [message(3, 'a', 2)]],
      ['one of the same batch', [message(3, 'a', 4), message(4, 'a', 4)]],
    ])('parks %s, and what comes after it, however often it is replayed', async (_, again) => {
      await projection.apply(batch([message(0, 'a', 1), message(1, 'a', 2)]), handlers);
      await projection.apply(batch([message(2, 'a', 3)]), handlers);
      const last = again.at(-1) as ReceivedMessage;
      const more = [...again.slice(0, -1), other(last), message(10, 'a', 5), message(11, 'b', 1)];
      await projection.apply(batch(more), handlers);
      const left = [`${String(last.offset)} sequence.reused`, '10 key.waiting'];
      expect(await parked()).toEqual(left);
      expect((await view()).at(-1)).toBe('b 1');
      await projection.replayParked(() => handlers);
      expect((await parked())[0]).toBe(left[0]);
      const places = [last.offset, 10n].map((offset) => ({ topic: TOPIC, partition: 0, offset }));
      expect(await projection.discardParked(places, () => handlers)).toBe(1);
    });

    it('holds up its key until it is let go, where it can never be read', async () => {
      const poison = other(message(1, 'a', 2, 'x'));
      await projection.apply(batch([message(0, 'a', 1), poison, message(2, 'a', 2)]), handlers);
      await projection.replayParked(() => handlers);
      await projection.apply(batch([message(3, 'a', 3)]), handlers);
      expect(await parked()).toEqual(['1 event.bad-json', '3 key.waiting']);
      const at = (offset: bigint) => [{ topic: TOPIC, partition: 0, offset }];
      expect(await projection.discardParked(at(3n), () => handlers)).toBe(0);
      expect(await projection.discardParked(at(1n), () => handlers)).toBe(1);
      await projection.replayParked(() => handlers);
      expect([await view(), await parked()]).toEqual([['a 1', 'a 2', 'a 3'], []]);
      await expect(projection.discardParked(at(1n), () => undefined)).rejects.toThrow('no topic of list-v1');
      expect(await projection.discardParked([{ topic: TOPIC, partition: 99, offset: 1n }], () => handlers)).toBe(0);
      const { rowCount } = await pool.query('select from consumer_offset where partition = 99');
      expect(rowCount).toBe(0);
    });

    it('knows it after a replay and after a batch that was applied by halves', async () => {
      await projection.apply(batch([message(0, 'a', 2), message(1, 'a', 1)]), handlers);
      await projection.replayParked(() => handlers);
      const bad = message(2, 'bad', 1, JSON.stringify({ line: 'forbidden' }));
      await projection.apply(batch([bad, message(3, 'a', 3)]), handlers);
      await projection.apply(batch([1, 2, 3].map((sequence) => message(3 + sequence, 'a', sequence))), handlers);
      expect(await parked()).toEqual(['2 apply.failed']);
      await projection.apply(batch([1, 2, 3].map((sequence) => other(message(6 + sequence, 'a', sequence)))), handlers);
      const reused = ['7 sequence.reused', '8 sequence.reused', '9 sequence.reused'];
      expect(await parked()).toEqual(['2 apply.failed', ...reused]);
    });
  });

  it('invariant 3: with the stored offset set back to 0 the whole topic is read again and changes nothing.', async () => {
    const all = [message(0, 'a', 1), message(1, 'b', 1), message(2, 'a', 2)];
    await projection.apply(batch(all), handlers);
    await pool.query('update consumer_offset set next_offset = 0');
    await projection.apply(batch(all), handlers);
    expect(await view()).toEqual(['a 1', 'b 1', 'a 2']);
  });

  it('invariant 3: a batch behind which the stored offset was set back is refused, so that nothing between is lost.', async () => {
    await projection.apply(batch([message(0, 'a', 1), message(1, 'a', 2)]), handlers);
    await pool.query('update consumer_offset set next_offset = 0');
    await expect(projection.apply(batch([message(2, 'a', 3)], { position: 2n }), handlers)).rejects.toThrow(
      'set back to 0',
    );
    expect(await projection.offsets().nextOffsets(TOPIC)).toEqual(new Map([[0, 0n]]));
  });

  it('refuses a topic that ends before the stored offset, because it was made anew.', async () => {
    await projection.apply(batch([message(9, 'a', 1)]), handlers);
    await expect(projection.apply(batch([message(0, 'b', 1)]), handlers)).rejects.toThrow(
      'before the stored offset 10',
    );
  });

  it('invariant 3: a process that ends between apply and commit leaves neither the rows nor the offset.', async () => {
    await expect(
      projection.apply(batch([message(0, 'a', 1)]), {
        ...handlers,
        apply: async (tx, events) => {
          await handlers.apply(tx, events);
          await database.endSessions("query like 'insert into list%'");
        },
      }),
    ).rejects.toThrow(ConnectionLost);
    expect(await view()).toEqual([]);
    await projection.apply(batch([message(0, 'a', 1)]), handlers);
    expect(await view()).toEqual(['a 1']);
    expect(await parked()).toEqual([]);
  });

  it('parks nothing when the database does not answer in time: the record is not to blame.', async () => {
    const impatient = new Projection({
      pool: database.pool({ query_timeout: 500 }),
      view: 'list-v1',
      logger: silent,
    });
    const slow = {
      ...handlers,
      apply: (tx: Pick<Pool, 'query'>) => tx.query('select pg_sleep(30)').then(() => undefined),
    };
    await expect(impatient.apply(batch([message(0, 'a', 1)]), slow)).rejects.toThrow(ConnectionLost);
    expect(await database.endSessions("query like 'select pg_sleep%'")).toBe(1);
    expect(await parked()).toEqual([]);
    expect(await projection.offsets().nextOffsets(TOPIC)).toEqual(new Map());
  });

  it('invariant 3: two readers of one partition at the same time apply every record once.', async () => {
    const messages = Array.from({ length: 200 }, (_, i) => message(i, `k${String(i % 5)}`, Math.floor(i / 5) + 1));
    const other = new Projection({ pool, view: 'list-v1', logger: silent });
    const end = { highWatermark: 200n };
    for (let from = 0; from < messages.length; from += 20) {
      const part = messages.slice(from, from + 20);
      await Promise.all([
        projection.apply(batch(part, end), handlers),
        other.apply(batch(part.slice(0, 10), end), handlers).then(() => other.apply(batch(part, end), handlers)),
      ]);
    }
    expect((await view()).length).toBe(200);
    expect(new Set(await view()).size).toBe(200);
    expect(await parked()).toEqual([]);
  });

  it('begins a batch again that Postgres ended because it and another waited for each other.', async () => {
    const both = Promise.withResolvers<undefined>();
    let holding = 0;
    const crossing: ProjectionHandlers<CloudEvent> = {
      ...handlers,
      apply: async (tx, events) => {
        await handlers.apply(tx, events);
        const [first, second] = events[0]?.message.key === 'a' ? [1, 2] : [2, 1];
        await tx.query('select pg_advisory_xact_lock($1)', [first]);
        if (++holding === 2) both.resolve(undefined);
        await both.promise;
        await tx.query('select pg_advisory_xact_lock($1)', [second]);
      },
    };
    await Promise.all([
      projection.apply(batch([message(0, 'a', 1)]), crossing),
      projection.apply(batch([message(0, 'b', 1)], { partition: 1 }), crossing),
    ]);
    expect(applyCalls).toBe(3);
    expect((await view()).sort()).toEqual(['a 1', 'b 1']);
    expect(await parked()).toEqual([]);
  });

  it('invariant 11: what cannot be read is parked with its reason, later records of its key wait, other keys go on.', async () => {
    const megabyte = JSON.stringify({ line: 'x'.repeat(1_000_000) }).slice(0, -1);
    await projection.apply(
      batch(
        [
          message(0, 'json', 1, '{"line": '),
          message(1, 'type', 1),
          message(2, null, 1),
          message(3, 'huge', 1, megabyte),
          message(4, 'gap', 2),
          message(5, 'nul\0', 1),
          message(6, 'good', 1),
          message(7, 'json', 2),
          message(8, 'gap', 1),
          message(9, 'good', 2),
        ].map((m) => (m.key === 'type' ? { ...m, headers: { ...m.headers, ce_type: 'Renamed' } } : m)),
      ),
      handlers,
    );
    await projection.apply(batch([message(10, 'json', 3), message(11, 'good', 3)]), handlers);

    expect(await view()).toEqual(['good 1', 'good 2', 'good 3']);
    expect(await parked()).toEqual([
      '0 event.bad-json',
      '1 event.unknown-type',
      '2 record.bad-key',
      '3 event.bad-json',
      '4 sequence.gap',
      '5 record.bad-key',
      '7 key.waiting',
      '8 key.waiting',
      '10 key.waiting',
    ]);
    expect(await projection.parked()).toEqual({ count: 9, oldest: expect.any(Date) as Date });
  });

  it('invariant 11: after the fix the parked records are replayed in order, and their keys go on.', async () => {
    const renamed = (m: ReceivedMessage) => ({ ...m, headers: { ...m.headers, ce_type: 'Renamed' } });
    await projection.apply(
      batch([message(0, 'a', 1), renamed(message(1, 'a', 2)), message(2, 'a', 3), message(3, 'b', 1)]),
      handlers,
    );
    await projection.apply(batch([message(4, 'a', 4)]), handlers);
    expect(await projection.replayParked({ [TOPIC]: handlers })).toMatchObject({ replayed: 0, left: 3 });
    expect(await view()).toEqual(['a 1', 'b 1']);

    known = ['Added', 'Renamed'];
    expect(await projection.replayParked({ [TOPIC]: handlers })).toMatchObject({ replayed: 3, left: 0 });
    await projection.apply(batch([message(5, 'a', 5)]), handlers);
    expect(await view()).toEqual(['a 1', 'b 1', 'a 2', 'a 3', 'a 4', 'a 5']);
    expect(await parked()).toEqual([]);
  });

  it('invariant 11: a gap heals when the missing record comes after all.', async () => {
    await projection.apply(
      batch([message(0, 'a', 1), message(1, 'a', 3), message(2, 'a', 4), message(3, 'a', 2)]),
      handlers,
    );
    expect(await view()).toEqual(['a 1']);
    expect(await projection.replayParked({ [TOPIC]: handlers })).toMatchObject({ replayed: 3, left: 0 });
    expect(await view()).toEqual(['a 1', 'a 2', 'a 3', 'a 4']);
  });

  it('invariant 11: a corrected copy takes the place of a record that can never be read.', async () => {
    await projection.apply(batch([message(0, 'a', 1, '{'), message(1, 'a', 2), message(2, 'a', 1)]), handlers);
    expect(await projection.replayParked({ [TOPIC]: handlers })).toMatchObject({ replayed: 3, left: 0 });
    expect(await view()).toEqual(['a 1', 'a 2']);
  });

  it('invariant 11: a record that the view cannot take is found among the others and parked alone.', async () => {
    const forbidden = message(1, 'b', 1, JSON.stringify({ line: 'forbidden' }));
    const nul = message(3, 'c', 1, JSON.stringify({ line: 'a \0 in the text' }));
    await projection.apply(
      batch([message(0, 'a', 1), forbidden, message(2, 'b', 2), nul, message(4, 'a', 2)]),
      handlers,
    );
    expect(await view()).toEqual(['a 1', 'a 2']);
    expect(await parked()).toEqual(['1 apply.failed', '2 key.waiting', '3 apply.failed']);

    await database.asOwner('alter table list drop constraint list_line_check');
    expect(await projection.replayParked({ [TOPIC]: handlers })).toMatchObject({ replayed: 2, left: 1 });
    await database.asOwner("delete from list where line = 'forbidden'");
    await database.asOwner("alter table list add constraint list_line_check check (line not like '%forbidden%')");
    expect(await view()).toEqual(['a 1', 'a 2', 'b 2']);
  });

  it('invariant 11: with offsets set back, a poison record that was dealt with does not block its key again.', async () => {
    const all = [message(0, 'a', 1, '{'), message(1, 'a', 2), message(2, 'a', 1), message(3, 'a', 3)];
    await projection.apply(batch(all), handlers);
    await projection.replayParked({ [TOPIC]: handlers });
    await pool.query('update consumer_offset set next_offset = 0');
    await projection.apply(batch(all), handlers);
    expect(await view()).toEqual(['a 1', 'a 2', 'a 3']);
    expect(await parked()).toEqual([]);
  });

  it('stores nothing and parks nothing when the SQL of the view is wrong for every record.', async () => {
    const wrong = {
      ...handlers,
      apply: async (tx: Pick<Pool, 'query'>) => {
        await tx.query('select * from nowhere');
      },
    };
    await expect(projection.apply(batch([message(0, 'a', 1)]), wrong)).rejects.toThrow('nowhere');
    expect(await parked()).toEqual([]);
    expect(await projection.offsets().nextOffsets(TOPIC)).toEqual(new Map());
  });

  it('applies what is not sequenced by its key alone, and parks behind the first bad record only.', async () => {
    const loose = { ...handlers, sequenced: false };
    await projection.apply(
      batch([message(0, 'a', 7), message(1, 'a', 3), message(2, 'b', 9, '{'), message(3, 'b', 1)]),
      loose,
    );
    expect(await view()).toEqual(['a 7', 'a 3']);
    expect(await parked()).toEqual(['2 event.bad-json', '3 key.waiting']);
  });

  it('lets one wait for offsets and for a sequence, and says what is behind.', async () => {
    const processed = projection.whenProcessed(TOPIC, new Map([[0, 2n]]), 5_000);
    const sequence = projection.whenSequence(TOPIC, 'a', 2, 5_000);
    await projection.apply(batch([message(0, 'a', 1), message(1, 'a', 2)]), handlers);
    await processed;
    expect(await sequence).toBe('reached');
    expect(await projection.whenSequence(TOPIC, 'a', 3, 30)).toBe('behind');
    await expect(projection.whenProcessed(TOPIC, new Map([[0, 9n]]), 30)).rejects.toThrow('partition 0 is at 2 of 9');
  });

  it('lets 64 wait for one key at a time, which costs other keys nothing, and nobody for what is too far ahead.', async () => {
    const waiting = Array.from({ length: 64 }, () => projection.whenSequence(TOPIC, 'a', 1, 60_000));
    expect(await projection.whenSequence(TOPIC, 'a', 1, 60_000)).toBe('crowded');
    expect(await projection.whenSequence(TOPIC, 'b', 1, 30)).toBe('behind');
    expect(await projection.whenSequence(TOPIC, 'b', 1_001, 60_000)).toBe('far');
    await projection.apply(batch([message(0, 'a', 1)]), handlers);
    expect(await Promise.all(waiting)).toEqual(Array<string>(64).fill('reached'));
  });

  it('calls back with what was applied, after the commit, and goes on when that fails.', async () => {
    const told: string[] = [];
    const telling: typeof handlers = {
      ...handlers,
      afterCommit: async (events) => {
        told.push(`${String(events.length)} of ${String((await view()).length)}`);
        throw new Error('nobody listens');
      },
    };
    await projection.apply(batch([message(0, 'a', 1), message(1, 'a', 2)]), telling);
    await projection.apply(batch([message(0, 'a', 1), message(1, 'a', 2), message(2, 'a', 3)]), telling);
    expect(told).toEqual(['2 of 2', '1 of 3']);
  });
});
