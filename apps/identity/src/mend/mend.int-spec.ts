import { randomUUIDv7 as uuid } from 'node:crypto';
import { encodeEvent } from '@rebelcore/contracts/cloud-event';
import { credentialEvents } from '@rebelcore/contracts/credential-events';
import { identityEvents, type IdentityEventData } from '@rebelcore/contracts/identity-events';
import { usernameOf } from '@rebelcore/credentials/api-user-password';
import { StoreBehind, StoreGuard } from '@rebelcore/event-store/store-guard';
import { KafkaPublisher } from '@rebelcore/messaging/publish/kafka-publisher';
import { EVERY_CUSTOMER, withSessionSettings } from '@rebelcore/messaging/session-settings';
import { inTransaction } from '@rebelcore/messaging/transaction';
import { runMigrations } from '@rebelcore/service/database';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { testKafka, type TestKafka } from '@rebelcore/testing/test-kafka';
import { until } from '@rebelcore/testing/until';
import kafkajs from 'kafkajs';
import type { Pool } from 'pg';
import { putBackName } from '../api-user/password-names.js';
import { migrations } from '../migrations/migrations.js';
import { toldEvent } from '../published-event.js';
import type { Told } from './comparison.js';
import { putBack } from './put-back.js';
import { goOnWithoutThem, onlyInTopics, refill } from './refill.js';

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
const role = { id: '0198a1de-0000-7000-8000-000000000003', name: 'Agent' };
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
  /** An event that was published and is there no longer. */
  const lose = () => {
    sequence += 1;
  };
  return { customerId, publish, provisioned, lose };
}

async function heartbeat(changes: { readonly id?: string; readonly position: number }): Promise<void> {
  const { rows } = await pool.query<{ id: string }>('select id from store_identity');
  const store = { id: changes.id ?? rows[0]?.id, position: String(changes.position) };
  const value = { at: new Date().toISOString(), store, incarnations: {}, published: {} };
  await publisher.publish([{ topic: told.heartbeats, key: 'identity', headers: {}, value: JSON.stringify(value) }]);
}

async function restore(whatIsThere = false): Promise<string[]> {
  const said: string[] = [];
  await putBack(pool, kafka.client(), kafka.group(), (sentence) => said.push(sentence), { whatIsThere, told });
  return said;
}

describe('putting back', () => {
  const somebody = () => ({ portalUserId: uuid(), customerId: acme.customerId, actor: operator });
  let acme: ReturnType<typeof customer>;
  beforeEach(() => {
    acme = customer();
  });

  it('names every customer of whom the topic has lost events, and puts back what comes before these where told', async () => {
    const other = customer();
    for (const each of [acme, other]) {
      await each.provisioned();
      each.lose();
      await each.publish('RoleDeleted', role.id, { roleId: uuid(), name: 'Old', usersMoved: 0, actor: operator });
    }
    await heartbeat({ position: 6 });
    const gap = ({ customerId }: typeof acme) => `customer ${customerId} lacks number 2, and the topic goes on at 3`;
    const refused = restore();
    await expect(refused).rejects.toThrow(gap(acme));
    await expect(refused).rejects.toThrow(gap(other));
    const said = await restore(true);
    expect(said).toEqual(expect.arrayContaining(['2 events are back in the store', `left out: ${gap(acme)}`]));
    expect(said.at(-1)).toMatch(/holds 2 events, and had published 6: .*npm run republish -- --the-store-is-right/);
  });

  it('names the place of a record that nobody can read', async () => {
    await publisher.publish([{ topic: told.events, key: 'nobody', headers: {}, value: '{' }]);
    const [said] = await restore();
    expect(said).toMatch(new RegExp(`^left out, since nobody can read them: ${told.events}/\\d+@\\d+$`));
  });

  it('says so when what was published is in no topic any more', async () => {
    await heartbeat({ position: 6 });
    expect((await restore()).at(-1)).toMatch(/holds 0 events, and had published 6: .*goes on refusing/);
  });

  it('names who has no address, password or verifier', async () => {
    const [invited, registered, apiUserId] = [somebody(), somebody(), uuid()];
    await acme.provisioned(registered.portalUserId);
    await acme.publish('PortalUserRegistered', registered.portalUserId, { ...registered, owner: true });
    await acme.publish('PortalUserInvited', invited.portalUserId, { ...invited, owner: false, role });
    await acme.publish('ApiUserCreated', apiUserId, {
      apiUserId,
      username: usernameOf(apiUserId),
      role,
      actor: operator,
    });
    const said = await restore();
    for (const who of [invited.portalUserId, registered.portalUserId]) {
      expect(said).toContain(`user ${who} of customer ${acme.customerId} has no address and no password`);
    }
    expect(said).toContain(`user ${apiUserId} of customer ${acme.customerId} has no verifier`);
    await keepPerson(registered);
    expect(await restore()).toContain(`user ${registered.portalUserId} of customer ${acme.customerId} has no password`);
  });

  it('names an API user by its verifier, so that a report of its password finds it', async () => {
    const apiUserId = uuid();
    const [username, data] = [usernameOf(apiUserId), { pepperVersion: 'v1', verifier: 'A'.repeat(43) }];
    await acme.publish('ApiUserCreated', apiUserId, { apiUserId, username, role, actor: operator });
    const issued = {
      id: uuid(),
      source: '/identity',
      type: credentialEvents.wireType('ApiUserCredentialIssued'),
      time: new Date().toISOString(),
      subject: apiUserId,
      correlationId: 'test',
      sequence: 1,
      data: { apiUserId, customerId: acme.customerId, username, ...data },
    };
    await publisher.publish([{ topic: told.credentials, ...encodeEvent(issued, apiUserId) }]);
    expect(await restore()).not.toContainEqual(expect.stringContaining('no verifier'));
    const { rows } = await pool.query('select scope, key from claim where stream_id = $1', [apiUserId]);
    expect(rows).toEqual([putBackName(data)]);
  });

  it('signs everybody out, and leaves no recovery code from before others were made', async () => {
    const person = somebody();
    await acme.provisioned(person.portalUserId);
    await acme.publish('PortalUserRegistered', person.portalUserId, { ...person, owner: true });
    await restore();
    await keepPerson(person);
    await acme.publish('PortalUserRecoveryCodesRenewed', person.portalUserId, person);
    await restore();
    const { rows } = await pool.query(
      'select (select count(*)::int from session) as sessions, (select count(*)::int from recovery_code) as codes',
    );
    expect(rows).toEqual([{ sessions: 0, codes: 0 }]);
  });

  /** As the backup has a person: an address and no password, a session, a recovery code. */
  const keepPerson = ({ customerId, portalUserId }: ReturnType<typeof somebody>) =>
    database.asOwner(
      `set rebelcore.every_customer = on;
       insert into portal_user_private values ('${customerId}', '${portalUserId}', 'a@b.test', 'A', 'B');
       insert into session (token_hash, id, customer_id, portal_user_id, created_at, expires_at, last_seen_at)
         values ('x', gen_random_uuid(), '${customerId}', '${portalUserId}', now(), now() + interval '1 hour', now());
       insert into recovery_code values ('${customerId}', '${portalUserId}', 'x')`,
    );
});

