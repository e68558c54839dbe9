import { createKafka } from '@rebelcore/messaging/kafka-client';
import { messageOf } from '@rebelcore/messaging/logger';
import { EVERY_CUSTOMER } from '@rebelcore/messaging/session-settings';
import { openPool } from '@rebelcore/service/database';
import { mendConfig } from './identity.config.js';
import { refill, onlyInTopics } from './mend/refill.js';

let consequence = 'nothing was touched';
try {
  const { databaseUrl, kafka } = mendConfig();
  const pool = openPool(databaseUrl, { further: [EVERY_CUSTOMER], max: 2 });
  const client = createKafka({ ...kafka, clientId: 'republish' });
  const say = (sentence: string) => void process.stdout.write(`identity: ${sentence}\n`);
  const lost = await onlyInTopics(pool, client);
  // Where the topics are gone they tell of nothing that is lost, and views may know of it all the same.
  const letsGo = process.argv.includes('--the-store-is-right');
  if (lost !== undefined && !letsGo) {
    throw new Error(
      `${lost}. "npm run restore -- events" puts back what the topics still have. Only if what the store lacks shall be gone ` +
        `for good: "npm run republish -- --the-store-is-right"`,
    );
  }
  consequence = 'the topics were not filled, and nothing is published until this is run again';
  await refill(pool, client, say, { letsGo });
  if (letsGo) {
    say(
      `${lost ?? 'The topics told of nothing that it lacks'}; what it lacks is let go. The store has a new identity, which ` +
        `views refuse: "npm run rebuild -- token", then "… inference" and "… audit" are next`,
    );
  }
  process.exit(0);
} catch (error) {
  process.stderr.write(`identity: ${consequence}: ${messageOf(error)}\n`);
  process.exit(1);
}
