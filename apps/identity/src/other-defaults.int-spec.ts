import { withSessionSettings } from '@rebelcore/messaging/session-settings';
import { IdentityFixture, type TestCustomer } from './identity.fixture-spec.js';

let identity: IdentityFixture;
let acme: TestCustomer;
beforeAll(async () => {
  identity = await IdentityFixture.start({}, [
    "default_transaction_isolation = 'serializable'",
    "datestyle = 'German'",
    "timezone = 'Asia/Tokyo'",
    "lock_timeout = '1ms'",
    'row_security = off',
    'search_path = pg_catalog',
    'synchronous_commit = off',
    'array_nulls = off',
    "idle_session_timeout = '10min'",
    // Last: after it nothing can be altered.
    'default_transaction_read_only = on',
  ]);
  acme = await identity.customer();
});
afterAll(() => identity.stop());

describe('S19: identity on a database with other defaults', () => {
  it('mints a dozen API users at once, and no write fails for another', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => acme.mint()));
    expect(answers.flatMap(({ status, body }) => (status === 201 ? [] : [body]))).toEqual([]);
  });

  it('commits what stays, and takes NULL in an array for no word', async () => {
    const connectionString = withSessionSettings(identity.database.roleUrl);
    const { rows } = await identity.database
      .pool({ connectionString, max: 1 })
      .query(
        `select current_setting('synchronous_commit') as commits, '{NULL}'::text[] as nulls, current_setting('idle_session_timeout') as idle`,
      );
    expect(rows).toEqual([{ commits: 'on', nulls: [null], idle: '0' }]);
  });
});

describe('row security', () => {
  it('stands on every table with a customer, for the owner too, but on mails that wait', async () => {
    const tables = await identity.rows(`
      select relname, relrowsecurity and relforcerowsecurity as forced from pg_class c
       where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and exists
         (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'customer_id') order by relname`);
    expect(tables.length).toBeGreaterThan(10);
    expect(tables.filter(({ forced }) => forced !== true)).toEqual([
      { relname: 'invite_mail', forced: false },
      { relname: 'leak_mail', forced: false },
    ]);
  });

  it('shows the service no row of the event store, of sessions and of confirmations outside a customer', async () => {
    const service = identity.database.pool({
      connectionString: withSessionSettings(identity.database.roleUrl),
      max: 1,
    });
    for (const table of ['event', 'customer_head', 'claim', 'session', 'enforcement_v1']) {
      const count = async () => (await service.query(`select from ${table}`)).rowCount;
      expect([table, await count()]).toEqual([table, 0]);
      await service.query('set rebelcore.every_customer = on');
      expect([table, await count()]).not.toEqual([table, 0]);
      await service.query('reset rebelcore.every_customer');
    }
  });
});
