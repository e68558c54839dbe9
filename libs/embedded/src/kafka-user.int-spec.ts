import { createKafka } from '@rebelcore/messaging/kafka-client';
import { testInfrastructure } from '@rebelcore/testing/test.config';
import { randomBytes } from 'node:crypto';
import { makeKafkaUser } from './kafka-user.js';

/** Whether the broker lets somebody in. */
async function isLetIn(username: string, password: string): Promise<boolean> {
  const { brokers } = testInfrastructure().kafka;
  const kafka = createKafka({ brokers, clientId: 'test', sasl: { username, password } });
  const producer = kafka.producer({ retry: { retries: 0 } });
  try {
    await producer.connect();
    return true;
  } catch {
    return false;
  } finally {
    await producer.disconnect();
  }
}

it('makes the login of an API in a running Kafka, and gives it another password when asked again', async () => {
  const { brokers, admin } = testInfrastructure().kafka;
  const username = `made-${randomBytes(4).toString('hex')}`;
  const [first, second] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
  expect(await isLetIn(username, first)).toBe(false);
  makeKafkaUser(brokers, admin, { username, password: first });
  expect([await isLetIn(username, first), await isLetIn(username, second)]).toEqual([true, false]);
  makeKafkaUser(brokers, admin, { username, password: second });
  expect([await isLetIn(username, first), await isLetIn(username, second)]).toEqual([false, true]);
});
