import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import pg, { type Pool, type PoolClient } from 'pg';
import { ConnectionLost, inTransaction, isDataError, type TransactionOptions } from './transaction.js';

describe('A transaction', () => {
  let database: TestDatabase;
  let pool: Pool;

  beforeAll(async () => {
    database = await testDatabase();
    await database.asOwner('create table line (n integer primary key check (n < 100))');
    pool = database.pool({ max: 1 });
  });
  afterAll(() => database.drop());
  beforeEach(() => database.asOwner('truncate line'));

  const begin = (tx: PoolClient) => tx.query('begin');
  const insert = (n: number) => async (tx: PoolClient) => {
    await tx.query('insert into line values ($1)', [n]);
    return n;
  };
  const lines = async () => (await pool.query<{ n: number }>('select n from line order by n')).rows.map(({ n }) => n);
  const session = async () => (await pool.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid;
  const endSession = (pid: number | undefined) => database.endSessions(`pid = ${String(pid)}`);

  it('hands the answer of its beginning to the work, and has more go with the commit.', async () => {
    const result = await inTransaction(
      pool,
      (tx) => tx.query('begin; select 41 as n').then((all) => (all as unknown as pg.QueryResult<{ n: number }>[])[1]),
      async (tx, begun) => insert((begun?.rows[0]?.n ?? 0) + 1)(tx),
      { beforeCommit: (n) => `insert into line values (${String(n + 1)})` },
    );
    expect([result, await lines()]).toEqual([42, [42, 43]]);
  });

  it.each<[string, RegExp, (tx: PoolClient) => Promise<number>, TransactionOptions<number>]>([
    ['of the work', /not today/, () => Promise.reject(new RangeError('not today')), {}],
    ['of its data', /line_n_check/, insert(100), {}],
    ['of what goes with the commit', /nowhere/, insert(2), { beforeCommit: () => 'delete from nowhere' }],
  ])(
    'is rolled back after an error %s, which is passed on, and its connection is used again.',
    async (_, why, work, options) => {
      const before = await session();
      const failing = async (tx: PoolClient) => {
        await insert(1)(tx);
        return work(tx);
      };
      const error = await inTransaction(pool, begin, failing, options).catch((thrown: unknown) => thrown);
      expect(error).not.toBeInstanceOf(ConnectionLost);
      expect(String(error)).toMatch(why);
      expect([await lines(), await session()]).toEqual([[], before]);
    },
  );

  it.each(['while a query runs', 'between two queries'])(
    'that loses its connection %s says so, whatever else the work says, and the pool makes another one.',
    async (when) => {
      const before = await session();
      const work = async (tx: PoolClient) => {
        await insert(1)(tx);
        const gone = new Promise((resolve) => tx.once('end', resolve));
        if (when === 'while a query runs') await Promise.all([tx.query('select pg_sleep(30)'), endSession(before)]);
        else await endSession(before);
        await gone;
        throw new RangeError('the view cannot take this');
      };
      const error = await inTransaction(pool, begin, work).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ConnectionLost);
      expect(isDataError(error)).toBe(false);
      expect(await lines()).toEqual([]);
      expect(await session()).not.toBe(before);
    },
  );

  it('that gets no connection says so, with the code of the refusal.', async () => {
    const nobody = new pg.Pool({ host: '127.0.0.1', port: 1 });
    const error = await inTransaction(nobody, begin, insert(1)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConnectionLost);
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    await nobody.end();
  });

  it('whose server does not answer in time is left without asking it for a rollback.', async () => {
    const impatient = database.pool({ max: 1, query_timeout: 700 });
    const asked: unknown[] = [];
    impatient.on('connect', (client) => {
      const query = client.query.bind(client) as (...query: unknown[]) => unknown;
      Object.assign(client, { query: (...args: unknown[]) => (asked.push(args[0]), query(...args)) });
    });
    const hanging = inTransaction(impatient, begin, (tx) => tx.query('select pg_sleep(30)'));
    const error = await hanging.catch((thrown: unknown) => thrown);
    // A rollback would wait for as long again.
    expect(asked).toEqual(['begin', 'select pg_sleep(30)']);
    expect(error).toBeInstanceOf(ConnectionLost);
    expect(isDataError(error)).toBe(false);
    expect((await impatient.query('select 1')).rowCount).toBe(1);
  });

  it('is begun again after a deadlock where that is asked for, and only there.', async () => {
    const two = database.pool({ max: 2 });
    const crossing = (attempts: number) => {
      const both = Promise.withResolvers<undefined>();
      let holding = 0;
      return Promise.allSettled(
        [
          [1, 2],
          [2, 1],
        ].map(([first, second]) =>
          inTransaction(
            two,
            begin,
            async (tx) => {
              await tx.query('select pg_advisory_xact_lock($1)', [first]);
              if (++holding === 2) both.resolve(undefined);
              await both.promise;
              await tx.query('select pg_advisory_xact_lock($1)', [second]);
            },
            { attempts },
          ),
        ),
      );
    };
    expect((await crossing(2)).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    const [refused, ...more] = (await crossing(1)).filter((outcome) => outcome.status === 'rejected');
    expect(refused?.reason).toMatchObject({ code: '40P01' });
    expect(more).toEqual([]);
  });
});
