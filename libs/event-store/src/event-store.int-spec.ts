import { randomUUIDv7 as uuid } from 'node:crypto';
import { outboxTables } from '@rebelcore/messaging/schema';
import { ConnectionLost } from '@rebelcore/messaging/transaction';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import type { Pool } from 'pg';
import { z } from 'zod';
import { eventCodec, Refused, type Aggregate, type Decision, type EventOf } from './aggregate.js';
import { withinCustomer } from './customer-scope.js';
import {
  ClaimTaken,
  EventStore,
  TooLate,
  toStream,
  VersionConflict,
  type EventStoreOptions,
  type StreamPublication,
} from './event-store.js';
import { eventStoreTables } from './schema.js';

const definitions = { Filled: { schema: z.object({ by: z.string() }) } };
type Filled = EventOf<typeof definitions>;
type Glass = { readonly drops: number };
const glass: Aggregate<Glass, Filled> = {
  type: 'glass',
  initial: { drops: 0 },
  evolve: ({ drops }) => ({ drops: drops + 1 }),
  codec: eventCodec<Filled>(definitions),
};
const fill = (by: string): Filled => ({ type: 'Filled', data: { by } });
const fillUpTo =
  (limit: number): Decision<Glass, Filled> =>
  ({ drops }) =>
    drops < limit ? [fill('hand')] : [];

let database: TestDatabase;
let pool: Pool;
/** Sees every customer's rows. */
let owner: Pool;
const glasses: StreamPublication<Filled> = {
  aggregate: glass,
  publish: ({ id, customerId, event, streamId }) => [
    { topic: 'first', key: customerId, headers: { ce_id: id }, value: JSON.stringify({ streamId, ...event.data }) },
    { topic: 'second', key: streamId, headers: { ce_id: `${id}:2` }, value: '{}' },
  ],
};
const storeWith = (more: Partial<EventStoreOptions> = {}) => new EventStore({ pool, streams: [glasses], ...more });
const contextOf = (customerId: string) => ({ customerId, correlationId: 'api:test' });

interface OutboxRow {
  topic: string;
  key: string;
  headers: Record<string, string>;
}
const outboxOf = async (customerId: string): Promise<OutboxRow[]> =>
  (
    await pool.query<OutboxRow>(
      `select topic, key, headers from outbox where topic = 'first' and key = $1 order by id`,
      [customerId],
    )
  ).rows;
const sequencesOf = async (customerId: string): Promise<number[]> =>
  (
    await owner.query<{ sequence: string }>('select sequence from event where customer_id = $1 order by sequence', [
      customerId,
    ])
  ).rows.map(({ sequence }) => Number(sequence));
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

beforeAll(async () => {
  database = await testDatabase({
    role: 'keeper',
    schema: `
      ${eventStoreTables('keeper')} ${outboxTables('keeper')}
      create table shelf (customer_id uuid not null, drops integer not null);
      grant select, insert on shelf to keeper;
      alter table shelf enable row level security;
      create policy own_customer on shelf
        using (customer_id = nullif(current_setting('rebelcore.customer_id', true), '')::uuid);`,
  });
  pool = database.pool({ max: 20 });
  owner = database.pool({ connectionString: database.url });
});
afterAll(() => database.drop());

