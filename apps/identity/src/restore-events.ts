import { createKafka } from '@rebelcore/messaging/kafka-client';
import { messageOf } from '@rebelcore/messaging/logger';
import { EVERY_CUSTOMER } from '@rebelcore/messaging/session-settings';
import { openPool } from '@rebelcore/service/database';
import { mendConfig } from './identity.config.js';
import { putBack } from './mend/put-back.js';

try {
  const { databaseUrl, kafka } = mendConfig();
  const pool = openPool(databaseUrl, { further: [EVERY_CUSTOMER], max: 2 });
  const say = (sentence: string) => void process.stdout.write(`identity: ${sentence}\n`);
  const client = createKafka({ ...kafka, clientId: 'restore-events' });
  const whatIsThere = process.argv.includes('--what-is-there');
  process.exit((await putBack(pool, client, 'admin.restore', say, { whatIsThere })) ? 0 : 1);
} catch (error) {
  process.stderr.write(`identity: nothing was written: ${messageOf(error)}\n`);
  process.exit(1);
}
