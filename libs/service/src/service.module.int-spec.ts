import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { CallRecorder } from '@rebelcore/api-access/call-recorder';
import type { Call } from '@rebelcore/contracts/call-events';
import type { Topic } from '@rebelcore/contracts/topics';
import { KafkaBatchStrategy } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import { ViewFreshness } from '@rebelcore/messaging/project/freshness';
import { appendToOutbox } from '@rebelcore/messaging/relay/outbox';
import { Relay } from '@rebelcore/messaging/relay/relay';
import { consumerTables, outboxTables } from '@rebelcore/messaging/schema';
import { registerApi } from '@rebelcore/messaging/topics-admin';
import { TestStore } from '@rebelcore/testing/heartbeats';
import { recordedCalls } from '@rebelcore/testing/recorded-calls';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { testKafka } from '@rebelcore/testing/test-kafka';
import { testInfrastructure } from '@rebelcore/testing/test.config';
import { readTopic } from '@rebelcore/testing/topic-reader';
import { until } from '@rebelcore/testing/until';
import { randomUUID, randomUUIDv7 as uuid } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { z } from 'zod';
import { createService } from './bootstrap.js';
import { parseConfig, storingServiceVariables } from './config.js';
import { ServiceModule, type ServiceModuleOptions } from './service.module.js';

const kafka = testKafka();
const schema = z.object(storingServiceVariables('sample', 3999));
let database: TestDatabase;
let pool: Pool;
let spool: string;
let app: NestFastifyApplication | undefined;

beforeAll(async () => {
  database = await testDatabase({ role: 'sample', schema: outboxTables('sample') + consumerTables('sample') });
  pool = database.pool({ max: 2 });
  await registerApi(kafka.client(), 'sample');
});
afterAll(async () => {
  await kafka.close();
  await database.drop();
});
beforeEach(() => {
  spool = mkdtempSync(join(tmpdir(), 'sample-spool-'));
});
afterEach(async () => {
  await app?.close();
  app = undefined;
  rmSync(spool, { recursive: true, force: true });
});

@Module({})
class SampleModule {}

async function start(
  parts: Pick<ServiceModuleOptions, 'view' | 'outbox'>,
  databaseUrl = database.roleUrl,
): Promise<NestFastifyApplication> {
  const { brokers, admin } = testInfrastructure().kafka;
  const config = parseConfig(schema, {
    LOG_LEVEL: 'fatal',
    KAFKA_BROKERS: brokers.join(','),
    KAFKA_USERNAME: admin.username,
    KAFKA_PASSWORD: admin.password,
    SPOOL_DIR: spool,
    SAMPLE_DATABASE_URL: databaseUrl,
  });
  const imports = [
    ServiceModule.forRoot({ name: 'sample', config, database: { url: config.SAMPLE_DATABASE_URL }, ...parts }),
  ];
  app = await createService({
    name: 'sample',
    module: { module: SampleModule, imports },
    config,
    consumer: KafkaBatchStrategy,
  });
  await app.startAllMicroservices();
  await app.init();
  return app;
}

describe('S19: the start of a service', () => {
  it('is refused with a login that has too many rights', async () => {
    await expect(start({ view: { name: 'plain-v1' } }, database.url)).rejects.toThrow(
      'has too many rights for a service',
    );
  });

  it('is refused on a database of another encoding', async () => {
    const ascii = `${database.name}_ascii`;
    await database.asOwner(`create database ${ascii} template template0 encoding 'SQL_ASCII' locale 'C'`);
    const url = new URL(database.roleUrl);
    url.pathname = `/${ascii}`;
    try {
      await expect(start({ view: { name: 'plain-v1' } }, url.href)).rejects.toThrow(
        /^The database is SQL_ASCII on PostgreSQL 18.*: a service needs UTF8 on PostgreSQL 17 or later\.$/,
      );
    } finally {
      await database.asOwner(`drop database ${ascii} with (force)`);
    }
  });
});

async function health(service: NestFastifyApplication): Promise<{ status: number; body: unknown }> {
  const { statusCode, body } = await service.inject({ method: 'GET', url: '/health/ready' });
  return { status: statusCode, body: JSON.parse(body) };
}

const topicsAsked = (service: NestFastifyApplication) =>
  until(
    () => service.get(ViewFreshness).status().withheld?.includes('is not known since') !== true,
    'it to be known what the topics hold',
  );

