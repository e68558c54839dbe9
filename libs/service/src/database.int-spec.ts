import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from './database.js';

let database: TestDatabase;
let source: DataSource;
beforeAll(async () => {
  database = await testDatabase();
  // As an operator, or whoever had the server before, may have left it.
  for (const setting of [
    "default_transaction_isolation = 'repeatable read'",
    "datestyle = 'German'",
    "timezone = 'Asia/Tokyo'",
    "intervalstyle = 'sql_standard'",
    'search_path = pg_catalog',
    'standard_conforming_strings = off',
    "bytea_output = 'escape'",
    // Last: after it nothing can be altered.
    'default_transaction_read_only = on',
  ]) {
    await database.asOwner(`alter database ${database.name} set ${setting}`);
  }
  source = await new DataSource(dataSourceOptions({ url: database.url, applicationName: 'test' })).initialize();
});
afterAll(async () => {
  await source.destroy();
  await database.drop();
});

const one = async (sql: string): Promise<unknown> => Object.values((await source.query<object[]>(sql))[0] ?? {})[0];

describe('a service on a database with other defaults', () => {
  it('reads times as they are, whatever the date style and zone', async () => {
    expect(await one("select timestamptz '2026-11-27T12:03:04.120Z'")).toEqual(new Date('2026-11-27T12:03:04.120Z'));
    expect(await one("select to_json(timestamptz '2026-11-27T12:03:04Z')")).toBe('2026-11-27T12:03:04+00:00');
  });

  it('sees in a transaction what others have committed since, and may write', async () => {
    expect(await one('show transaction_isolation')).toBe('read committed');
    await source.query('create table written (at timestamptz)');
    expect(await one("select to_regclass('public.written') is not null")).toBe(true);
  });

  it('reads bytes and texts as it writes them', async () => {
    expect(await one(String.raw`select '\\x'`)).toBe(String.raw`\\x`);
    expect(await one(String.raw`select '\x00ff'::bytea`)).toEqual(Buffer.from([0, 255]));
  });
});
