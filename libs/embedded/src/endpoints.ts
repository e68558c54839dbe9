import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';

const login = z.object({ username: z.string(), password: z.string() });

/** What is running where; `endpoints.json` in the data folder, for commands and tests. Secrets of this machine are in it. */
const endpoints = z.object({
  portal: z.url(),
  identity: z.url(),
  token: z.url(),
  audit: z.url(),
  inference: z.url(),
  /** The page that shows all mail; absent where a mail server of one's own is used. */
  mailbox: z.url().optional(),
  operator_token: z.string(),
  owner: z.object({ email: z.string(), password: z.string(), totp_secret: z.string() }),
  kafka: z.object({ brokers: z.array(z.string()), subscriber: login }),
  /** Connection URLs of the roles that may only read. */
  postgres: z.object({ identity: z.string(), token: z.string(), audit: z.string() }),
});
export type Endpoints = z.infer<typeof endpoints>;

const fileIn = (dataDir: string) => join(dataDir, 'endpoints.json');

/**
 * The system that runs in `.data`, or the one that another file describes.
 *
 * @param instead the variables that describe a system to the caller where there is no file
 * @throws {Error} saying what to do about a file that is missing or damaged
 */
export function readEndpoints(file = fileIn('.data'), instead?: string): Endpoints {
  const path = resolve(file);
  if (existsSync(path)) return parseEndpoints(readFileSync(path, 'utf8'), path);
  const remedy =
    instead === undefined
      ? 'start the system with "npm start" first'
      : `start the system with "npm start", or set ${instead}`;
  throw new Error(`${path} is not there: ${remedy}.`);
}

/** @throws {Error} naming the source and the field that is not as it should be */
export function parseEndpoints(text: string, source: string): Endpoints {
  const damaged = (what: string) => new Error(`${source} is damaged: ${what}. It is written anew by "npm start".`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw damaged('it is not JSON');
  }
  const parsed = endpoints.safeParse(json);
  if (parsed.success) return parsed.data;
  throw damaged(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
}

/** Written at once and readable by its owner only. */
export function writeEndpoints(dataDir: string, described: Endpoints): void {
  const file = fileIn(dataDir);
  writeFileSync(`${file}.new`, JSON.stringify(described, undefined, 2), { mode: 0o600 });
  chmodSync(`${file}.new`, 0o600);
  renameSync(`${file}.new`, file);
}

export function removeEndpoints(dataDir: string): void {
  rmSync(fileIn(dataDir), { force: true });
}
