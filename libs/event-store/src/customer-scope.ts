import { inTransaction } from '@rebelcore/messaging/transaction';
import { escapeLiteral, type Pool, type PoolClient } from 'pg';
import type { DataSource, EntityManager } from 'typeorm';

const SETTING = 'rebelcore.customer_id';

/**
 * SQL for migrations: rows of the table are visible and writable only inside a transaction that was opened for their
 * customer. A query that forgets its customer finds nothing, whatever it selects. The owner role stands outside.
 */
export const scopeToCustomer = (table: string): string => `
  alter table ${table} enable row level security;
  create policy own_customer on ${table}
    using (customer_id = nullif(current_setting('${SETTING}', true), '')::uuid);
`;

/**
 * A transaction for one customer, opened in a single round trip: the only way to the tables of {@link scopeToCustomer}.
 *
 * @throws {ConnectionLost} see {@link inTransaction}
 */
export const withinCustomer = <T>(pool: Pool, customerId: string, work: (tx: PoolClient) => Promise<T>): Promise<T> =>
  inTransaction(pool, (tx) => tx.query(`begin; set local ${SETTING} = ${escapeLiteral(customerId)}`), work);

/**
 * {@link withinCustomer} for entities, through the manager given to the work and its repositories. Any other manager
 * finds nothing in the tables of {@link scopeToCustomer}.
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
