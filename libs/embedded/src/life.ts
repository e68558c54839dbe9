import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DataFolder } from './data-folder.js';

/** What of a system's data is kept by the embedded PostgreSQL and Kafka. */
type StoredPart = 'postgres' | 'kafka';

const TITLES: Readonly<Record<StoredPart, string>> = { postgres: 'the databases', kafka: 'the log of Kafka' };
const LIFE = 'life';
const madeIn = (part: StoredPart) => `${LIFE}.${part}`;

/** In the data of PostgreSQL, so that it goes where they go. */
export const markOfPostgres = (data: string): string => join(data, 'api-users-life');

/**
 * Databases, log and secrets of one folder carry one id, which is also the id of Kafka's cluster: a position in one of them
 * says nothing about another that was made at another time.
 *
 * @param parts those that are embedded in this start
 * @param given.isKafkaLost somebody knows that Kafka's log is gone and wants to go on without it
 * @throws {Error} naming what is missing or of another life, before anything is made
 */
export function checkLife(
  { dataDir, secrets }: DataFolder,
  parts: readonly StoredPart[],
  { isKafkaLost = false }: { readonly isKafkaLost?: boolean } = {},
): void {
  const life = secrets.find(LIFE);
  // Made by a version that marked nothing.
  if (life === undefined) return;
  for (const part of parts) {
    const found = livesOf(dataDir, part);
    const missing = found.length === 0 && secrets.find(madeIn(part)) !== undefined;
    const foreign = found.some((each) => each !== life);
    if (!foreign && (!missing || (part === 'kafka' && isKafkaLost))) continue;
    const goOn =
      missing && part === 'kafka'
        ? 'go on with an empty one by "npm start -- --kafka-lost", after which "npm run republish" fills its topics from the databases, '
        : '';
    throw new Error(
      `The data in ${dataDir} does not belong together: ${TITLES[part]} (${join(dataDir, part)}) ` +
        `${missing ? 'is missing' : 'is of another life than secrets.json'}. ` +
        `Restore it from the backup that the rest is from, ${goOn}or remove ${dataDir} to start anew without the data.`,
    );
  }
}

/** The id that the parts of this folder are made with; Kafka's of before where there was none. */
export function lifeOf({ dataDir, secrets }: DataFolder): string {
  // Kafka takes 16 bytes in base64url, and its tool a word without a dash in front.
  const made = () => randomBytes(16).toString('base64url').replace(/^-/, 'A');
  const life = secrets.find(LIFE) ?? livesOf(dataDir, 'kafka')[0] ?? made();
  secrets.store(LIFE, life);
  return life;
}

/** From now on the part is missed where it is not there. */
export function partIsMade({ secrets }: DataFolder, part: StoredPart): void {
  secrets.store(madeIn(part), 'made');
}

function livesOf(dataDir: string, part: StoredPart): string[] {
  const dir = join(dataDir, part);
  if (part === 'postgres') {
    if (!existsSync(dir) || readdirSync(dir).length === 0) return [];
    return [textOf(markOfPostgres(dir)) ?? 'unmarked'];
  }
  return (existsSync(dir) ? readdirSync(dir) : [])
    .map((node) => textOf(join(dir, node, 'logs', 'meta.properties')))
    .filter((properties) => properties !== undefined)
    .map((properties) => /^cluster\.id=(.*)$/m.exec(properties)?.[1] ?? 'unmarked');
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
