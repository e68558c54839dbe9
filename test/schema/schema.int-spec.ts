import { consumerTables, outboxTables } from '@rebelcore/messaging/schema';
import { eventStoreTables } from '@rebelcore/event-store/schema';
import { dataSourceOptions, runMigrations } from '@rebelcore/service/database';
import { schemaListing } from '@rebelcore/testing/schema-listing';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { existsSync, globSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DataSource } from 'typeorm';
import { migrations as audit } from '../../apps/audit/src/migrations/migrations.js';
import { migrations as identity } from '../../apps/identity/src/migrations/migrations.js';
import { migrations as inference } from '../../apps/inference/src/migrations/migrations.js';
import { migrations as token } from '../../apps/token/src/migrations/migrations.js';

/** Each service's migrations, and the SQL in today's code that declares some of the same tables. */
const services = {
  identity: { migrations: identity, declared: [eventStoreTables, outboxTables, consumerTables] },
  token: { migrations: token, declared: [outboxTables, consumerTables] },
  audit: { migrations: audit, declared: [consumerTables] },
  inference: { migrations: inference, declared: [consumerTables] },
};

const apps = fileURLToPath(new URL('../../apps/', import.meta.url));
/** The file of a migration without its ending, found by the time in the name of the class. */
const fileOf = (service: string, { name }: { readonly name: string }) => {
  const folder = `${apps}${service}/src/migrations/`;
  const [file] = readdirSync(folder).filter((each) => each.startsWith(`${name.slice(-13)}-`) && each.endsWith('.ts'));
  if (file === undefined) throw new Error(`there is no file of ${name} in ${folder}`);
  return folder + file.slice(0, -'.ts'.length);
};

describe.each(Object.entries(services))('the database of %s', (service, { migrations, declared }) => {
  let databases: TestDatabase[];
  beforeEach(() => (databases = []));
  afterEach(() => Promise.all(databases.map((database) => database.drop())));

  const fresh = async (schema?: string) => {
    const database = await testDatabase({ role: service, ...(schema !== undefined && { schema }) });
    databases.push(database);
    const owner = database.pool({ connectionString: database.url, max: 1 });
    const listing = () => schemaListing(owner);
    return {
      url: database.url,
      migrate: (list: typeof migrations) =>
        runMigrations({ url: database.url, applicationName: 'test', migrations: list }),
      listing,
      text: async () => `${[...(await listing()).values()].join('\n\n')}\n`,
    };
  };

  it('is after each migration what the listing beside that migration says', async () => {
    const { migrate, text } = await fresh();
    for (const [index, migration] of migrations.entries()) {
      expect(await migrate(migrations.slice(0, index + 1))).toEqual([migration.name]);
      const file = `${fileOf(service, migration)}.schema.txt`;
      if (process.env.NEW_SCHEMAS === 'write' && !existsSync(file)) writeFileSync(file, await text());
      if (!existsSync(file)) throw new Error(`${file} is missing: "npm run schema" writes it`);
      expect(await text()).toBe(readFileSync(file, 'utf8'));
    }
    expect(globSync(`${apps}${service}/src/migrations/*.schema.txt`)).toHaveLength(migrations.length);
  });

  it('is the same when it is made in one go', async () => {
    const { migrate, text } = await fresh();
    await migrate(migrations);
    const last = migrations.at(-1);
    expect(await text()).toBe(last && readFileSync(`${fileOf(service, last)}.schema.txt`, 'utf8'));
  });

  it('has the tables that the code of today declares', async () => {
    const [migrated, stated] = [await fresh(), await fresh(declared.map((sql) => sql(service)).join('\n'))];
    await migrated.migrate(migrations);
    const there = await migrated.listing();
    for (const [name, lines] of await stated.listing()) expect(there.get(name)).toBe(lines);
  });

  it('has the columns that its entities speak of', async () => {
    const { migrate, url } = await fresh();
    await migrate(migrations);
    const files = globSync(`${apps}${service}/src/**/*.entity.ts`);
    const modules = await Promise.all(files.map((file) => import(file) as Promise<Record<string, unknown>>));
    const entities = modules.flatMap((module) => Object.values(module)).filter((each) => typeof each === 'function');
    const source = new DataSource(dataSourceOptions({ url, applicationName: 'test', entities }));
    await source.initialize();
    try {
      expect(source.entityMetadatas.filter(({ synchronize }) => !synchronize)).toEqual([]);
      const { upQueries } = await source.driver.createSchemaBuilder().log();
      // Checks and indexes are the database's own; an entity need not repeat them.
      const changes = upQueries.map(({ query }) => query).filter((sql) => !/ DROP CONSTRAINT |^DROP INDEX /.test(sql));
      expect(changes).toEqual([]);
    } finally {
      await source.destroy();
    }
  });
});
