import { createKafka } from '@rebelcore/messaging/kafka-client';
import { EVERY_CUSTOMER } from '@rebelcore/messaging/session-settings';
import { openPool } from '@rebelcore/service/database';
import { mendConfig } from './identity.config.js';
import { refill } from './mend/refill.js';

try {
  const { databaseUrl, kafka } = mendConfig();
  const pool = openPool(databaseUrl, { further: [EVERY_CUSTOMER], max: 2 });
  const say = (sentence: string) => void process.stdout.write(`identity: ${sentence}\n`);
  await refill(pool, createKafka({ ...kafka, clientId: 'republish' }), say);
  process.exit(0);
} catch (error) {
  const { message } = error as Error;
  process.stderr.write(`identity: the topics were not filled, and nothing is published: ${message}\nRun it again.\n`);
  process.exit(1);
}
