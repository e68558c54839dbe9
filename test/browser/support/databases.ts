import pg from 'pg';

/** What a test needs that takes months or hours to come about, done as the owner of one of the databases. */
export async function inDatabase<Result>(
  name: 'identity' | 'audit',
  work: (db: pg.Client) => Promise<Result>,
): Promise<Result> {
  const databases = JSON.parse(process.env.TEST_OWNER_DATABASES ?? '{}') as Record<typeof name, string>;
  const db = new pg.Client(databases[name]);
  await db.connect();
  try {
    return await work(db);
  } finally {
    await db.end();
  }
}
