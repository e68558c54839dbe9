import { withSessionSettings } from '@rebelcore/messaging/session-settings';
import { randomUUID } from 'node:crypto';
import pg, { type Pool, type PoolConfig } from 'pg';
import { testInfrastructure } from './test.config.js';

export interface TestDatabase {
  readonly name: string;
  /** The owner's URL. */
  readonly url: string;
  /** The runtime role's URL; without one it is the owner's. */
  readonly roleUrl: string;
  /** A pool of the runtime role; it is closed with the database. */
  pool(options?: PoolConfig): Pool;
  /** Runs statements as the owner. */
  asOwner(sql: string): Promise<void>;
  /** Ends the sessions that match a condition on `pg_stat_activity`, as a crash of their process would; returns how many. */
  endSessions(condition: string): Promise<number>;
  drop(): Promise<void>;
}

/** Of every runtime role on the server of a test run. */
const ROLE_PASSWORD = 'of-a-test';

/**
 * A fresh database for one spec file, on the server of the test run.
 *
 * @param role the runtime role of a service; it is created when missing
 * @param schema SQL run as the owner at the beginning, such as `outboxTables('identity')`
 */
export async function testDatabase({ role, schema }: { role?: string; schema?: string } = {}): Promise<TestDatabase> {
  const admin = testInfrastructure().postgresUrl;
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const url = new URL(admin);
  url.pathname = `/${name}`;
  const roleUrl = new URL(url);
  if (role !== undefined) [roleUrl.username, roleUrl.password] = [role, ROLE_PASSWORD];

  await run(admin, `create database ${name}`);
  if (role !== undefined) {
    // Roles belong to the server: another spec file may be creating the same one.
    await run(
      admin,
      `do $$ begin create role ${role} login password '${ROLE_PASSWORD}'; exception when duplicate_object or unique_violation then null; end $$`,
    );
    await run(url.href, `grant usage on schema public to ${role}`);
  }
  if (schema !== undefined) await run(url.href, schema);

  const pools: Pool[] = [];
  return {
    name,
    url: url.href,
    roleUrl: roleUrl.href,
    pool(options = {}) {
      const pool = new pg.Pool({ connectionString: roleUrl.href, max: 10, ...options });
      // Sessions that a test ends would otherwise end the test run.
      pool.on('error', () => undefined);
      pools.push(pool);
      return pool;
    },
    asOwner: async (sql) => {
      await run(withSessionSettings(url.href), sql);
    },
    endSessions: (condition) =>
      run(admin, `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}' and (${condition})`),
    async drop() {
      await Promise.allSettled(pools.filter((pool) => !pool.ended).map((pool) => pool.end()));
      await run(admin, `drop database ${name} with (force)`);
    },
  };
}

async function run(connectionString: string, sql: string): Promise<number> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query(sql)).rowCount ?? 0;
  } finally {
    await client.end();
  }
}