const someCall = (): Call => ({
  id: uuid(),
  at: new Date().toISOString(),
  service: 'sample',
  route: 'GET /sample',
  status: 200,
  outcome: 'success',
  durationMs: 1,
  ip: '127.0.0.1',
  userAgent: 'test',
  correlationId: `sample-${randomUUID()}`,
});

describe('the health of a service', () => {
  const figures = { joined: false, lag: '0', parked: { count: 0 }, refusals: [], gaps: [] };
  const recording = { ready: true, kafkaAway: false, spooledBytes: 0, setAsideFiles: 0 };

  it('shows database, view and recording of one that has nothing else', async () => {
    const service = await start({ view: { name: 'plain-v1' } });
    const checks = { database: { ready: true }, plain: { ready: true, ...figures }, recording };
    expect(await health(service)).toEqual({ status: 200, body: { status: 'ok', checks } });
  });

  it('shows the relay and the age of the view of one that has them, whatever that age is', async () => {
    const topic = (await kafka.topic(1)) as Topic;
    const service = await start({ view: { name: 'aged-v2', freshness: { topics: [topic] } }, outbox: {} });
    await until(() => service.get(Relay).status().leader, 'the relay to lead');
    const relay = { ready: true, leader: true, published: 0, waiting: 0, refusedRecords: [] };
    const checks = {
      database: { ready: true },
      relay,
      aged: { ready: true, withheld: expect.stringContaining('no heartbeat of identity') as string, ...figures },
      recording,
    };
    await topicsAsked(service);
    expect(await health(service)).toEqual({ status: 200, body: { status: 'ok', checks } });
  });

  it('stays in rotation while the view is older than it may be, and says so', async () => {
    const topic = (await kafka.topic(1)) as Topic;
    const service = await start({
      view: { name: 'fresh-v1', freshness: { topics: [topic], maxAgeMs: 60_000 } },
    });
    expect(await health(service)).toMatchObject({
      status: 200,
      body: { checks: { fresh: { ready: true, current: false } } },
    });
    const store = new TestStore();
    const beat = async (at: Date) => {
      const { published, incarnations } = await store.heartbeat(kafka.client(), [topic]);
      await pool.query(
        `insert into heartbeat (topic, at, published, incarnations, store_id, store_position)
         values ('identity.heartbeats.v1', $1, $2, $3, $4, 0)`,
        [at, published, incarnations, store.id],
      );
      await service.get(ViewFreshness).refresh();
    };
    await topicsAsked(service);
    await beat(new Date(Date.now() - 61_000));
    expect(await health(service)).toMatchObject({ status: 200, body: { checks: { fresh: { current: false } } } });
    const now = new Date();
    await beat(now);
    const fresh = { ready: true, current: true, asOf: now.toISOString() };
    expect(await health(service)).toMatchObject({ status: 200, body: { checks: { fresh } } });
  });
});

describe('a service that stops', () => {
  it('first publishes what it has begun to, and records the calls that wait', async () => {
    const topic = (await kafka.topic(1)) as Topic;
    const service = await start({ view: { name: 'stopping-v1' }, outbox: {} });
    const [relay, recorder] = [service.get(Relay), service.get(CallRecorder)];
    await until(() => relay.status().leader, 'the relay to lead');
    const records = Array.from({ length: 5_000 }, (_, n) => ({ topic, key: 'k', headers: {}, value: String(n) }));
    await appendToOutbox(pool, records);
    relay.wake();
    await until(() => relay.status().published > 0, 'the first records to be published');
    const calls = Array.from({ length: 50 }, someCall);
    const recorded = Promise.all(calls.map((call) => recorder.record(uuid(), call)));
    await service.close();
    await recorded;
    expect(recorder.status()).toMatchObject({ kafkaAway: false, spooledBytes: 0 });
    expect(readdirSync(spool)).toEqual([]);
    await expect(recorder.record(uuid(), someCall())).rejects.toThrow('the recorder is closed');
    const ids = new Set((await recordedCalls(kafka.client(), 'sample')).map(({ id }) => id));
    expect(calls.filter(({ id }) => !ids.has(id))).toEqual([]);
    // Nothing was cut off: what was published is gone from the outbox, and the rest has not been tried.
    expect(relay.status().lastError).toBeUndefined();
    const { rows } = await pool.query<{ value: string }>('select value from outbox order by id');
    const published = (await readTopic(kafka.client(), topic)).map(({ value }) => value);
    expect([...published, ...rows.map(({ value }) => value)]).toEqual(records.map(({ value }) => value));
  });
});
