import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { databaseUrl, ensureDatabase, withClient } from './databases.js';
import { Secrets } from './secrets.js';

describe('a database with other defaults', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'api-users-databases-'));
  const secrets = new Secrets(dataDir);
  let database: TestDatabase;
  const ensure = () => ensureDatabase(database.url, database.name, secrets);
  beforeAll(async () => {
    database = await testDatabase({ schema: 'create table asked as select 1 as one' });
    await ensure();
    for (const setting of ['search_path = pg_catalog', 'default_transaction_read_only = on'])
      await database.asOwner(`alter database ${database.name} set ${setting}`);
  });
  afterAll(async () => {
    await database.drop();
    await withClient(new URL('/postgres', database.url).href, (client) =>
      client.query(`drop role ${database.name}, ${database.name}_owner, ${database.name}_reader`),
    );
    rmSync(dataDir, { recursive: true });
  });

  it('is made ready at each start all the same', async () => {
    await expect(ensure()).resolves.toBeUndefined();
  });

  it('is read by its reader as any other', async () => {
    const rows: unknown[] = [];
    await withClient(databaseUrl(database.url, database.name, 'reader', secrets), async (client) => {
      rows.push(...(await client.query<{ one: number }>('select one from asked')).rows);
    });
    expect(rows).toEqual([{ one: 1 }]);
  });
});
