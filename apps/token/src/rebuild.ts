import { createKafka } from '@rebelcore/messaging/kafka-client';
import { createLogger } from '@rebelcore/service/log';
import { constants, setPriority } from 'node:os';
import { fillOnThread } from './authorization/authorization.fill-thread.js';
import {
  rebuildAuthorization,
  type RebuildProgress,
  type RebuildResult,
} from './authorization/authorization.rebuild.js';
import { AUTHORIZATION } from './authorization/authorization.view.js';
import { rebuildConfig } from './token.config.js';

const started = Date.now();
const say = (text: string) => process.stdout.write(`token: ${text}\n`);
const count = (n: number) => Math.round(n).toLocaleString('en-US').replaceAll(',', ' ');
const perSecond = (records: number) => count((records * 1_000) / Math.max(1, Date.now() - started));

function show(progress: RebuildProgress): void {
  switch (progress.at) {
    case 'reading':
      if (progress.read === 0) {
        say(`rebuilding ${AUTHORIZATION} from ${count(progress.of)} records; the old view serves meanwhile`);
      } else {
        say(`${count(progress.read)} of ${count(progress.of)} records read, ${perSecond(progress.read)} per second`);
      }
      return;
    case 'compared':
      say(
        `${count(progress.rows)} rows made of ${count(progress.read)} records, ${perSecond(progress.read)} per second`,
      );
      return;
    case 'one-by-one':
      say(`the database refuses some of the records (${progress.reason}); starting afresh, batch by batch`);
      return;
    case 'again':
      say(`the old view could not be held or replaced (${progress.reason}); trying again`);
      return;
    case 'held':
  }
}

function conclude({ old, rebuilt, records, parked, seconds, heldMs }: RebuildResult): void {
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
      `consumers waited ${count(heldMs)} ms`,
  );
}

try {
  const { databaseUrl, kafka } = rebuildConfig();
  const settings = { ...kafka, clientId: 'token-rebuild' };
  // Whoever serves goes first; threads take it on from here.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  conclude(
    await rebuildAuthorization({
      databaseUrl,
      kafka: createKafka(settings),
      fill: fillOnThread(settings),
      // What is parked again would be reported again; its number is in the result.
      logger: createLogger('token-rebuild', 'fatal'),
      progress: show,
    }),
  );
  process.exit(0);
} catch (error) {
  process.stderr.write(`token: the view was not rebuilt and the old one serves on: ${(error as Error).message}\n`);
  process.exit(1);
}
