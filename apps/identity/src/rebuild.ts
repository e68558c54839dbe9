import { createKafka } from '@rebelcore/messaging/kafka-client';
import { messageOf } from '@rebelcore/messaging/logger';
import { openPool } from '@rebelcore/service/database';
import { rebuildEnforcement } from './enforcement/rebuild-enforcement.js';
import { mendConfig } from './identity.config.js';

const say = (sentence: string) => process.stdout.write(`identity: ${sentence}\n`);

try {
  const { databaseUrl, kafka } = mendConfig();
  const pool = openPool(databaseUrl, { max: 1 });
  const { records, unreadable, kept, old, rebuilt } = await rebuildEnforcement(
    pool,
    createKafka({ ...kafka, clientId: 'identity-rebuild' }),
  );
  say(`old view  ${old.rows} rows, content hash ${old.hash}`);
  say(`new view  ${rebuilt.rows} rows, content hash ${rebuilt.hash}`);
  say(
    old.hash === rebuilt.hash
      ? 'both are equal; the new one has taken the place of the old one'
      : 'they differ: the old view was damaged, or made by an older version; the new one has taken its place',
  );
  if (kept > 0) say(`${kept} rows, of which the topic no longer says as much, are as they were`);
  if (unreadable > 0) say(`${unreadable} records cannot be read; "npm run parked -- replay identity" says why`);
  say(`${records} records were read`);
  process.exit(0);
} catch (error) {
  process.stderr.write(`identity: the view was not rebuilt and the old one serves on: ${messageOf(error)}\n`);
  process.exit(1);
}
