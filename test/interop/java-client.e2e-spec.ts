import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { identityEvents } from '@rebelcore/contracts/identity-events';
import type { Topic } from '@rebelcore/contracts/topics';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { endpoints, TestCustomer } from '../support/system.js';

const root = new URL('../../', import.meta.url);
const run = promisify(execFile);

/** One record as Kafka's own Java client saw it. */
interface JavaRecord {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

const text = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');

async function readWithJava(topic: Topic): Promise<JavaRecord[] | 'denied'> {
  const { brokers, subscriber } = endpoints().kafka;
  const jars = new URL('.cache/kafka-4.3.1/*', root).pathname;
  const source = new URL('test/interop/ReadEvents.java', root).pathname;
  const { stdout } = await run('java', ['-cp', jars, source, brokers.join(','), topic], {
    env: { ...process.env, KAFKA_USERNAME: subscriber.username, KAFKA_PASSWORD: subscriber.password },
    maxBuffer: 64 * 1024 * 1024,
  });
  const lines = stdout.trim().split('\n');
  const last = lines.pop();
  if (last === 'DENIED') return 'denied';
  expect(last).toBe('END');
  return lines.map((line) => {
    const [key = '', value = '', ...headers] = line.split(' ');
    const pairs = headers.map((header) => {
      const border = header.indexOf('=');
      return [header.slice(0, border), text(header.slice(border + 1))] as const;
    });
    return { key: text(key), value: text(value), headers: Object.fromEntries(pairs) };
  });
}

function publishedSchema(type: string): ValidateFunction {
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  return ajv.compile(JSON.parse(readFileSync(new URL(`docs/schemas/${type}.json`, root), 'utf8')) as object);
}

describe('a subscriber with Kafka’s own Java client', () => {
  it('finds valid CloudEvents on identity.events.v1 whose data fits the published schema', async () => {
    const customer = await TestCustomer.provision();
    const apiUser = await customer.mint();
    await customer.deactivate(apiUser);

    const records = await readWithJava('identity.events.v1');
    if (records === 'denied') throw new Error('the subscriber was refused');
    const own = records.filter((record) => record.key === customer.id);

    const types = own.map((record) => record.headers.ce_type);
    expect(types).toEqual(expect.arrayContaining([identityEvents.wireType('ApiUserCreated')]));
    expect(types.at(-1)).toBe(identityEvents.wireType('ApiUserDeactivated'));
    expect(own.map((record) => Number(record.headers.ce_sequence))).toEqual(own.map((_, index) => index + 1));
    for (const { headers, value } of own) {
      expect(headers).toMatchObject({
        ce_specversion: '1.0',
        ce_source: '/identity',
        'content-type': 'application/json',
      });
      expect(headers.ce_id).toMatch(/^[0-9a-f-]{36}$/);
      expect(new Date(headers.ce_time ?? '').toISOString()).toBe(headers.ce_time);
      const validate = publishedSchema(headers.ce_type ?? '');
      expect([validate(JSON.parse(value)), validate.errors]).toEqual([true, null]);
    }
    expect(JSON.stringify(records)).not.toContain(apiUser.password);
    expect(JSON.stringify(records)).not.toContain(customer.email);
  });

  it('cannot read identity.credentials.v1 (invariant 7)', async () => {
    expect(await readWithJava('identity.credentials.v1')).toBe('denied');
  });
});
