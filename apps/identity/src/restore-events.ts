import { createKafka } from '@rebelcore/messaging/kafka-client';
import { EVERY_CUSTOMER } from '@rebelcore/messaging/session-settings';
import { openPool } from '@rebelcore/service/database';
import { mendConfig } from './identity.config.js';
import { putBack } from './mend/put-back.js';

try {
  const { databaseUrl, kafka } = mendConfig();
  const pool = openPool(databaseUrl, { further: [EVERY_CUSTOMER], max: 2 });
  const say = (sentence: string) => void process.stdout.write(`identity: ${sentence}\n`);
  await putBack(pool, createKafka({ ...kafka, clientId: 'restore-events' }), 'admin.restore', say);
  process.exit(0);
} catch (error) {
  process.stderr.write(`identity: nothing was written: ${(error as Error).message}\n`);
  process.exit(1);
}
