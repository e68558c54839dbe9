import { withSessionSettings } from '@rebelcore/messaging/session-settings';
import { Pool, type PoolConfig } from 'pg';
import { DataSource, type DataSourceOptions, type MixedList } from 'typeorm';

export interface DatabaseOptions {
  readonly url: string;
  readonly applicationName: string;
  /** Connections of the pool. */
  readonly poolSize?: number;
  // The types that TypeORM itself asks for here.
  readonly entities?: MixedList<Function>;
  readonly migrations?: MixedList<Function>;
}

const CONNECT_TIMEOUT_MS = 3_000;
const BOUNDED_WAITS = {
  statement_timeout: 10_000,
  query_timeout: 12_000,
  idle_in_transaction_session_timeout: 5_000,
  keepAlive: true,
} as const;

/** Connection settings that every service shares: bounded waits everywhere, so that a frozen database cannot hang a request. */
export function dataSourceOptions(options: DatabaseOptions): DataSourceOptions {
  return {
    type: 'postgres',
    url: withSessionSettings(options.url),
    applicationName: options.applicationName,
    poolSize: options.poolSize ?? 10,
    ...(options.entities !== undefined && { entities: options.entities }),
    ...(options.migrations !== undefined && { migrations: options.migrations }),
    migrationsTransactionMode: 'each',
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    extra: BOUNDED_WAITS,
  };
}

/** The same waits for a pool that no entities are loaded through. */
export const BOUNDED_POOL = { connectionTimeoutMillis: CONNECT_TIMEOUT_MS, ...BOUNDED_WAITS } as const;

/**
 * A pool whose sessions have the settings that every statement relies on, and that outlives its connections. Of one that is lost
 * while nobody uses it pg tells the pool, and a pool to which nobody listens ends the process; whoever asks next gets another
 * connection, or an error.
 *
 * @param further settings beyond those of every session
 */
export function openPool(
  url: string,
  { further, ...config }: Omit<PoolConfig, 'connectionString'> & { readonly further?: readonly string[] },
): Pool {
  const pool = new Pool({ ...config, connectionString: withSessionSettings(url, further) });
  pool.on('error', () => undefined);
  return pool;
}

/** The pg pool that a TypeORM data source works on, for the hot paths. The data source must be initialised. */
export function poolOf(dataSource: DataSource): Pool {
  return (dataSource.driver as unknown as { master: Pool }).master;
}

/** Runs all pending migrations as the owner role and disconnects. Answers the names of those that ran. */
export async function runMigrations(options: DatabaseOptions): Promise<string[]> {
  const dataSource = new DataSource(dataSourceOptions({ ...options, poolSize: 1 }));
  await dataSource.initialize();
  try {
    return (await dataSource.runMigrations()).map((migration) => migration.name);
  } finally {
    await dataSource.destroy();
  }
}
