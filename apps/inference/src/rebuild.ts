import { createKafka } from '@rebelcore/messaging/kafka-client';
import { messageOf } from '@rebelcore/messaging/logger';
import { newestSpeaker } from '@rebelcore/messaging/rebuild/believe-anew';
import { rebuildCustomers } from './customers/rebuild-customers.js';
import { rebuildConfig } from './inference.config.js';

const say = (sentence: string) => process.stdout.write(`inference: ${sentence}\n`);

try {
  const { databaseUrl, kafka } = rebuildConfig();
  const client = createKafka({ ...kafka, clientId: 'inference-rebuild' });
  const speaker = await newestSpeaker(client, 'inference.rebuild');
  const { records, parked, old, rebuilt } = await rebuildCustomers(databaseUrl, client, speaker);
  say(`old view  ${old.rows} rows, content hash ${old.hash}`);
  say(`new view  ${rebuilt.rows} rows, content hash ${rebuilt.hash}`);
  say(
    old.hash === rebuilt.hash
      ? 'both are equal; the new one has taken the place of the old one'
      : 'they differ: the old view was damaged, or made by an older version; the new one has taken its place',
  );
  if (parked > 0) say(`${parked} records are parked; "npm run parked -- replay inference" tries them again`);
  say(`${records} records were read`);
  process.exit(0);
} catch (error) {
  process.stderr.write(`inference: the view was not rebuilt and the old one serves on: ${messageOf(error)}\n`);
  process.exit(1);
}
