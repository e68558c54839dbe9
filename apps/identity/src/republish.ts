import { createKafka } from '@rebelcore/messaging/kafka-client';
import { EVERY_CUSTOMER } from '@rebelcore/messaging/session-settings';
import { openPool } from '@rebelcore/service/database';
import { mendConfig } from './identity.config.js';
import { refill, requireAllStored } from './mend/refill.js';

let consequence = 'nothing was touched';
try {
  const { databaseUrl, kafka } = mendConfig();
  const pool = openPool(databaseUrl, { further: [EVERY_CUSTOMER], max: 2 });
  const client = createKafka({ ...kafka, clientId: 'republish' });
  const say = (sentence: string) => void process.stdout.write(`identity: ${sentence}\n`);
  if (!process.argv.includes('--the-store-is-right')) await requireAllStored(pool, client);
  consequence = 'the topics were not filled, and nothing is published until this is run again';
  await refill(pool, client, say);
  process.exit(0);
} catch (error) {
  process.stderr.write(`identity: ${consequence}: ${(error as Error).message}\n`);
  process.exit(1);
}
