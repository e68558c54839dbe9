import { createKafka } from '@rebelcore/messaging/kafka-client';
import { messageOf } from '@rebelcore/messaging/logger';
import { newestSpeaker } from '@rebelcore/messaging/rebuild/believe-anew';
import { auditRebuildConfig } from './audit.config.js';
import { rebuildUsage } from './usage/rebuild-usage.js';

const started = performance.now();
const say = (sentence: string) => process.stdout.write(`audit: ${sentence}\n`);

try {
  const { databaseUrl, kafka } = auditRebuildConfig();
  const { entries, old, rebuilt, lockedOutMs } = await rebuildUsage({
    databaseUrl,
    speaker: await newestSpeaker(createKafka({ ...kafka, clientId: 'audit-rebuild' }), 'audit.rebuild'),
    onStage: (_, sentence) => {
      say(sentence);
    },
  });
  const told = (view: typeof old) =>
    `${view.reduce((sum, { rows }) => sum + rows, 0)} rows, content hash ${view.map(({ hash }) => hash).join(' ')}`;
  say(`old view  ${told(old)}`);
  say(`new view  ${told(rebuilt)}`);
  say(
    told(old) === told(rebuilt)
      ? 'both are equal; the new one has taken the place of the old one'
      : 'they differ: the old view was damaged, or made by an older version; the new one has taken its place',
  );
  const seconds = (performance.now() - started) / 1_000;
  say(`${entries} entries in ${seconds.toFixed(1)} s; consumers waited ${lockedOutMs} ms`);
  process.exit(0);
} catch (error) {
  process.stderr.write(`audit: the view was not rebuilt and the old one serves on: ${messageOf(error)}\n`);
  process.exit(1);
}
