import { entitiesWithinCustomer } from '@rebelcore/event-store/customer-scope';
import { dataSourceOptions, runMigrations } from '@rebelcore/service/database';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { randomUUIDv7 as uuid } from 'node:crypto';
import { DataSource } from 'typeorm';
import { migrations } from '../migrations/migrations.js';
import { Person } from './person.entity.js';

let database: TestDatabase;
let dataSource: DataSource;
const connect = (url: string) =>
  new DataSource(dataSourceOptions({ url, applicationName: 'test', entities: [Person] })).initialize();
beforeAll(async () => {
  database = await testDatabase({ role: 'identity' });
  await runMigrations({ url: database.url, applicationName: 'test', migrations });
  dataSource = await connect(database.roleUrl);
});
afterAll(async () => {
  await dataSource.destroy();
  await database.drop();
});

describe('a person', () => {
  it('is mapped as the migrations made the table', async () => {
    const owner = await connect(database.url);
    const differences = await owner.driver.createSchemaBuilder().log();
    await owner.destroy();
    expect(differences.upQueries.map(({ query }) => query)).toEqual([]);
  });

  it('invariants 7 and 8: is found only within the customer, and its password hash only when selected by name', async () => {
    const [customerId, portalUserId] = [uuid(), uuid()];
    const ada = { customerId, portalUserId, email: 'ada@example.test', firstName: 'Ada', lastName: 'Lovelace' };
    await entitiesWithinCustomer(dataSource, customerId, (entities) =>
      entities.insert(Person, { ...ada, passwordHash: '$argon2id$x' }),
    );
    const found = await entitiesWithinCustomer(dataSource, customerId, (entities) => entities.find(Person));
    expect(found).toEqual([ada]);
    expect(await entitiesWithinCustomer(dataSource, uuid(), (entities) => entities.find(Person))).toEqual([]);
    expect(await dataSource.getRepository(Person).find()).toEqual([]);
  });
});