describe('the event store', () => {
  it('appends what is decided and reads it back', async () => {
    const [customerId, id] = [uuid(), uuid()];
    const context = { ...contextOf(customerId), causationId: 'cause', traceparent: '00-trace' };
    const first = await storeWith().transact(glass, id, fillUpTo(2), context);
    const second = await storeWith().transact(glass, id, fillUpTo(2), context);
    expect([first.position, second.position, second.state]).toEqual([1, 2, { drops: 2 }]);
    expect(second.recorded[0]).toMatchObject({ version: 2, sequence: 2, streamId: id, customerId });

    const { history, state } = await storeWith().load(glass, id, customerId);
    expect(state).toEqual({ drops: 2 });
    expect(history.map(({ event, version }) => [event, version])).toEqual([
      [fill('hand'), 1],
      [fill('hand'), 2],
    ]);
    expect(await storeWith().head(customerId)).toBe(2);
  });

  it('adds nothing when the decision finds nothing to do, and answers the position of what was done before', async () => {
    const [customerId, id] = [uuid(), uuid()];
    await storeWith().transact(glass, id, fillUpTo(1), contextOf(customerId));
    await storeWith().transact(glass, uuid(), fillUpTo(1), contextOf(customerId));
    const repeated = await storeWith().transact(glass, id, fillUpTo(1), contextOf(customerId));
    expect(repeated).toEqual({ recorded: [], state: { drops: 1 }, position: 1 });
  });

  it('numbers the outbox rows with the sequence of their event, in its order', async () => {
    const customerId = uuid();
    await storeWith().append([toStream(glass, uuid(), 0, [fill('a'), fill('b')])], contextOf(customerId));
    const { rows } = await pool.query<OutboxRow>('select topic, key, headers from outbox order by id desc limit 4');
    expect(rows.reverse().map(({ topic, headers }) => [topic, headers.ce_sequence])).toEqual([
      ['first', '1'],
      ['second', '1'],
      ['first', '2'],
      ['second', '2'],
    ]);
  });

  it('appends to several streams at once, or to none', async () => {
    const [customerId, one, two] = [uuid(), uuid(), uuid()];
    const writes = [toStream(glass, one, 0, [fill('a')]), toStream(glass, two, 0, [fill('b')])];
    await storeWith().append(writes, contextOf(customerId));
    const again = [toStream(glass, uuid(), 0, [fill('c')]), toStream(glass, two, 0, [fill('d')])];
    await expect(storeWith().append(again, contextOf(customerId))).rejects.toThrow(VersionConflict);
    expect(await sequencesOf(customerId)).toEqual([1, 2]);
  });

  it('refuses a stream that it knows nothing of, which would be published nowhere', async () => {
    const customerId = uuid();
    const appending = storeWith({ streams: [] }).transact(glass, uuid(), fillUpTo(1), contextOf(customerId));
    await expect(appending).rejects.toThrow('glass');
    expect(await sequencesOf(customerId)).toEqual([]);
  });

  it('wakes the relay after the commit, and only then', async () => {
    const [customerId, wakes] = [uuid(), [] as string[]];
    const watched = (point: string) =>
      storeWith({
        relay: { wake: () => wakes.push(point) },
        crashPoint: (reached) => {
          if (reached === point) throw new Error(`crashed when ${point}`);
        },
      });
    for (const point of ['inserted', 'committed']) {
      await expect(watched(point).transact(glass, uuid(), fillUpTo(1), contextOf(customerId))).rejects.toThrow(point);
    }
    expect(wakes).toEqual(['committed']);
  });

  it('writes nothing when the business refuses', async () => {
    const customerId = uuid();
    const refuse = () => {
      throw new Refused('glass.broken', 'The glass is broken.');
    };
    await expect(storeWith().transact(glass, uuid(), refuse, contextOf(customerId))).rejects.toThrow(Refused);
    expect(await sequencesOf(customerId)).toEqual([]);
  });

  it('writes nothing when the time to write is over', async () => {
    const customerId = uuid();
    const context = { ...contextOf(customerId), writeBy: performance.now() };
    await expect(storeWith().transact(glass, uuid(), fillUpTo(1), context)).rejects.toThrow(TooLate);
    expect(await sequencesOf(customerId)).toEqual([]);
    expect(await outboxOf(customerId)).toEqual([]);
  });

  it('keeps inline read models in the same transaction', async () => {
    const customerId = uuid();
    const shelved: StreamPublication<Filled> = {
      ...glasses,
      project: async (tx, { customerId: owner, version }) => {
        await tx.query('insert into shelf values ($1, $2)', [owner, version]);
        if (version > 1) throw new Error('the shelf is full');
      },
    };
    const store = storeWith({ streams: [shelved] });
    await store.append([toStream(glass, uuid(), 0, [fill('a')])], contextOf(customerId));
    const tooMany = [toStream(glass, uuid(), 0, [fill('b'), fill('c')])];
    await expect(store.append(tooMany, contextOf(customerId))).rejects.toThrow('the shelf is full');
    const shelf = await withinCustomer(pool, customerId, (tx) => tx.query('select drops from shelf'));
    expect([shelf.rows, await sequencesOf(customerId)]).toEqual([[{ drops: 1 }], [1]]);
  });

  it('invariant 1: gives concurrent writers of one customer a gap-free sequence, and the outbox its order', async () => {
    const customerId = uuid();
    const store = storeWith();
    await Promise.all(
      upTo(64).map((n) => store.transact(glass, uuid(), () => [fill(String(n))], contextOf(customerId))),
    );
    expect(await sequencesOf(customerId)).toEqual(upTo(64));
    expect((await outboxOf(customerId)).map(({ headers }) => Number(headers.ce_sequence))).toEqual(upTo(64));
  });

  it('invariant 1: lets one of 16 concurrent writers have a claim, and the others write nothing', async () => {
    const customers = upTo(16).map(() => uuid());
    const store = storeWith();
    const outcomes = await Promise.allSettled(
      customers.map((customerId) => {
        const streamId = uuid();
        const claims = [{ scope: 'glass.name', key: customers[0] ?? '', streamId }];
        return store.transact(glass, streamId, fillUpTo(1), { ...contextOf(customerId), claims });
      }),
    );
    const refused = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    expect(refused).toHaveLength(15);
    for (const { reason } of refused) {
      expect(reason).toBeInstanceOf(ClaimTaken);
      expect(reason).toMatchObject({ scope: 'glass.name' });
    }
    const winner = customers[outcomes.findIndex(({ status }) => status === 'fulfilled')] ?? '';
    expect(await store.claimedBy('glass.name', customers[0] ?? '')).toMatchObject({ customerId: winner });
    const { rows } = await owner.query('select customer_id from event where customer_id = any($1)', [customers]);
    expect(rows).toEqual([{ customer_id: winner }]);
    const heads = await Promise.all(customers.map((customerId) => store.head(customerId)));
    expect(heads.reduce((sum, head) => sum + head)).toBe(1);
  });

  it('runs only the decision again when the stream has changed, so that a limit holds under 16 writers', async () => {
    const [customerId, id] = [uuid(), uuid()];
    const store = storeWith();
    let decisions = 0;
    const counted: Decision<Glass, Filled> = (state) => {
      decisions++;
      return fillUpTo(10)(state);
    };
    const outcomes = await Promise.all(upTo(16).map(() => store.transact(glass, id, counted, contextOf(customerId))));
    expect(outcomes.filter(({ recorded }) => recorded.length === 1)).toHaveLength(10);
    expect(decisions).toBeGreaterThan(16);
    expect(await sequencesOf(customerId)).toEqual(upTo(10));
    expect(await outboxOf(customerId)).toHaveLength(10);
  });
});

