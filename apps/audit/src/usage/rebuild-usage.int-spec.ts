import { randomUUIDv7 as uuid } from 'node:crypto';
import { until } from '@rebelcore/testing/until';
import { AuditFixture, Customer } from '../audit.fixture-spec.js';
import { rebuildUsage } from './rebuild-usage.js';

let audit: AuditFixture;
beforeAll(async () => {
  audit = await AuditFixture.start();
});
afterAll(async () => {
  await audit.stop();
});

const rebuild = (onStage?: Parameters<typeof rebuildUsage>[0]['onStage'], speaker?: string) =>
  rebuildUsage({ databaseUrl: audit.database.url, speaker, ...(onStage !== undefined && { onStage }) });
const wholeStories = (count: number) => Array.from({ length: count }, () => new Customer().wholeStory());
const callsOf = async (customer: Customer, id: string) => {
  const { body } = await audit.ask(`/api/v1/api-users/${id}/usage`, audit.token(customer.id));
  return [body.calls_30d, body.refused_30d];
};

describe('invariant 12: a rebuild of usage', () => {
  it('makes the same view from the log, and takes in what arrives meanwhile', async () => {
    const before = wholeStories(5);
    await audit.arrive(...before.map(({ customer }) => customer));
    const meanwhile = wholeStories(5);
    const { old, rebuilt, entries } = await rebuild(async (stage) => {
      if (stage === 'read') await audit.arrive(...meanwhile.map(({ customer }) => customer));
    });
    expect(rebuilt).toEqual(old);
    expect(old[0]?.rows).toBeGreaterThanOrEqual(10);
    expect(entries).toBeGreaterThanOrEqual(10 * 5);
    for (const { customer, apiUserId } of [...before, ...meanwhile]) {
      expect(await callsOf(customer, apiUserId)).toEqual([2, 1]);
      await audit.arrive(customer);
      customer.records.length = 0;
      customer.calls({ apiUserId });
      await audit.arrive(customer);
    }
    const again = await rebuild();
    expect(again.rebuilt).toEqual(again.old);
    for (const { customer, apiUserId } of before) expect(await callsOf(customer, apiUserId)).toEqual([3, 1]);
  });

  it('differs in nothing where a caller that was only refused has been forgotten, and where it came again', async () => {
    const { customer, apiUserId } = new Customer().wholeStory();
    const refused = { apiUserId, status: 401, outcome: 'refused' } as const;
    const at = new Date(Date.now() - 31 * 86_400_000).toISOString();
    customer.calls({ ...refused, at, userAgent: 'gone' }, { ...refused, at, userAgent: 'back' });
    await audit.arrive(customer);
    await until(async () => (await audit.owner.query('select from usage_pending')).rowCount === 0, 'usage');
    await audit.owner.query('select forget_usage()');
    const left = 'select from usage_caller_v1 where api_user_id = $1 and only_refused_at is not null';
    expect((await audit.owner.query(left, [apiUserId])).rowCount).toBe(0);
    customer.records.length = 0;
    customer.calls({ ...refused, userAgent: 'back' });
    await audit.arrive(customer);
    const { old, rebuilt } = await rebuild();
    expect(rebuilt).toEqual(old);
  });

  // S19
  it('does the same in a database that is read-only by default', async () => {
    const { name } = audit.database;
    await audit.database.asOwner(`alter database ${name} set default_transaction_read_only = on`);
    try {
      const { old, rebuilt } = await rebuild();
      expect(rebuilt).toEqual(old);
    } finally {
      await audit.database.asOwner(`alter database ${name} reset default_transaction_read_only`);
    }
  });

  it('mends a view that was damaged, and says that it differed', async () => {
    const { customer, apiUserId } = new Customer().wholeStory();
    await audit.arrive(customer);
    await rebuild();
    await audit.owner.query(
      'update usage_hour_v1 set calls = 77; delete from usage_token_v1; delete from usage_caller_v1',
    );
    const { old, rebuilt } = await rebuild();
    expect(rebuilt).not.toEqual(old);
    expect(await callsOf(customer, apiUserId)).toEqual([2, 1]);
  });

  it('leaves the old view as it was when it fails, and is one at a time', async () => {
    const { customer, apiUserId } = new Customer().wholeStory();
    await audit.arrive(customer);
    const failing = rebuild(async (stage) => {
      if (stage !== 'cutting-over') return;
      await expect(rebuild()).rejects.toThrow('Another rebuild of usage-v1 is running.');
      throw new Error('stopped');
    });
    await expect(failing).rejects.toThrow('stopped');
    expect((await audit.owner.query(`select to_regnamespace('rebuild') as left`)).rows).toEqual([{ left: null }]);
    await rebuild();
    expect(await callsOf(customer, apiUserId)).toEqual([2, 1]);
    expect(await callsOf(customer, uuid())).toEqual([undefined, undefined]);
  });

  it('gives the service the same rights as before', async () => {
    await rebuild();
    const pool = audit.database.pool({ max: 1 });
    expect((await pool.query('select from usage_v1')).rowCount).toBe(0);
    await expect(pool.query('delete from usage_v1')).rejects.toThrow('permission denied');
  });

  // The last one: afterwards the log believes whoever speaks first.
  it('has the log believe the store that speaks, where that is another one', async () => {
    const believed = async () => {
      const { rows } = await audit.owner.query<{ id: string }>(
        'select store_id as id from heartbeat order by arrival desc limit 1',
      );
      return rows[0]?.id;
    };
    const before = await believed();
    await rebuild(undefined, audit.store.id);
    expect(await believed()).toBe(before);
    await rebuild(undefined, uuid());
    expect(await believed()).not.toBe(before);
  });
});
