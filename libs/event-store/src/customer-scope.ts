import { inTransaction } from '@rebelcore/messaging/transaction';
import { escapeLiteral, type Pool, type PoolClient, type QueryResult, type QueryResultRow } from 'pg';
import type { DataSource, EntityManager } from 'typeorm';

/**
 * What the policy `own_customer`, which migrations put on tables, compares `customer_id` with. Rows are visible and writable
 * only inside a transaction that was opened for their customer: a query that forgets its customer finds nothing, whatever it
 * selects.
 */
const SETTING = 'rebelcore.customer_id';

/**
 * What the policy `every_customer` asks for, on the tables that are also read for all customers at once. Nobody sees more than
 * one customer without saying so, the owner of the tables included, for whom row security is forced.
 */
const EVERY = 'rebelcore.every_customer';

/**
 * A transaction for one customer, opened in a single round trip: the only way to rows under `own_customer`.
 *
 * @throws {ConnectionLost} see {@link inTransaction}
 */
export const withinCustomer = <T>(pool: Pool, customerId: string, work: (tx: PoolClient) => Promise<T>): Promise<T> =>
  inTransaction(pool, (tx) => tx.query(`begin; set local ${SETTING} = ${escapeLiteral(customerId)}`), work);

/**
 * A transaction for all customers at once: for a lookup that finds the customer, as that of a session by its token, and for what
 * serves many, as a view that follows a topic. Only tables with the policy `every_customer` show more in it.
 *
 * @throws {ConnectionLost} see {@link inTransaction}
 */
export const acrossCustomers = <T>(pool: Pool, work: (tx: PoolClient) => Promise<T>): Promise<T> =>
  inTransaction(pool, (tx) => tx.query(`begin; set local ${EVERY} = on`), work);

/**
 * The rows that one query finds for one customer, in a single round trip: the statements of one message are one transaction.
 * Such a message has no parameters, so values stand in the query by `escapeLiteral`.
 */
export const rowsWithinCustomer = <Row extends QueryResultRow>(
  pool: Pool,
  customerId: string,
  sql: string,
): Promise<Row[]> => rowsUnder(pool, SETTING, customerId, sql);

/** {@link rowsWithinCustomer}, and {@link acrossCustomers}. */
export const rowsAcrossCustomers = <Row extends QueryResultRow>(pool: Pool, sql: string): Promise<Row[]> =>
  rowsUnder(pool, EVERY, 'on', sql);

async function rowsUnder<Row extends QueryResultRow>(
  pool: Pool,
  setting: string,
  value: string,
  sql: string,
): Promise<Row[]> {
  const results = await pool.query(`select set_config('${setting}', ${escapeLiteral(value)}, true); ${sql}`);
  return (results as unknown as readonly QueryResult<Row>[]).at(-1)?.rows ?? [];
}

/** {@link acrossCustomers} from here to the end of a transaction that is open. */
export const seeEveryCustomer = (tx: Pick<PoolClient, 'query'>) => tx.query(`set local ${EVERY} = on`);

/**
 * {@link withinCustomer} for entities, through the manager given to the work and its repositories. Any other manager
 * finds nothing in tables under `own_customer`.
 */
export const entitiesWithinCustomer = <T>(
  dataSource: DataSource,
  customerId: string,
  work: (entities: EntityManager) => Promise<T>,
): Promise<T> =>
  withinCustomer((dataSource.driver as unknown as { master: Pool }).master, customerId, (tx) => {
    // Left to itself, TypeORM takes a connection of its own and saves in transactions of its own.
    const given = { databaseConnection: tx, isTransactionActive: true, transactionDepth: 1 };
    return work(Object.assign(dataSource.createQueryRunner(), given).manager);
  });
