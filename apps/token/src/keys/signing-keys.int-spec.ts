import { SigningKeyRing } from '@rebelcore/credentials/signing-key-ring';
import { runMigrations } from '@rebelcore/service/database';
import { describeSigningKeys, rotateSigningKeys, withdrawSigningKey } from '@rebelcore/service/manage-signing-keys';
import { ProblemException } from '@rebelcore/service/problem';
import { currentKeyOf } from '@rebelcore/service/signing-key-ring';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { until } from '@rebelcore/testing/until';
import { randomBytes } from 'node:crypto';
import { Client, type Pool } from 'pg';
import { migrations } from '../migrations/migrations.js';

let database: TestDatabase;
let pool: Pool;
let owner: Client;
const encryptionKey = randomBytes(32);
const rings: SigningKeyRing[] = [];

beforeAll(async () => {
  database = await testDatabase({ role: 'token' });
  await runMigrations({ url: database.url, applicationName: 'test', migrations });
  pool = database.pool({ max: 2 });
  owner = new Client({ connectionString: database.url });
  await owner.connect();
});
beforeEach(async () => {
  await owner.query('truncate signing_key');
  const options = { pool, encryptionKey, rotationDays: 30 };
  rings.push(...(await Promise.all([SigningKeyRing.open(options), SigningKeyRing.open(options)])));
});
afterEach(() => {
  for (const ring of rings.splice(0)) ring.onModuleDestroy();
});
afterAll(async () => {
  await owner.end();
  await pool.end();
  await database.drop();
});

const refresh = () => Promise.all(rings.map((ring) => ring.refresh()));
/** What all replicas say alike. */
function agreed(): { signing: string; published: string[] } {
  const [first, second] = rings.map((ring) => ({
    signing: currentKeyOf(ring).kid,
    published: ring.jwks().keys.map(({ kid }) => kid),
  }));
  expect(second).toEqual(first);
  return first ?? { signing: '', published: [] };
}
/** As if this much more time had passed. */
const age = (interval: string) =>
  owner.query('update signing_key set signs_from = signs_from - $1::interval', [interval]);

describe('the signing keys of a service', () => {
  it('are one when replicas start together on an empty database', () => {
    const { signing, published } = agreed();
    expect(published).toEqual([signing]);
  });

  it('turn over on command: published first, signing an hour later, gone 25 hours after the last signature', async () => {
    const { signing: old } = agreed();
    await rotateSigningKeys(owner);
    await refresh();
    await refresh();
    const { signing, published } = agreed();
    const [next = ''] = published;
    expect([signing, published]).toEqual([old, [next, old]]);
    expect(await describeSigningKeys(owner)).toEqual([
      expect.stringMatching(new RegExp(`^${next}  signs from 20`)),
      expect.stringMatching(new RegExp(`^${old}  signs since 20`)),
    ]);
    await expect(rotateSigningKeys(owner)).rejects.toThrow('due or published already');

    await age('1 hour');
    await refresh();
    expect(agreed()).toEqual({ signing: next, published: [next, old] });
    await age('24 hours 59 minutes');
    await refresh();
    expect(agreed().published).toEqual([next, old]);
    await age('1 minute');
    await refresh();
    expect(agreed()).toEqual({ signing: next, published: [next] });
    expect(rings[0]?.find(old)).toBeUndefined();
  });

  it('turn over on schedule, with one new key however many replicas notice', async () => {
    await owner.query(`update signing_key set rotate_after = now()`);
    await refresh();
    expect(agreed().published).toHaveLength(2);
  });

  it('sign with a new key at once after one was withdrawn, also while the next one waits for its time', async () => {
    const { signing: old } = agreed();
    await rotateSigningKeys(owner);
    await refresh();
    await withdrawSigningKey(owner, old);
    await refresh();
    const { signing, published } = agreed();
    expect(signing).not.toBe(old);
    expect(published).not.toContain(old);
    await expect(withdrawSigningKey(owner, old)).rejects.toThrow(`no key ${old} is in use`);
    expect((await describeSigningKeys(owner)).filter((line) => line.includes('withdrawn'))).toEqual([
      expect.stringMatching(new RegExp(`^${old}  withdrawn at 20`)),
    ]);
  });

  it('do not come back: not the retired one either, when its successor is withdrawn', async () => {
    const { signing: old } = agreed();
    await rotateSigningKeys(owner);
    await refresh();
    const [next = ''] = agreed().published;
    await age('26 hours');
    await refresh();
    expect(agreed()).toEqual({ signing: next, published: [next] });
    await withdrawSigningKey(owner, next);
    await refresh();
    const { signing, published } = agreed();
    expect([old, next]).not.toContain(signing);
    expect(published).toEqual([signing]);
  });

  /** Two keys that are published, the later of which signs. */
  async function predecessorAndSigner(): Promise<{ predecessor: string; signer: string }> {
    const { signing: predecessor } = agreed();
    await rotateSigningKeys(owner);
    await refresh();
    await age('1 hour');
    await refresh();
    return { predecessor, signer: agreed().signing };
  }

  it('have one that signs at any time, which is never the predecessor of one that was withdrawn', async () => {
    const { predecessor, signer } = await predecessorAndSigner();
    await withdrawSigningKey(owner, signer);
    await owner.query(`select pg_advisory_lock(hashtext('signing-key'))`);
    const refreshed = refresh();
    try {
      await until(async () => {
        const { rowCount } = await owner.query(
          `select from pg_locks join pg_database d on d.oid = database
            where locktype = 'advisory' and not granted and datname = current_database()`,
        );
        return rowCount === rings.length;
      }, 'all to wait for the next key');
      expect(agreed().signing).toBe(signer);
    } finally {
      await owner.query(`select pg_advisory_unlock(hashtext('signing-key'))`);
      await refreshed;
    }
    const { signing, published } = agreed();
    expect([predecessor, signer]).not.toContain(signing);
    expect(published).toEqual([signing, predecessor]);
  });

  it('lose one that was withdrawn also where no other one can be added, and say that none signs', async () => {
    const { predecessor, signer } = await predecessorAndSigner();
    await withdrawSigningKey(owner, signer);
    await owner.query('revoke insert on signing_key from token');
    const refused = { reason: { message: expect.stringContaining('permission denied') as string } };
    expect(await Promise.allSettled(rings.map((ring) => ring.refresh()))).toMatchObject([refused, refused]);
    await owner.query('grant insert on signing_key to token');
    for (const ring of rings) {
      expect(ring.jwks().keys.map(({ kid }) => kid)).toEqual([predecessor]);
      expect(() => currentKeyOf(ring)).toThrow(ProblemException);
    }
    await refresh();
    expect([predecessor, signer]).not.toContain(agreed().signing);
  });

  it('do not open with another KEY_ENCRYPTION_KEY', async () => {
    const other = SigningKeyRing.open({ pool, encryptionKey: randomBytes(32), rotationDays: 30 });
    await expect(other).rejects.toThrow('KEY_ENCRYPTION_KEY');
  });

  it('are kept by a role that can add one, and neither change nor remove any', async () => {
    await expect(pool.query('update signing_key set withdrawn_at = null')).rejects.toThrow('permission denied');
    await expect(pool.query('delete from signing_key')).rejects.toThrow('permission denied');
  });
});
