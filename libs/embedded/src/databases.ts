import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { withSessionSettings } from '@rebelcore/messaging/session-settings';
import pg from 'pg';
import type { Secrets } from './secrets.js';

/** Who connects to the database of a service: migrations as its owner, the service itself, or who may only look. */
export type DatabaseRole = 'owner' | 'runtime' | 'reader';

const userOf = (database: string, role: DatabaseRole) => (role === 'runtime' ? database : `${database}_${role}`);
const passwordOf = (database: string, role: DatabaseRole, secrets: Secrets) =>
  secrets.text(`postgres.${database}.${role}`);

/**
 * Connection URL of a role to a service's database in the embedded PostgreSQL.
 *
 * @param server URL of any database there
 */
export function databaseUrl(server: string, database: string, role: DatabaseRole, secrets: Secrets): string {
  const url = new URL(server);
  url.username = userOf(database, role);
  url.password = passwordOf(database, role, secrets);
  url.pathname = `/${database}`;
  return url.href;
}

/**
 * Creates a database with three roles: `<db>_owner` owns it and runs migrations, `<db>` is what the service runs as and
 * holds only what migrations grant, `<db>_reader` may look. Repeating it sets the passwords again.
 */
export async function ensureDatabase(superuserUrl: string, database: string, secrets: Secrets): Promise<void> {
  const [owner, runtime, reader] = [userOf(database, 'owner'), userOf(database, 'runtime'), userOf(database, 'reader')];
  await withClient(superuserUrl, async (client) => {
    for (const role of ['owner', 'runtime', 'reader'] as const) {
      const user = userOf(database, role);
      const { rowCount } = await client.query('select 1 from pg_roles where rolname = $1', [user]);
      const verb = rowCount === 0 ? 'create' : 'alter';
      // Rows belong to customers; whoever looks at the whole for an operator or a test must see them all.
      const scope = role === 'reader' ? 'bypassrls' : 'nobypassrls';
      const password = client.escapeLiteral(scramVerifier(passwordOf(database, role, secrets)));
      await client.query(`${verb} role "${user}" login ${scope} password ${password}`);
    }
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [database]);
    if (rowCount === 0) await client.query(`create database "${database}" owner "${owner}"`);
    await client.query(`revoke all on database "${database}" from public`);
    await client.query(`grant connect on database "${database}" to "${runtime}", "${reader}"`);
  });
  const inside = new URL(superuserUrl);
  inside.pathname = `/${database}`;
  await withClient(inside.href, async (client) => {
    await client.query('create extension if not exists pg_stat_statements');
    await client.query(`revoke create on schema public from public; grant all on schema public to "${owner}"`);
    await client.query(`grant usage on schema public to "${runtime}", "${reader}"`);
    await client.query(`grant pg_read_all_data to "${reader}"`);
  });
}

const SCRAM_ITERATIONS = 4096;

/**
 * What PostgreSQL keeps of an ASCII password (RFC 5803). Sent instead of the password, which would stand in the text of the
 * statement: in logs, and in `pg_stat_statements`.
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  const salted = pbkdf2Sync(password, salt, SCRAM_ITERATIONS, 32, 'sha256');
  const keyed = (text: string) => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(keyed('Client Key')).digest('base64');
  const serverKey = keyed('Server Key').toString('base64');
  return `SCRAM-SHA-256$${String(SCRAM_ITERATIONS)}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}

/**
 * One connection for as long as `work` takes. Nobody can reset what a database or a role makes the default before the start that
 * it would end, since the server runs only with the system.
 */
export async function withClient(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client(withSessionSettings(url));
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
