import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import {
  brokerList,
  ConfigError,
  databaseUrl,
  kafkaConnection,
  parseConfig,
  postgresUrl,
  secretKey,
  secretText,
  serviceVariables,
  storingServiceVariables,
  wholeNumber,
} from './config.js';
import { peppers } from '../../credentials/src/verifier.js';

const schema = z.object({
  DATABASE: postgresUrl,
  KEY: secretKey,
  OPERATOR: secretText(32),
  PEPPERS: peppers,
  COUNT: wholeNumber(0, 10).default(3),
});
const good = {
  DATABASE: 'postgres://someone:f3Kd0@127.0.0.1:5432/identity',
  KEY: randomBytes(32).toString('base64url'),
  OPERATOR: randomBytes(24).toString('hex'),
  PEPPERS: `v1:${randomBytes(32).toString('base64url')}`,
};
const parse = (changes: Record<string, string | undefined>) => () => parseConfig(schema, { ...good, ...changes });

describe('the configuration', () => {
  it('is parsed to typed values', () => {
    const config = parse({})();
    expect(config.KEY).toHaveLength(32);
    expect(config.PEPPERS.current).toBe('v1');
    expect(brokerList.parse('a:1,b:2')).toEqual(['a:1', 'b:2']);
  });

  it.each([
    [{ KEY: undefined }, 'KEY: is required'],
    [{ KEY: '' }, 'KEY: is required'],
    [{ KEY: 'A'.repeat(43) }, 'KEY: must be random'],
    [{ KEY: 'short' }, 'KEY: must be 32 random bytes'],
    [{ OPERATOR: 'changeme'.repeat(5) }, 'OPERATOR: must be random'],
    [{ OPERATOR: 'x7' }, 'OPERATOR: must be at least 32'],
    [{ PEPPERS: `v1:${'A'.repeat(43)}` }, 'PEPPERS: must be random'],
    [{ PEPPERS: `v1:${Buffer.from('x1'.repeat(16)).toString('base64url')}` }, 'PEPPERS: must be random'],
    [{ PEPPERS: `${good.PEPPERS},${good.PEPPERS}` }, 'PEPPERS: must name each version once'],
    [{ KEY: Buffer.from('changeme-changeme-changeme-12345').toString('base64url') }, 'KEY: must be random'],
    [{ OPERATOR: 'ab'.repeat(20) }, 'OPERATOR: must be random'],
    [{ DATABASE: 'postgres://someone@127.0.0.1/x' }, 'DATABASE: must have a password beside its user'],
    [{ OPERATOR: '0123456789abcdefghijklmnopqrstuvwxyz' }, 'OPERATOR: must be random'],
    [{ OPERATOR: 'k3v9q0z7x2m5w8r1'.repeat(2) }, 'OPERATOR: must be random'],
    [{ DATABASE: 'postgres://someone:changeme@127.0.0.1/x' }, 'DATABASE: the password must not be a placeholder'],
    [{ DATABASE: 'postgres://someone:SomeOne@127.0.0.1/x' }, 'DATABASE: the password must not be a placeholder, nor'],
    [{ DATABASE: 'postgres://127.0.0.1/x?user=me&password=me' }, 'DATABASE: the password must not be a placeholder'],
    [{ DATABASE: 'mysql://x' }, 'DATABASE: must be a postgres:// URL'],
    [{ DATABASE: 'postgres://127.0.0.1/x' }, 'DATABASE: must have a password beside its user'],
    [{ DATABASE: 'postgres://127.0.0.1/x?user=someone' }, 'DATABASE: must have a password beside its user'],
    [{ DATABASE: 'postgres://someone:pa#ss@127.0.0.1/x' }, 'DATABASE: must be a URL, with what is no letter'],
    [{ DATABASE: 'postgres://someone:pa%ss@127.0.0.1/x' }, 'DATABASE: must be a URL, with what is no letter'],
    [{ COUNT: ' ' }, 'COUNT: must be a whole number in digits'],
    [{ COUNT: '0x10' }, 'COUNT: must be a whole number in digits'],
    [{ COUNT: '11' }, 'COUNT: Too big'],
  ])('refuses %j by name and rule', (changes, words) => {
    expect(parse(changes)).toThrow(ConfigError);
    expect(parse(changes)).toThrow(words);
  });

  it.each([
    'postgresql://someone:pa%23ss@127.0.0.1/x',
    'postgres://127.0.0.1:5432/x?user=someone&password=f3Kd0',
    'postgres://someone:f3Kd0@127.0.0.1/x?sslmode=require',
  ])('takes the address of a database as pg does: %s', (DATABASE) => {
    expect(parse({ DATABASE })()).toMatchObject({ DATABASE, COUNT: 3 });
  });

  it('has a service listen on one address, also for a name that has two', () => {
    const schemaOfAll = z.object(serviceVariables(3000));
    const host = (given?: string) => parseConfig(schemaOfAll, { HOST: given }).HOST;
    expect([undefined, 'localhost', 'LOCALHOST', '0.0.0.0', '::1'].map(host)).toEqual([
      ...Array.from({ length: 3 }, () => '127.0.0.1'),
      '0.0.0.0',
      '::1',
    ]);
  });

  it('names all faults at once and repeats no value, which may be a secret', () => {
    const faults = parse({ KEY: 'not-a-key', OPERATOR: 'tiny-value' });
    expect(faults).toThrow(/KEY[\s\S]*OPERATOR/);
    expect(faults).not.toThrow(/not-a-key|tiny-value/);
  });

  it('takes Kafka credentials whole or not at all', () => {
    expect(() => kafkaConnection({ KAFKA_BROKERS: ['a:1'], KAFKA_USERNAME: 'x' })).toThrow(/both or neither/);
    expect(kafkaConnection({ KAFKA_BROKERS: ['a:1'] })).toEqual({ brokers: ['a:1'] });
    const named = { KAFKA_BROKERS: ['a:1'], KAFKA_USERNAME: 'token', KAFKA_PASSWORD: 'Token' };
    expect(() => kafkaConnection(named)).toThrow('KAFKA_PASSWORD: must not be a placeholder, nor the name of its user');
  });

  it('names the database after the service, and the same one for its owner', () => {
    const sample = z.object(storingServiceVariables('sample', 3999));
    const missing = () => parseConfig(sample, { KAFKA_BROKERS: 'a:1', SPOOL_DIR: '/spool' });
    expect(missing).toThrow(/^ {2}SAMPLE_DATABASE_URL: is required$/m);
    const env = { SAMPLE_DATABASE_URL: good.DATABASE, SAMPLE_MIGRATIONS_DATABASE_URL: `${good.DATABASE}?owner` };
    const config = parseConfig(sample, { KAFKA_BROKERS: 'a:1', SPOOL_DIR: '/spool', ...env });
    expect([config.PORT, config.SAMPLE_DATABASE_URL]).toEqual([3999, good.DATABASE]);
    expect(databaseUrl('sample', 'service', env)).toBe(good.DATABASE);
    expect(databaseUrl('sample', 'owner', env)).toBe(`${good.DATABASE}?owner`);
    expect(() => databaseUrl('other', 'owner', env)).toThrow('OTHER_MIGRATIONS_DATABASE_URL: is required');
  });
});
