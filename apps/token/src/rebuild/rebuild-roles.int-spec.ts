import { identityEvents, type IdentityEvent, type IdentityEventName } from '@rebelcore/contracts/identity-events';
import { PERMISSIONS } from '@rebelcore/contracts/roles';
import type { ReceivedEvent } from '@rebelcore/messaging/project/projection';
import { runMigrations } from '@rebelcore/service/database';
import { testSeed } from '@rebelcore/testing/test.config';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { applyEvents } from '../authorization/authorization.roles.js';
import { migrations } from '../migrations/migrations.js';
import { TestApiUser, type TestRole } from '../token.fixture-spec.js';
import { bulkHandlers } from './bulk-load.js';
import { createStaging, createTables, mergeStaged, rebuildPool } from './rebuild-schema.js';
import { contentOf } from './snapshot.js';

let database: TestDatabase;
let live: Pool;
let rebuilding: Pool;
beforeAll(async () => {
  database = await testDatabase({ role: 'token' });
  await runMigrations({ url: database.url, applicationName: 'test', migrations });
  live = database.pool({ connectionString: database.url, max: 2 });
  rebuilding = rebuildPool(database.url);
});
afterAll(async () => {
  await rebuilding.end();
  await database.drop();
});

const HAPPENINGS = [
  'minted',
  'minted',
  'switched',
  'given',
  'given',
  'changed',
  'changed',
  'deleted',
  'keyed',
  'unkeyed',
  'confined',
] as const;
interface Happening {
  readonly what: (typeof HAPPENINGS)[number];
  readonly customer: number;
  /** Choose among the users and roles that the customer has at that moment. */
  readonly user: number;
  readonly role: number;
  readonly other: number;
  readonly flags: number;
}
const happening = fc.record<Happening>({
  what: fc.constantFrom(...HAPPENINGS),
  customer: fc.nat(1),
  user: fc.nat(99),
  role: fc.nat(99),
  other: fc.nat(99),
  flags: fc.nat(2 ** PERMISSIONS.length - 1),
});

/** What identity could have written of one customer. */
class Customer {
  private readonly users: TestApiUser[] = [];
  private readonly held = new Map<TestApiUser, string>();
  private readonly roles: TestRole[] = [this.role(1), this.role(2), this.role(3)];

  private role(flags: number, id: string = randomUUID()): TestRole {
    const permissions = PERMISSIONS.filter((_, bit) => (flags >> bit) % 2 === 1);
    return { id, name: `role ${String(flags)}`, permissions };
  }

  next({ what, user: n, role: m, other, flags }: Happening) {
    const role = at(this.roles, m);
    const user = this.users.length > 0 ? at(this.users, n) : undefined;
    if (user === undefined || what === 'minted') return this.minted(role);
    switch (what) {
      case 'switched':
        return flags % 2 === 0 ? user.deactivated() : user.reactivated();
      case 'keyed':
      case 'unkeyed':
        return what === 'keyed' ? user.keyAdded(keyNamed(flags % 3)) : user.keyRemoved(keyNamed(flags % 3));
      case 'confined':
        return user.confined(NETWORKS.slice(0, flags % 3), NETWORKS.slice(0, other % 3));
      case 'given': {
        const from = this.roles.find(({ id }) => id === this.held.get(user));
        this.held.set(user, role.id);
        return user.givenRole(from ?? role, role);
      }
      case 'changed': {
        const changed = this.role(flags, role.id);
        this.roles[this.roles.indexOf(role)] = changed;
        return user.roleChanged(changed);
      }
      case 'deleted': {
        this.roles[this.roles.indexOf(role)] = this.role(flags);
        const target = at(this.roles, other);
        const moved = [...this.held].filter(([, id]) => id === role.id);
        for (const [each] of moved) this.held.set(each, target.id);
        return user.roleDeleted(role, moved.length > 0 ? target : undefined, moved.length);
      }
    }
  }

  private minted(role: TestRole) {
    const user = this.users[0]?.colleague() ?? new TestApiUser();
    this.users.push(user);
    this.held.set(user, role.id);
    return user.created(role, role.name.endsWith('1') ? { authorizeNetworks: NETWORKS } : {});
  }
}

const keyNamed = (n: number) => ({
  kid: `key${String(n)}`,
  alg: 'Ed25519' as const,
  jwk: { kty: 'OKP' as const, crv: 'Ed25519' as const, x: 'AAAA' },
});
const NETWORKS = ['10.0.0.0/8', '2001:db8::/32'];
const at = <T>(items: readonly T[], n: number): T => items[n % items.length] as T;

async function within<T>(pool: Pool, work: (tx: PoolClient) => Promise<T>): Promise<T> {
  const tx = await pool.connect();
  try {
    return await work(tx);
  } finally {
    tx.release();
  }
}

describe('invariant 12: roles, keys and networks in a rebuilt view', () => {
  it('are those of the view that serves, however they were changed, deleted and given, in whichever batches', async () => {
    const plan = fc.tuple(fc.array(happening, { minLength: 40, maxLength: 200 }), fc.integer({ min: 1, max: 60 }));
    let moves = 0;
    const property = fc.asyncProperty(plan, async ([happenings, batch]) => {
      const customers = [new Customer(), new Customer()];
      const records = happenings.map((each) => at(customers, each.customer).next(each));
      const events = records.map((record) => identityEvents.read(record));
      moves += events.filter(({ name }) => MOVES.has(name)).length;
      await live.query('truncate authorization_v1');
      await createTables(rebuilding);
      await createStaging(rebuilding);
      for (let from = 0; from < events.length; from += batch) {
        const some = events.slice(from, from + batch);
        await within(live, (tx) => applyEvents(tx, some));
        const received = some.map((event): ReceivedEvent<IdentityEvent> => ({ event, message: undefined as never }));
        await within(rebuilding, (tx) => bulkHandlers['identity.events.v1'].apply(tx, received));
      }
      await mergeStaged(rebuilding);
      const [old, rebuilt] = [await rowsOf('public'), await rowsOf('rebuild')];
      expect(rebuilt).toEqual(old);
      expect(await contentOf(rebuilding, 'rebuild')).toEqual(await contentOf(live, 'public'));
    });
    await fc.assert(property, { seed: testSeed(), numRuns: 15, endOnFailure: true });
    expect(moves).toBeGreaterThan(300);
  });

  it('would not be told equal if a scope differed', async () => {
    const apiUser = new TestApiUser();
    await within(live, (tx) => applyEvents(tx, [identityEvents.read(apiUser.created())]));
    const before = await contentOf(live, 'public');
    await live.query(`update authorization_v1 set scope = 'can_view_activity' where api_user_id = $1`, [apiUser.id]);
    expect(await contentOf(live, 'public')).not.toEqual(before);
  });
});

const MOVES = new Set<IdentityEventName>(['ApiUserRoleChanged', 'RoleChanged', 'RoleDeleted']);
const rowsOf = async (schema: string): Promise<object[]> => {
  const columns = 'api_user_id, role_id, role, scope, status, sequence, keys, authorize_networks, token_networks';
  return (await live.query<object>(`select ${columns} from ${schema}.authorization_v1 order by 1`)).rows;
};
