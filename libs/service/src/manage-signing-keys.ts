import { LEAD_MS, publishedAt, signingAt, type KeyTimes } from '@rebelcore/credentials/signing-key-schedule';
import { messageOf } from '@rebelcore/messaging/logger';
import { withSessionSettings } from '@rebelcore/messaging/session-settings';
import { Client } from 'pg';
import { databaseUrl } from './config.js';

/** What can be done with the keys a service signs with. The running replicas notice within seconds. */
type Verb = 'list' | 'rotate' | 'withdraw';

/**
 * Carries out `list`, `rotate` or `withdraw <kid>` of the command line on a service's signing keys, as the owner of its
 * database, and prints the keys. The exit status is 1 when it failed.
 */
export async function manageSigningKeys(service: string): Promise<void> {
  const [verb, kid = ''] = process.argv.slice(2) as [Verb, string?];
  const say = (line: string) => process.stdout.write(`${service}: ${line}\n`);
  try {
    const db = new Client({ connectionString: withSessionSettings(databaseUrl(service, 'owner')) });
    await db.connect();
    try {
      if (verb === 'rotate') say(await rotateSigningKeys(db));
      if (verb === 'withdraw') say(await withdrawSigningKey(db, kid));
      for (const line of await describeSigningKeys(db)) say(line);
    } finally {
      await db.end();
    }
  } catch (error) {
    process.stderr.write(`${service}: the keys are as they were: ${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}

/**
 * Makes the next key due; a running replica adds it.
 *
 * @throws {Error} when the next key is due or published already
 */
export async function rotateSigningKeys(db: Client): Promise<string> {
  const { rowCount } = await db.query(
    `update signing_key set rotate_after = now()
     where withdrawn_at is null and rotate_after > now()
       and not exists (select from signing_key where withdrawn_at is null and signs_from > now())`,
  );
  if (rowCount === 0) throw new Error('the next key is due or published already');
  return `the next key is published in a few seconds and signs ${String(LEAD_MS / 60_000)} minutes later`;
}

/**
 * Ends a key: it signs nothing from now on and is published no longer.
 *
 * @throws {Error} when no such key counts
 */
export async function withdrawSigningKey(db: Client, kid: string): Promise<string> {
  const { rowCount } = await db.query(
    'update signing_key set withdrawn_at = now() where kid = $1 and withdrawn_at is null',
    [kid],
  );
  if (rowCount === 0) throw new Error(`no key ${kid} is in use`);
  return `key ${kid} is withdrawn; tokens signed with it are refused as soon as each API has fetched the keys anew`;
}

/** A line for each key, newest first. */
export async function describeSigningKeys(db: Client): Promise<string[]> {
  const { rows } = await db.query<KeyTimes & { withdrawnAt: number | null; now: number }>(
    `select kid, extract(epoch from signs_from)::float8 * 1000 as "signsFrom",
            extract(epoch from withdrawn_at)::float8 * 1000 as "withdrawnAt", withdrawn_at is not null as withdrawn,
            extract(epoch from now())::float8 * 1000 as now
     from signing_key order by signs_from desc`,
  );
  const now = rows[0]?.now ?? 0;
  const signing = signingAt(rows, now);
  const published = new Set(publishedAt(rows, now).map(({ kid }) => kid));
  return rows.map(({ kid, signsFrom, withdrawnAt }) => {
    const from = `since ${minute(signsFrom)}`;
    if (withdrawnAt !== null) return `${kid}  withdrawn at ${minute(withdrawnAt)}`;
    if (kid === signing?.kid) return `${kid}  signs ${from}`;
    if (signsFrom > now) return `${kid}  signs from ${minute(signsFrom)}`;
    return `${kid}  ${published.has(kid) ? 'verifies only' : 'retired'}; signed ${from}`;
  });
}

const minute = (at: number) => new Date(at).toISOString().slice(0, 16).replace('T', ' ') + ' UTC';
