import { randomUUIDv7 as uuid } from 'node:crypto';
import { encodeEvent } from '@rebelcore/contracts/cloud-event';
import { identityEvents, type IdentityEventData } from '@rebelcore/contracts/identity-events';
import { KafkaPublisher } from '@rebelcore/messaging/publish/kafka-publisher';
import { EVERY_CUSTOMER, withSessionSettings } from '@rebelcore/messaging/session-settings';
import { runMigrations } from '@rebelcore/service/database';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { testKafka, type TestKafka } from '@rebelcore/testing/test-kafka';
import type { Pool } from 'pg';
import { migrations } from '../migrations/migrations.js';
import type { Told } from './comparison.js';
import { putBack } from './put-back.js';
import { requireAllStored } from './refill.js';

let kafka: TestKafka;
let publisher: KafkaPublisher;
let database: TestDatabase;
let pool: Pool;
let told: Told;

beforeAll(() => {
  kafka = testKafka();
  publisher = new KafkaPublisher(kafka.client());
});
afterAll(async () => {
  await publisher.close();
  await kafka.close();
});
beforeEach(async () => {
  database = await testDatabase({ role: 'identity' });
  await runMigrations({ url: database.url, applicationName: 'test', migrations });
  pool = database.pool({ connectionString: withSessionSettings(database.url, [EVERY_CUSTOMER]) });
  told = { events: await kafka.topic(), credentials: await kafka.topic(), heartbeats: await kafka.topic(1) };
});
afterEach(() => database.drop());

const operator = { kind: 'operator' } as const;
type Name = keyof typeof identityEvents.schemas;

/** Events of one customer, one after the other, as the relay published them. */
function customer() {
  const customerId = uuid();
  let sequence = 0;
  const publish = async <N extends Name>(name: N, subject: string, data: Omit<IdentityEventData<N>, 'customerId'>) => {
    sequence += 1;
    const event = {
      id: uuid(),
      source: '/identity',
      type: identityEvents.wireType(name),
      time: new Date().toISOString(),
      subject,
      correlationId: 'test',
      sequence,
      data: { customerId, ...data },
    };
    await publisher.publish([{ topic: told.events, ...encodeEvent(event, customerId) }]);
  };
  const provisioned = (ownerId: string = uuid()) =>
    publish('CustomerProvisioned', customerId, { name: 'Acme', ownerId, actor: operator });
  return { customerId, publish, provisioned };
}

async function heartbeat(changes: { readonly id?: string; readonly position: number }): Promise<void> {
  const { rows } = await pool.query<{ id: string }>('select id from store_identity');
  const store = { id: changes.id ?? rows[0]?.id, position: String(changes.position) };
  const value = { at: new Date().toISOString(), store, incarnations: {}, published: {} };
  await publisher.publish([{ topic: told.heartbeats, key: 'identity', headers: {}, value: JSON.stringify(value) }]);
}

async function restore(): Promise<string[]> {
  const said: string[] = [];
  await putBack(pool, kafka.client(), kafka.group(), (sentence) => said.push(sentence), told);
  return said;
}

describe('making the topics anew', () => {
  const asked = () => requireAllStored(pool, kafka.client(), told);

  it('is refused while they have events that the store lacks, until these are put back', async () => {
    await customer().provisioned();
    await expect(asked()).rejects.toThrow(
      /lacks 1 events .*CustomerProvisioned of customer .*npm run restore -- events/,
    );
    await restore();
    await expect(asked()).resolves.toBeUndefined();
  });

  it('is refused while a heartbeat tells of more than the store holds, or of another store', async () => {
    await heartbeat({ position: 0 });
    await expect(asked()).resolves.toBeUndefined();
    await heartbeat({ position: 3 });
    await expect(asked()).rejects.toThrow(/holds 0 events, and had published 3 at /);
    await heartbeat({ id: uuid(), position: 0 });
    await expect(asked()).rejects.toThrow(/published by store/);
  });

  it('is refused while they have another event under a number than the store', async () => {
    const { customerId, provisioned } = customer();
    await provisioned();
    await restore();
    await database.asOwner(
      `set rebelcore.every_customer = on; update event set event_id = gen_random_uuid() where customer_id = '${customerId}'`,
    );
    await expect(asked()).rejects.toThrow(/is event .* here and event .* in the topic/);
  });

  it('goes on where the topics are gone', async () => {
    told = { events: 'test.gone', credentials: 'test.gone', heartbeats: 'test.gone' };
    await expect(asked()).resolves.toBeUndefined();
  });

  it('goes on over records that nobody can read', async () => {
    await publisher.publish([{ topic: told.events, key: 'nobody', headers: {}, value: '{' }]);
    await expect(asked()).resolves.toBeUndefined();
  });
});
