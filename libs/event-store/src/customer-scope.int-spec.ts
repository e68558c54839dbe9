import { ConnectionLost } from '@rebelcore/messaging/transaction';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { randomUUIDv7 as uuid } from 'node:crypto';
import { DataSource, EntitySchema, type EntityManager } from 'typeorm';
import { entitiesWithinCustomer, rowsAcrossCustomers, rowsWithinCustomer } from './customer-scope.js';

interface Shelf {
  customerId: string;
  drops: number;
}
const shelf = new EntitySchema<Shelf>({
  name: 'shelf',
  columns: {
    customerId: { type: 'uuid', name: 'customer_id', primary: true },
    drops: { type: 'integer', primary: true },
  },
});

let database: TestDatabase;
let dataSource: DataSource;
beforeAll(async () => {
  database = await testDatabase({
    role: 'keeper',
    schema: `
      create table shelf (customer_id uuid, drops integer, primary key (customer_id, drops));
      grant select, insert on shelf to keeper;
      alter table shelf enable row level security;
      create policy own_customer on shelf
        using (customer_id = nullif(current_setting('rebelcore.customer_id', true), '')::uuid);
      create policy every_customer on shelf for select using (current_setting('rebelcore.every_customer', true) = 'on');`,
  });
  // One connection, so that each transaction gets the one of the transaction before, unless that is thrown away.
  const options = { poolSize: 1, extra: { query_timeout: 300 } };
  dataSource = new DataSource({ type: 'postgres', url: database.roleUrl, entities: [shelf], ...options });
  await dataSource.initialize();
});
afterAll(async () => {
  await dataSource.destroy();
  await database.drop();
});

const put = (customerId: string, as: string) =>
  entitiesWithinCustomer(dataSource, as, (entities) => entities.insert(shelf, { customerId, drops: 1 }));
const all = (as: string) => entitiesWithinCustomer(dataSource, as, (entities) => entities.find(shelf));
const connection = async () => {
  const sql = `select pg_backend_pid() as pid, current_setting('rebelcore.customer_id', true) as customer`;
  const [row] = await dataSource.query<{ pid: number; customer: string | null }[]>(sql);
  return row;
};

describe('invariant 8: entities', () => {
  it('are those of the customer of the transaction, whatever the repository is asked for', async () => {
    const [mine, theirs] = [uuid(), uuid()];
    await put(mine, mine);
    await put(theirs, theirs);
    expect(await all(mine)).toEqual([{ customerId: mine, drops: 1 }]);
    await expect(put(theirs, mine)).rejects.toThrow('row-level security');
    expect(await all(theirs)).toHaveLength(1);
  });

  it('fail with the error that Postgres gives', async () => {
    const mine = uuid();
    await put(mine, mine);
    await expect(put(mine, mine)).rejects.toMatchObject({ code: '23505', constraint: 'shelf_pkey' });
  });

  it('are none outside such a transaction, also on a connection that was used for one before', async () => {
    const mine = uuid();
    await put(mine, mine);
    expect(await all(mine)).toHaveLength(1);
    expect(await dataSource.getRepository(shelf).find()).toEqual([]);
    await expect(dataSource.getRepository(shelf).insert({ customerId: mine, drops: 2 })).rejects.toThrow('row-level');
  });

  it('are as they were when the work fails', async () => {
    const mine = uuid();
    const { pid } = (await connection()) ?? {};
    const failing = entitiesWithinCustomer(dataSource, mine, async (entities) => {
      await entities.insert(shelf, { customerId: mine, drops: 1 });
      // Saving opens and commits a transaction of its own where TypeORM sees none.
      await entities.save(shelf, { customerId: mine, drops: 2 });
      throw new Error('the glass broke');
    });
    await expect(failing).rejects.toThrow('the glass broke');
    expect(await all(mine)).toEqual([]);
    expect((await connection())?.pid).toBe(pid);
  });
});

describe('invariant 8: the rows of one query', () => {
  const query = 'select customer_id from shelf order by 1';
  const found = (rows: readonly { readonly customer_id: string }[]) => rows.map(({ customer_id }) => customer_id);

  it('are those of its customer, or of every one, and on its connection nothing stays of either', async () => {
    const [mine, theirs] = [uuid(), uuid()];
    await put(mine, mine);
    await put(theirs, theirs);
    const pool = database.pool({ max: 1 });
    expect(found(await rowsWithinCustomer(pool, mine, query))).toEqual([mine]);
    expect(found(await rowsAcrossCustomers(pool, query))).toEqual(expect.arrayContaining([mine, theirs]));
    expect(found((await pool.query<{ customer_id: string }>(query)).rows)).toEqual([]);
  });
});

describe('a connection in an unknown state is thrown away, and the customer with it,', () => {
  const unusable: [string, (entities: EntityManager) => Promise<unknown>][] = [
    ['when the server does not answer', (entities) => entities.query('select pg_sleep(30)')],
    [
      'when it is lost',
      async (entities) => {
        await database.endSessions(`state = 'idle in transaction'`);
        return entities.find(shelf);
      },
    ],
  ];
  it.each(unusable)('%s', async (_, work) => {
    const before = await connection();
    await expect(entitiesWithinCustomer(dataSource, uuid(), work)).rejects.toThrow(ConnectionLost);
    const after = await connection();
    expect(after?.pid).not.toBe(before?.pid);
    expect(after?.customer ?? '').toBe('');
  });
});
