import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DataFolder } from './data-folder.js';

/** What of a system's data is kept by the embedded PostgreSQL and Kafka. */
type StoredPart = 'postgres' | 'kafka';

const TITLES: Readonly<Record<StoredPart, string>> = { postgres: 'the databases', kafka: 'the log of Kafka' };
/** Without which the part cannot be used. */
const SECRETS: Readonly<Record<StoredPart, string>> = { postgres: 'postgres.superuser', kafka: 'kafka.admin' };
const LIFE = 'life';
/** Stands for the id of a part whose mark a crash of the machine has emptied, or somebody removed. */
const UNREADABLE = '';
const madeIn = (part: StoredPart) => `${LIFE}.${part}`;

/** In the data of PostgreSQL, so that it goes where they go. */
export const markOfPostgres = (data: string): string => join(data, 'api-users-life');

/**
 * Databases, log and secrets of one folder carry one id, which is also the id of Kafka's cluster: a position in one of them
 * says nothing about another that was made at another time.
 *
 * @param parts those that are embedded in this start
 * @param given.isKafkaLost somebody knows that Kafka's log is gone and wants to go on without it
 * @throws {Error} naming what is missing, damaged or of another life, before anything is made
 */
export function checkLife(
  folder: DataFolder,
  parts: readonly StoredPart[],
  { isKafkaLost = false }: { readonly isKafkaLost?: boolean } = {},
): void {
  const { dataDir, secrets } = folder;
  const life = secrets.find(LIFE);
  for (const part of parts) {
    const found = livesOf(dataDir, part);
    const where = `${TITLES[part]} (${join(dataDir, part)})`;
    const isMarked = part === 'postgres' && found.some((each) => each !== UNREADABLE);
    if (found.length > 0 && (secrets.find(SECRETS[part]) === undefined || (life === undefined && isMarked))) {
      throw new Error(
        `${join(dataDir, 'secrets.json')} is incomplete, and ${where} cannot be used without what it lacks: ` +
          `restore it from a backup, or remove ${dataDir} to start anew without the data.`,
      );
    }
    // Made by a version that marked nothing.
    if (life === undefined) continue;
    const isMissing = found.length === 0 && secrets.find(madeIn(part)) !== undefined;
    const isForeign = found.some((each) => each !== life);
    if (!isForeign && (!isMissing || (part === 'kafka' && isKafkaLost))) continue;
    throw new Error(
      `The data in ${dataDir} does not belong together: ${where} ${faultOf(found)}. ` +
        `Restore it from the backup that the rest is from, ${waysOn(folder, part, found)}` +
        `or remove ${dataDir} to start anew without the data.`,
    );
  }
}

function faultOf(found: readonly string[]): string {
  if (found.length === 0) return 'is missing';
  return found.includes(UNREADABLE) ? 'bears no id that can be read' : 'is of another life than secrets.json';
}

/** What else can be done, where something can. */
function waysOn({ dataDir, secrets }: DataFolder, part: StoredPart, found: readonly string[]): string {
  const dir = join(dataDir, part);
  if (part === 'kafka') {
    const away = found.length === 0 ? '' : `move ${dir} away and `;
    return `${away}go on with an empty one by "npm start -- --kafka-lost", after which "npm run republish" fills its topics from the databases, `;
  }
  if (!found.includes(UNREADABLE)) return '';
  return `write ${secrets.find(LIFE)} into ${markOfPostgres(dir)} where nothing but this mark was damaged, `;
}

/** The id that the parts of this folder are made with; Kafka's of before where there was none. */
export function lifeOf({ dataDir, secrets }: DataFolder): string {
  // Kafka takes 16 bytes in base64url, and its tool a word without a dash in front.
  const made = () => randomBytes(16).toString('base64url').replace(/^-/, 'A');
  const life = secrets.find(LIFE) ?? livesOf(dataDir, 'kafka').find((each) => each !== UNREADABLE) ?? made();
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
    return [idIn(textOf(markOfPostgres(dir)), /^([\w-]+)$/)];
  }
  return (existsSync(dir) ? readdirSync(dir) : [])
    .map((node) => textOf(join(dir, node, 'logs', 'meta.properties')))
    .filter((properties) => properties !== undefined)
    .map((properties) => idIn(properties, /^cluster\.id=([\w-]+)$/m));
}

const idIn = (text: string | undefined, pattern: RegExp): string => pattern.exec(text ?? '')?.[1] ?? UNREADABLE;

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
