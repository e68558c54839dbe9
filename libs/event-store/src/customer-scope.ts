import { escapeLiteral, type Pool, type PoolClient } from 'pg';

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

/** Opens a transaction for one customer in a single round trip. */
export const beginFor = (customerId: string): string => `begin; set local ${SETTING} = ${escapeLiteral(customerId)}`;

/** Reads within one customer: the only way to the tables of {@link scopeToCustomer}. */
export async function withinCustomer<T>(
  pool: Pool,
  customerId: string,
  work: (tx: PoolClient) => Promise<T>,
): Promise<T> {
  return inTransaction(pool, beginFor(customerId), work);
}

/** Runs `work` between `begin` and commit; any error rolls back, and a connection in an unknown state is thrown away. */
export async function inTransaction<T>(pool: Pool, begin: string, work: (tx: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let unusable: Error | undefined;
  // A connection that is lost between two queries says so by an event, which would end the process if nobody listened.
  const lost = (error: Error) => {
    unusable = error;
  };
  client.on('error', lost);
  try {
    await client.query(begin);
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    // A server that did not answer in time would not answer the rollback either.
    if ((error as Error).message === 'Query read timeout') unusable = error as Error;
    else await client.query('rollback').catch(lost);
    throw error;
  } finally {
    client.off('error', lost);
    client.release(unusable);
  }
}