describe('invariant 1: a crash', () => {
  const crashAt = (where: string) =>
    storeWith({
      crashPoint: (point) => {
        if (point === where) throw new Error(`crashed when ${point}`);
      },
    });
  const written = async (customerId: string) => [
    (await sequencesOf(customerId)).length,
    (await outboxOf(customerId)).length,
    await storeWith().head(customerId),
  ];

  it.each(['begun', 'inserted'])(
    'before the commit (%s) leaves nothing, neither stored nor to be published',
    async (point) => {
      const customerId = uuid();
      await expect(crashAt(point).transact(glass, uuid(), fillUpTo(1), contextOf(customerId))).rejects.toThrow(point);
      expect(await written(customerId)).toEqual([0, 0, 0]);
    },
  );

  it('after the commit leaves all of it, and the repeated command finds nothing to do', async () => {
    const [customerId, id] = [uuid(), uuid()];
    const crashing = crashAt('committed').transact(glass, id, fillUpTo(1), contextOf(customerId));
    await expect(crashing).rejects.toThrow('committed');
    expect(await written(customerId)).toEqual([1, 1, 1]);
    const repeated = await storeWith().transact(glass, id, fillUpTo(1), contextOf(customerId));
    expect(repeated.recorded).toEqual([]);
    expect(await written(customerId)).toEqual([1, 1, 1]);
  });

  it('of the connection inside the transaction leaves nothing, and the pool goes on', async () => {
    const customerId = uuid();
    const store = storeWith({
      crashPoint: async (point) => {
        if (point === 'inserted') await database.endSessions(`state = 'idle in transaction'`);
      },
    });
    const lost = store.transact(glass, uuid(), fillUpTo(1), contextOf(customerId));
    await expect(lost).rejects.toThrow(ConnectionLost);
    expect(await written(customerId)).toEqual([0, 0, 0]);
    await storeWith().transact(glass, uuid(), fillUpTo(1), contextOf(customerId));
    expect(await written(customerId)).toEqual([1, 1, 1]);
  });
});

describe('invariant 8: the customer of a transaction', () => {
  it('is the only one whose rows can be read or written, whatever the query says', async () => {
    const [mine, theirs] = [uuid(), uuid()];
    const put = (customerId: string, as: string) =>
      withinCustomer(pool, as, (tx) => tx.query('insert into shelf values ($1, 1)', [customerId]));
    await put(mine, mine);
    await put(theirs, theirs);
    const { rows } = await withinCustomer(pool, mine, (tx) => tx.query('select customer_id from shelf'));
    expect(rows).toEqual([{ customer_id: mine }]);
    await expect(put(theirs, mine)).rejects.toThrow('row-level security');
  });

  it('is nobody outside a transaction for one, also on a connection that was used for one before', async () => {
    const [single, customerId] = [database.pool({ max: 1 }), uuid()];
    const put = 'insert into shelf values ($1, 1) returning drops';
    const { rows } = await withinCustomer(single, customerId, (tx) => tx.query(put, [customerId]));
    expect(rows).toEqual([{ drops: 1 }]);
    expect((await single.query('select * from shelf')).rows).toEqual([]);
  });

  it('sees a stream of another customer as one that does not exist', async () => {
    const id = uuid();
    await storeWith().transact(glass, id, fillUpTo(1), contextOf(uuid()));
    expect(await storeWith().load(glass, id, uuid())).toEqual({ state: glass.initial, history: [] });
  });
});

describe('the runtime role', () => {
  it.each(['update event set version = 9', 'delete from event', 'update claim set key = key'])(
    'may not %s',
    async (sql) => {
      await expect(pool.query(sql)).rejects.toThrow('permission denied');
    },
  );
});
