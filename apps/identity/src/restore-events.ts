import { createKafka } from '@rebelcore/messaging/kafka-client';
import { messageOf } from '@rebelcore/messaging/logger';
import { EVERY_CUSTOMER } from '@rebelcore/messaging/session-settings';
import { openPool } from '@rebelcore/service/database';
import type { Kafka } from 'kafkajs';
import type { Pool } from 'pg';
import { rebuildEnforcement } from './enforcement/rebuild-enforcement.js';
import { mendConfig } from './identity.config.js';
import { putBack } from './mend/put-back.js';

/** What was confirmed of events that were not in the store counted for nothing when it was read. */
async function confirmAgain(pool: Pool, kafka: Kafka, say: (sentence: string) => void): Promise<boolean> {
  try {
    await rebuildEnforcement(pool, kafka);
    return true;
  } catch (error) {
    say(
      `what was confirmed of these events could not be read: ${messageOf(error)}. "npm run rebuild -- enforcement" reads it`,
    );
    return false;
  }
}

try {
  const { databaseUrl, kafka } = mendConfig();
  const pool = openPool(databaseUrl, { further: [EVERY_CUSTOMER], max: 2 });
  const say = (sentence: string) => void process.stdout.write(`identity: ${sentence}\n`);
  const client = createKafka({ ...kafka, clientId: 'restore-events' });
  const whatIsThere = process.argv.includes('--what-is-there');
  const isWhole = await putBack(pool, client, 'admin.restore', say, { whatIsThere });
  process.exit((await confirmAgain(pool, client, say)) && isWhole ? 0 : 1);
} catch (error) {
  process.stderr.write(`identity: nothing was written: ${messageOf(error)}\n`);
  process.exit(1);
}
