import { randomUUIDv7 as uuid } from 'node:crypto';
import { encodeEvent } from '@rebelcore/contracts/cloud-event';
import { tokenEvents } from '@rebelcore/contracts/token-events';
import { KafkaPublisher } from '@rebelcore/messaging/publish/kafka-publisher';
import { EVERY_CUSTOMER, withSessionSettings } from '@rebelcore/messaging/session-settings';
import { runMigrations } from '@rebelcore/service/database';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { testKafka } from '@rebelcore/testing/test-kafka';
import type { Pool } from 'pg';
import { migrations } from '../migrations/migrations.js';
import { rebuildEnforcement } from './rebuild-enforcement.js';

let database: TestDatabase;
let pool: Pool;
let publisher: KafkaPublisher;
beforeAll(async () => {
  database = await testDatabase({ role: 'identity' });
  await runMigrations({ url: database.url, applicationName: 'test', migrations });
  pool = database.pool({ connectionString: withSessionSettings(database.url, [EVERY_CUSTOMER]) });
  publisher = new KafkaPublisher(testKafka().client('token'));
});
afterAll(async () => {
  await publisher.close();
  await database.drop();
});

const customerId = uuid();
const [before, after] = ['2026-10-01T08:00:00.000Z', '2026-11-01T08:00:00.000Z'];

const stored = (apiUserId: string, sequence: number) =>
  pool.query(`insert into enforcement_v1 values ($1, $2, $3, 'inactive', $4, $4)`, [
    apiUserId,
    customerId,
    sequence,
    before,
  ]);

/** An event with this number is in the store, and the token service says that it has applied it, or another one. */
async function acknowledged(apiUserId: string, sequence: number, of?: string) {
  const eventId = uuid();
  await pool.query(
    `insert into event (stream_id, version, stream_type, customer_id, sequence, event_id, type, schema_version, data,
                        occurred_at, correlation_id)
     values ($1, 1, 'ApiUser', $2, $3, $4, 'ApiUserCreated', 1, '{}', now(), 'test')`,
    [apiUserId, customerId, sequence, eventId],
  );
  const event = {
    id: uuid(),
    source: '/token',
    type: tokenEvents.wireType('ApiUserAuthorizationApplied'),
    time: after,
    subject: apiUserId,
    correlationId: 'test',
    causationId: of ?? eventId,
    sequence,
    data: { apiUserId, customerId, sequence, state: 'active', appliedAt: after },
  };
  return publisher.publish([{ topic: 'token.events.v1', ...encodeEvent(event, customerId) }]);
}

it('keeps of each API user what was confirmed last, whether the topic still tells of it or not, and nothing of events that are gone', async () => {
  // Of one millisecond, so in an order of their own.
  const [unknown = '', newer = '', older = '', fresh = ''] = [uuid(), uuid(), uuid(), uuid()].sort();
  const gone = uuid();
  await stored(unknown, 5);
  await stored(newer, 9);
  await stored(older, 5);
  await acknowledged(newer, 6);
  await acknowledged(older, 7);
  await acknowledged(fresh, 8);
  await acknowledged(gone, 9, uuid());

  const { kept } = await rebuildEnforcement(pool, testKafka().client('identity'));

  expect(kept).toBe(2);
  const { rows } = await pool.query(
    'select api_user_id, sequence::int, state from enforcement_v1 where customer_id = $1 order by 1',
    [customerId],
  );
  expect(rows).toEqual([
    { api_user_id: unknown, sequence: 5, state: 'inactive' },
    { api_user_id: newer, sequence: 9, state: 'inactive' },
    { api_user_id: older, sequence: 7, state: 'active' },
    { api_user_id: fresh, sequence: 8, state: 'active' },
  ]);
});
