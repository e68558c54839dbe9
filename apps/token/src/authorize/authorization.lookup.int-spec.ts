import { runMigrations } from '@rebelcore/service/database';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { until } from '@rebelcore/testing/until';
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { migrations } from '../migrations/migrations.js';
import { AuthorizationLookup, LookupFailed, type AuthorizationReader } from './authorization.lookup.js';

let database: TestDatabase;
let pool: Pool;
let queries: string[][];
/** Holds answers of the view back, after it has been read. */
let gate: Promise<void> | undefined;
let lookup: AuthorizationLookup;

beforeAll(async () => {
  database = await testDatabase({ role: 'token' });
  await runMigrations({ url: database.url, applicationName: 'test', migrations });
});
beforeEach(() => {
  pool = database.pool({ max: 2 });
  queries = [];
  gate = undefined;
  const view: AuthorizationReader = {
    query: async (query) => {
      queries.push(query.values?.[0] as string[]);
      const result = await pool.query(query);
      await gate;
      return result;
    },
  };
  lookup = new AuthorizationLookup(view);
});
afterEach(() => pool.end());
afterAll(() => database.drop());

async function known(username: string = randomUUID()): Promise<string> {
  await pool.query(
    `insert into authorization_v1 (api_user_id, customer_id, username, status, verifier, pepper_version)
     values (gen_random_uuid(), gen_random_uuid(), $1, 'active', 'v', 'p')`,
    [username],
  );
  return username;
}

describe('the lookup of who may authorize', () => {
  it('asks once for all who come at the same moment, and gives each their own answer', async () => {
    const usernames = await Promise.all(Array.from({ length: 20 }, () => known()));
    const answers = await Promise.all(
      [...usernames, 'unknown', ...usernames].map(async (username) => [username, await lookup.find(username)] as const),
    );
    expect(queries).toHaveLength(1);
    const ids = new Map<string, string | undefined>();
    for (const [username, found] of answers) {
      expect(found === undefined).toBe(username === 'unknown');
      expect(ids.get(username) ?? found?.apiUserId).toBe(found?.apiUserId);
      ids.set(username, found?.apiUserId);
    }
    expect(new Set(ids.values()).size).toBe(21);
  });

  it('invariant 4: a question asked after a deactivation is never answered by a query that ran before it', async () => {
    const username = await known();
    let open = (): void => undefined;
    gate = new Promise((resolve) => (open = resolve));
    const before = lookup.find(username);
    await until(() => queries.length === 1, 'the first query');
    await pool.query(`update authorization_v1 set status = 'inactive' where username = $1`, [username]);
    const after = lookup.find(username);
    // Another turn of the event loop: these two wait for the same next query.
    await new Promise((resolve) => setImmediate(resolve));
    const later = lookup.find(username);
    open();
    expect([(await after)?.status, (await later)?.status]).toEqual(['inactive', 'inactive']);
    await before;
    expect(queries).toEqual([[username], [username, username]]);
  });

  it('is not upset by a username that Postgres could not even store', async () => {
    const username = await known();
    const answers = await Promise.all([
      lookup.find(username),
      lookup.find(`${username}\0`),
      lookup.find('\ud800'),
      lookup.find(`' or true --`),
    ]);
    expect(answers.map((answer) => answer?.status)).toEqual(['active', undefined, undefined, undefined]);
    expect(queries).toHaveLength(1);
  });

  it('fails in two seconds when no connection is to be had', async () => {
    const username = await known();
    const taken = await Promise.all([pool.connect(), pool.connect()]);
    await expect(lookup.find(username)).rejects.toThrow(LookupFailed);
    for (const client of taken) client.release();
    expect((await lookup.find(username))?.status).toBe('active');
  });

  it('fails in two seconds when the view does not answer, and goes on afterwards', async () => {
    const username = await known();
    const owner = database.pool({ connectionString: database.url, max: 1 });
    const blocker = await owner.connect();
    await blocker.query('begin; lock table authorization_v1 in access exclusive mode');
    await expect(lookup.find(username)).rejects.toThrow(LookupFailed);
    await blocker.query('rollback');
    blocker.release();
    expect((await lookup.find(username))?.status).toBe('active');
  });
});
