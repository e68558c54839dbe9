import { randomUUIDv7 as uuid } from 'node:crypto';
import { encodeEvent } from '@rebelcore/contracts/cloud-event';
import { tokenEvents } from '@rebelcore/contracts/token-events';
import { Projection } from '@rebelcore/messaging/project/projection';
import { createLogger } from '@rebelcore/service/log';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { rowsAcrossCustomers } from '@rebelcore/event-store/customer-scope';
import { inTransaction } from '@rebelcore/messaging/transaction';
import { runMigrations } from '@rebelcore/service/database';
import type { Pool } from 'pg';
import { ENFORCEMENT, enforcementHandlers } from './enforcement.projector.js';
import { migrations } from '../migrations/migrations.js';
import { applyEnforcement, EnforcementView, type EnforcementEvent } from './enforcement.view.js';

let database: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await testDatabase({ role: 'identity' });
  await runMigrations({ url: database.url, applicationName: 'test', migrations });
  pool = database.pool();
});
afterAll(() => database.drop());

const at = (second: number) => new Date(Date.UTC(2026, 10, 23, 8, 0, second));
type Applied = [sequence: number, second: number, state?: 'active' | 'inactive'];
const received = (apiUserId: string, ...applied: Applied[]) =>
  applied.map(([sequence, second, state = 'active']) => ({
    message: {} as never,
    event: {
      causationId: idOf(apiUserId, sequence),
      data: { apiUserId, customerId: apiUserId, sequence, state, appliedAt: at(second).toISOString() },
    } as EnforcementEvent,
  }));

// Each API user of these tests is the only one of a customer that has its id, and its events are named after it and their number.
const idOf = (apiUserId: string, sequence: number) => apiUserId.slice(0, -2) + String(sequence).padStart(2, '0');
const store = (apiUserId: string, ...sequences: number[]) =>
  rowsAcrossCustomers(
    pool,
    sequences
      .map(
        (sequence) => `insert into event (stream_id, version, stream_type, customer_id, sequence, event_id, type,
                                          schema_version, data, occurred_at, correlation_id)
                       values ('${apiUserId}', ${String(sequence)}, 'ApiUser', '${apiUserId}', ${String(sequence)},
                               '${idOf(apiUserId, sequence)}', 'ApiUserCreated', 1, '{}', now(), 'test')
                       on conflict do nothing`,
      )
      .join(';'),
  );
const applyUnstored = (apiUserId: string, ...applied: Applied[]) =>
  inTransaction(
    pool,
    (tx) => tx.query('begin'),
    (tx) => applyEnforcement(tx, received(apiUserId, ...applied)),
  );
async function apply(apiUserId: string, ...applied: Applied[]) {
  await store(apiUserId, ...applied.map(([sequence]) => sequence));
  await applyUnstored(apiUserId, ...applied);
}

describe('the enforcement view', () => {
  it('invariant 3: keeps the first word about the newest event, whatever comes again or late', async () => {
    const [view, id] = [new EnforcementView(pool), uuid()];
    await apply(id, [5, 1], [7, 2], [7, 3], [6, 4]);
    expect(await view.inForceSince(id, 7)).toEqual(at(2));
    await apply(id, [5, 5], [7, 6]);
    expect(await view.inForceSince(id, 7)).toEqual(at(2));
    await apply(id, [9, 7]);
    expect(await view.inForceSince(id, 9)).toEqual(at(7));
  });

  it('keeps since when the state has been the same, within a batch and from one to the next', async () => {
    const [id, owner] = [uuid(), database.pool({ connectionString: database.url })];
    const since = async () => {
      const { rows } = await owner.query<{ state_since: Date }>(
        'select state_since from enforcement_v1 where api_user_id = $1',
        [id],
      );
      return rows[0]?.state_since;
    };
    await apply(id, [1, 1], [2, 2]);
    expect(await since()).toEqual(at(1));
    await apply(id, [3, 3], [4, 4, 'inactive'], [5, 5, 'inactive'], [4, 6, 'active']);
    expect(await since()).toEqual(at(4));
    await apply(id, [6, 7, 'inactive']);
    expect(await since()).toEqual(at(4));
    await apply(id, [7, 8]);
    expect(await since()).toEqual(at(8));
  });

  it('goes on for a customer of whom a record cannot be read', async () => {
    const [view, id] = [new EnforcementView(pool), uuid()];
    await store(id, 3);
    const type = tokenEvents.wireType('ApiUserAuthorizationApplied');
    const attributes = {
      id: uuid(),
      source: '/token',
      type,
      time: at(1).toISOString(),
      subject: id,
      correlationId: 'c',
      causationId: idOf(id, 3),
    };
    const data = { apiUserId: id, customerId: id, sequence: 3, state: 'inactive', appliedAt: at(1).toISOString() };
    const { headers, value } = encodeEvent({ ...attributes, sequence: 1, data }, id);
    const messages = ['not JSON', value].map((text, offset) => ({
      offset: BigInt(offset),
      key: id,
      headers,
      value: Buffer.from(text),
      timestamp: at(1).getTime(),
    }));
    const batch = { topic: 'token.events.v1', partition: 0, messages, highWatermark: 2n, isStale: () => false };
    const projection = new Projection({ pool, view: ENFORCEMENT, logger: createLogger('identity', 'silent') });
    await projection.apply(batch, enforcementHandlers['token.events.v1']);
    expect(await view.inForceSince(id, 3)).toEqual(at(1));
    expect((await projection.parked()).count).toBe(1);
  });

  it('invariant 4: confirms no event that is later than what was applied', async () => {
    const [view, id] = [new EnforcementView(pool, 100), uuid()];
    await apply(id, [5, 1]);
    expect(await view.inForceSince(id, 6)).toBeUndefined();
  });

  it('invariant 4: confirms no event by what was said of another one that had its number in a store that is gone', async () => {
    const [view, id] = [new EnforcementView(pool, 100), uuid()];
    await apply(id, [5, 1]);
    await applyUnstored(id, [9, 2, 'inactive']);
    expect(await view.inForceSince(id, 6)).toBeUndefined();
    await apply(id, [6, 3, 'inactive']);
    expect(await view.inForceSince(id, 6)).toEqual(at(3));
  });

  it('finds what another replica has consumed, for all who wait', async () => {
    const [view, ids] = [new EnforcementView(pool), [uuid(), uuid(), uuid()]];
    const waiting = Promise.all(ids.map((id) => view.inForceSince(id, 3)));
    for (const id of ids) await apply(id, [3, 3]);
    expect(await waiting).toEqual([at(3), at(3), at(3)]);
  });

  it('tells those who wait of their very event what this process has committed, without asking the database', async () => {
    const away = database.pool();
    await away.end();
    const [view, id] = [new EnforcementView(away, 300), uuid()];
    const waiting = Promise.all([
      view.inForceSince(id, 3, idOf(id, 3)),
      view.inForceSince(id, 3, uuid()),
      view.inForceSince(id, 3),
    ]);
    view.acknowledge(received(id, [2, 2], [3, 3], [4, 4]));
    expect(await waiting).toEqual([at(3), undefined, undefined]);
  });

  it('confirms nothing while the database is away, and fails nobody', async () => {
    const away = database.pool();
    await away.end();
    const view = new EnforcementView(away, 60);
    expect(await view.inForceSince(uuid(), 1)).toBeUndefined();
  });
});
