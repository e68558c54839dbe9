import { createKafka } from '@rebelcore/messaging/kafka-client';
import { messageOf } from '@rebelcore/messaging/logger';
import { newestSpeaker } from '@rebelcore/messaging/rebuild/believe-anew';
import { constants, setPriority } from 'node:os';
import { bulkLoadOnThread } from './rebuild/bulk-load.js';
import { count, rebuildAuthorization } from './rebuild/rebuild-authorization.js';
import { APPLICATION_NAME, GROUP_PREFIX } from './rebuild/rebuild-schema.js';
import { rebuildConfig } from './token.config.js';

const started = performance.now();
const say = (sentence: string) => process.stdout.write(`token: ${sentence}\n`);

try {
  const config = rebuildConfig();
  const settings = { ...config.kafka, clientId: APPLICATION_NAME };
  const kafka = createKafka(settings);
  // Whoever serves goes first; threads take it on from here.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  const { old, rebuilt, records, parked, lockedOutMs } = await rebuildAuthorization({
    databaseUrl: config.databaseUrl,
    kafka,
    speaker: await newestSpeaker(kafka, GROUP_PREFIX),
    load: bulkLoadOnThread(settings),
    onStage: (_, sentence) => void say(sentence),
  });
  const seconds = (performance.now() - started) / 1_000;
  say(`old view  ${count(old.rows)} rows, content hash ${old.hash}`);
  say(`new view  ${count(rebuilt.rows)} rows, content hash ${rebuilt.hash}`);
  say(
    old.hash === rebuilt.hash
      ? 'both are equal; the new one has taken the place of the old one'
      : 'they differ: the old view was damaged, or made by an older version; the new one has taken its place',
  );
  if (parked > 0) say(`${count(parked)} records are parked; "npm run parked -- replay token" tries them again`);
  say(
    `${count(records)} records in ${seconds.toFixed(1)} s, ${count(records / seconds)} per second; ` +
      `consumers waited ${count(lockedOutMs)} ms`,
  );
  process.exit(0);
} catch (error) {
  process.stderr.write(`token: the view was not rebuilt and the old one serves on: ${messageOf(error)}\n`);
  process.exit(1);
}
