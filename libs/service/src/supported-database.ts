import type { Pool } from 'pg';

/** The database cannot run what a service asks of it, however well the migrations went. */
class UnsupportedDatabase extends Error {
  constructor(encoding: string, version: string) {
    super(`The database is ${encoding} on PostgreSQL ${version}: a service needs UTF8 on PostgreSQL 17 or later.`);
    this.name = 'UnsupportedDatabase';
  }
}

/**
 * Searches fold case by the collation `pg_c_utf8`, which PostgreSQL has from 17 on and for UTF8 alone. Elsewhere the service
 * would start, say that it is ready, and fail with the first of them.
 *
 * @throws {UnsupportedDatabase}
 */
export async function requireSupported(pool: Pick<Pool, 'query'>): Promise<void> {
  const { rows } = await pool.query<{ encoding: string; version: string; supported: boolean }>(`
    select current_setting('server_encoding') as encoding, current_setting('server_version') as version,
           current_setting('server_encoding') = 'UTF8' and current_setting('server_version_num')::int >= 170000 as supported`);
  const [found] = rows;
  if (found?.supported !== true) throw new UnsupportedDatabase(found?.encoding ?? '?', found?.version ?? '?');
}