describe('making the topics anew', () => {
  const asked = () => onlyInTopics(pool, kafka.client(), told);

  it('is refused while they have events that the store lacks, until these are put back', async () => {
    await customer().provisioned();
    expect(await asked()).toMatch(/lacks 1 events .*CustomerProvisioned of customer /);
    await restore();
    expect(await asked()).toBeUndefined();
  });

  it('is refused while a heartbeat tells of more than the store holds, or of another store', async () => {
    await heartbeat({ position: 0 });
    expect(await asked()).toBeUndefined();
    await heartbeat({ position: 3 });
    expect(await asked()).toMatch(/holds 0 events, and had published 3 at /);
    await heartbeat({ id: uuid(), position: 0 });
    expect(await asked()).toMatch(/published by store/);
  });

  it('is refused while they have another event under a number than the store', async () => {
    const { customerId, provisioned } = customer();
    await provisioned();
    await restore();
    await database.asOwner(
      `set rebelcore.every_customer = on; update event set event_id = gen_random_uuid() where customer_id = '${customerId}'`,
    );
    expect(await asked()).toMatch(/is event .* here and event .* in the topic/);
  });

  it('goes on where the topics are gone', async () => {
    told = { events: 'test.gone', credentials: 'test.gone', heartbeats: 'test.gone' };
    expect(await asked()).toBeUndefined();
  });

  it('goes on over records that nobody can read', async () => {
    await publisher.publish([{ topic: told.events, key: 'nobody', headers: {}, value: '{' }]);
    expect(await asked()).toBeUndefined();
  });

  it('lets the store go on without what is gone, as another one, and believes no confirmation of it', async () => {
    const { customerId, provisioned } = customer();
    await provisioned();
    await restore();
    await heartbeat({ position: 3 });
    const guard = new StoreGuard({
      pool,
      kafka: kafka.client(),
      topic: told.events,
      eventOf: toldEvent,
      heartbeatTopic: told.heartbeats,
      name: 'test',
      logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    });
    await expect(guard.verify()).rejects.toThrow(StoreBehind);
    const [known, gone] = [uuid(), uuid()];
    await pool.query(
      `insert into enforcement_v1 select id, $1, sequence, 'active', now(), now()
         from unnest($2::uuid[], $3::bigint[]) as t (id, sequence)`,
      [customerId, [known, gone], [1, 2]],
    );
    const id = async () => (await pool.query<{ id: string }>('select id from store_identity')).rows[0]?.id;
    const before = await id();
    await inTransaction(pool, (tx) => tx.query('begin'), goOnWithoutThem);
    await until(
      () =>
        guard.verify().then(
          () => true,
          () => false,
        ),
      'the guard to let the store go on',
    );
    await guard.close();
    expect(await id()).not.toBe(before);
    expect(await asked()).toMatch(/published by store/);
    const { rows } = await pool.query('select api_user_id from enforcement_v1');
    expect(rows).toEqual([{ api_user_id: known }]);
  });

  it('has decided what is let go before anything is deleted: a run that stops half-way is not forgotten', async () => {
    await heartbeat({ position: 0 });
    const away = new kafkajs.Kafka({
      brokers: ['127.0.0.1:1'],
      retry: { retries: 0 },
      logLevel: kafkajs.logLevel.NOTHING,
    });
    await expect(refill(pool, away, () => undefined, { letsGo: true })).rejects.toThrow();
    expect(await asked()).toMatch(/published by store/);
  });
});
