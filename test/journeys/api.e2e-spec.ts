import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CallRecorder } from '@rebelcore/api-access/call-recorder';
import { CallSpool } from '@rebelcore/api-access/call-spool';
import { callsTopic, TOPICS } from '@rebelcore/contracts/topics';
import { createKafka } from '@rebelcore/messaging/kafka-client';
import { KafkaPublisher } from '@rebelcore/messaging/publish/kafka-publisher';
import type { Kafka } from 'kafkajs';
import { ROOT } from '../../apps/launcher/src/service-program.js';
import { until } from '@rebelcore/testing/until';
import { TestCustomer, type ActivityEntry } from '../support/system.js';

const NAME = `api-${randomUUID().slice(0, 8)}`;

describe('npm run api -- register', () => {
  const folder = mkdtempSync(join(tmpdir(), 'api-users-api-'));
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const api = async (...args: string[]) => {
    const program = join(ROOT, 'apps/launcher/dist/api.js');
    return (await promisify(execFile)(process.execPath, [program, ...args], { cwd: folder })).stdout;
  };
  const register = async () => {
    const printed = await api('register', NAME);
    const [brokers = '', username = '', password = ''] = ['BROKERS', 'USERNAME', 'PASSWORD'].map(
      (what) => new RegExp(`^ +KAFKA_${what}=(.+)$`, 'm').exec(printed)?.[1],
    );
    return { brokers: brokers.split(','), sasl: { username, password } };
  };
  let kafka: Kafka;
  let login: Awaited<ReturnType<typeof register>>;

  beforeAll(async () => {
    symlinkSync(process.env.TEST_SYSTEM_DATA ?? '', join(folder, '.data'));
    login = await register();
    kafka = createKafka({ ...login, clientId: NAME, logger: silent });
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('says the same login when it is repeated, and is listed', async () => {
    expect(await register()).toEqual(login);
    expect(login.sasl.username).toBe(NAME);
    expect(await api('list')).toMatch(new RegExp(`^${NAME} +${callsTopic(NAME)}$`, 'm'));
  });

  it('gives a login whose calls the activity log shows under its name', async () => {
    const customer = await TestCustomer.provision();
    const publisher = new KafkaPublisher(kafka);
    const spool = await CallSpool.open(join(folder, 'spool'), 1_000_000);
    const recorder = new CallRecorder({ service: NAME, publisher, spool });
    const call = {
      id: randomUUID(),
      at: new Date().toISOString(),
      service: NAME,
      route: 'GET /things',
      status: 200,
      outcome: 'success' as const,
      durationMs: 1,
      ip: '127.0.0.1',
      userAgent: 'test',
      correlationId: `api:${randomUUID()}`,
    };
    await recorder.record(customer.id, call);
    await recorder.close();
    await publisher.close();
    const shown = async () => {
      const { body } = await customer.owner.get(`/api/v1/activity?correlation_id=${call.correlationId}`);
      return (body as { items: ActivityEntry[] }).items[0];
    };
    const entry = await until(shown, 'the log to find the new topic, for which it looks every ten seconds', 30_000);
    expect(entry.metadata).toMatchObject({ service: NAME, route: call.route });
  });

  it('gives a login that may write no other topic', async () => {
    const own = callsTopic(NAME);
    const outcomes: [string, string][] = [];
    for (const topic of [own, ...Object.keys(TOPICS)]) {
      const publisher = new KafkaPublisher(kafka);
      // The broker looks at the rights before the size: nothing is written.
      const { message } = await publisher
        .publish([{ topic, key: 'k', headers: {}, value: 'x'.repeat(2_000_000) }])
        .then(() => new Error('written'))
        .catch((refusal: unknown) => refusal as Error);
      await publisher.close();
      outcomes.push([topic, /larger/.test(message) ? 'may' : /authoriz/.test(message) ? 'may not' : message]);
    }
    expect(outcomes).toEqual([[own, 'may'], ...Object.keys(TOPICS).map((topic) => [topic, 'may not'])]);
  });
});
