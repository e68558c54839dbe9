import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { tokenEvents } from '@rebelcore/contracts/token-events';
import { Projection } from '@rebelcore/messaging/project/projection';
import { testKafka } from '@rebelcore/testing/test-kafka';
import { readTopic } from '@rebelcore/testing/topic-reader';
import { until } from '@rebelcore/testing/until';
import { TestApiUser, TokenFixture } from '../token.fixture-spec.js';
import { authorizationHandlers } from '../authorization/authorization.projector.js';
import type { BulkLoad } from './bulk-load.js';
import { rebuildAuthorization, RebuildRefused, type RebuildStage } from './rebuild-authorization.js';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

let fixture: TokenFixture;
beforeAll(async () => {
  fixture = await TokenFixture.start();
  await fixture.addReplica();
});
beforeEach(() => fixture.current());
afterAll(() => fixture.stop());

const rebuild = (
  onStage: (stage: RebuildStage) => void | Promise<void> = () => undefined,
  options: { readonly load?: BulkLoad; readonly speaker?: string | undefined } = {},
) =>
  rebuildAuthorization({
    databaseUrl: fixture.database.url,
    kafka: testKafka().client('token'),
    onStage,
    ...options,
  });

async function minted(count = 1): Promise<TestApiUser[]> {
  const users = Array.from({ length: count }, () => new TestApiUser());
  await fixture.publish(users.flatMap((user) => [user.credential(), user.created()]));
  return users;
}
async function one(): Promise<TestApiUser> {
  const [user] = await minted();
  if (user === undefined) throw new Error('nobody was minted');
  return user;
}

const status = async (user: TestApiUser) => (await fixture.authorize(user.credentials)).status;
const asOwner = async <Row>(sql: string, values: unknown[] = []): Promise<Row[]> => {
  const owner = fixture.database.pool({ connectionString: fixture.database.url, max: 1 });
  try {
    return (await owner.query(sql, values)).rows as Row[];
  } finally {
    await owner.end();
  }
};
const viewOf = (users: readonly TestApiUser[]) =>
  asOwner('select * from authorization_v1 where api_user_id = any($1::uuid[]) order by 1', [users.map(({ id }) => id)]);
const parkedOf = (user: TestApiUser) =>
  asOwner('select * from parked_record where key = $1 order by "offset"', [user.customerId]);

/** Everything that makes the table what it is, apart from its content. */
const shape = () =>
  asOwner(`
    select 'column' as what, attname::text as name, format_type(atttypid, atttypmod) || attnotnull as more
      from pg_attribute where attrelid = 'public.authorization_v1'::regclass and attnum > 0
    union all select 'index', indexname, indexdef from pg_indexes where tablename = 'authorization_v1'
    union all select 'constraint', conname, pg_get_constraintdef(oid) from pg_constraint
               where conrelid = 'public.authorization_v1'::regclass
    union all select 'table', array_to_string(reloptions, ','), relpersistence::text || array(select unnest(relacl)::text order by 1)::text
      from pg_class where oid = 'public.authorization_v1'::regclass
    order by 1, 2`);

/** Every acknowledgement of these API users: which state, how often. */
async function acknowledged(users: readonly TestApiUser[]): Promise<Record<string, number>> {
  await until(async () => (await asOwner('select from outbox limit 1')).length === 0, 'the outbox to be empty');
  const ids = new Set<string>(users.map(({ id }) => id));
  const times: Record<string, number> = {};
  for (const record of await readTopic(fixture.kafka(), 'token.events.v1')) {
    const event = tokenEvents.read(record);
    if (!ids.has(event.data.apiUserId)) continue;
    const what = `${event.data.apiUserId} ${String(event.data.sequence)} ${event.data.state}`;
    times[what] = (times[what] ?? 0) + 1;
  }
  return times;
}
const once = (user: TestApiUser, ...states: string[]) =>
  Object.fromEntries(states.map((state, index) => [`${user.id} ${String(index + 1)} ${state}`, 1]));

/** The rest of the world, until it is stopped: API users come and go, and one of them authorizes all the time. */
async function world() {
  const caller = await one();
  const users: TestApiUser[] = [];
  const answers: number[] = [];
  const life = { goesOn: true };
  const publishing = (async () => {
    while (life.goesOn) {
      const [left, stays] = [new TestApiUser(), new TestApiUser()];
      users.push(left, stays);
      await fixture.publish([left, stays].flatMap((user) => [user.created(), user.credential()]));
      await fixture.publish([left.deactivated()]);
    }
  })();
  const calling = (async () => {
    while (life.goesOn) answers.push(await status(caller));
  })();
  const beating = (async () => {
    while (life.goesOn) {
      await fixture.beat();
      await delay(300);
    }
  })();
  return {
    users,
    answers,
    stop: async () => {
      life.goesOn = false;
      await Promise.all([publishing, calling, beating]);
    },
  };
}

describe('invariant 12: the authorization view is rebuilt from its topics', () => {
  it('while events arrive and everybody is served, with the old one’s content at the end', async () => {
    const before = await minted(40);
    const [gone, back] = [before.slice(0, 10), before.slice(0, 5)];
    await fixture.publish(gone.map((user) => user.deactivated()));
    await fixture.publish(back.map((user) => user.reactivated()));
    const stateOnly = new TestApiUser();
    const verifierOnly = new TestApiUser();
    await fixture.publish([stateOnly.created(), verifierOnly.credential()]);
    const all = [...before, stateOnly, verifierOnly];
    const [rows, form] = [await viewOf(all), await shape()];

    const meanwhile = await world();
    const stages: string[] = [];
    const enough = async (n: number) => {
      const seen = meanwhile.users.length;
      await until(() => meanwhile.users.length >= seen + n, 'more API users');
    };
    const result = await rebuild(async (stage) => {
      stages.push(stage);
      if (stage === 'compared') await enough(6);
    });
    await enough(2);
    await meanwhile.stop();

    expect(stages).toEqual(['prepared', 'reading', 'compared', 'cutting-over']);
    expect(result.rebuilt).toEqual(result.old);
    expect(result.records).toBeGreaterThan(100);
    expect(new Set(meanwhile.answers)).toEqual(new Set([200]));
    expect(await viewOf(all)).toEqual(rows);
    expect(await shape()).toEqual(form);
    const statuses = await Promise.all(meanwhile.users.map(status));
    expect(statuses).toEqual(meanwhile.users.map((_, index) => (index % 2 === 0 ? 401 : 200)));
    expect(await asOwner(`select from pg_namespace where nspname = 'rebuild'`)).toEqual([]);
  });

  it('and nothing that was acknowledged is acknowledged again, nor anything forgotten', async () => {
    const [early, late] = [await one(), new TestApiUser()];
    await fixture.publish([early.deactivated(), late.created()]);
    await rebuild(async (stage) => {
      if (stage === 'compared') await fixture.publish([late.credential(), early.reactivated()]);
    });
    await fixture.publish([late.deactivated()]);
    expect(await acknowledged([early, late])).toEqual({
      ...once(early, 'active', 'inactive', 'active'),
      ...once(late, 'active', 'inactive'),
    });
  });

  it('and a row that was damaged is healed, and the difference reported', async () => {
    const [opened, lost, changed] = await minted(3);
    if (!opened || !lost || !changed) throw new Error('nobody was minted');
    await fixture.publish([opened.deactivated()]);
    const rows = await viewOf([opened, lost, changed]);
    await asOwner(`update authorization_v1 set status = 'active' where api_user_id = $1`, [opened.id]);
    await asOwner('delete from authorization_v1 where api_user_id = $1', [lost.id]);
    await asOwner('update authorization_v1 set verifier = null where api_user_id = $1', [changed.id]);
    expect([await status(opened), await status(lost), await status(changed)]).toEqual([200, 401, 401]);

    const { old, rebuilt } = await rebuild();
    expect(rebuilt.hash).not.toBe(old.hash);
    expect(rebuilt.rows).toBe(old.rows + 1);
    expect([await status(opened), await status(lost), await status(changed)]).toEqual([401, 200, 200]);
    expect(await viewOf([opened, lost, changed])).toEqual(rows);
    const again = await rebuild();
    expect(again.rebuilt).toEqual(again.old);
    expect(await acknowledged([lost, changed])).toEqual({ ...once(lost, 'active'), ...once(changed, 'active') });
  });

  it('and compared as both were at one moment, whatever happens to the old one since', async () => {
    const user = await one();
    const owner = fixture.database.pool({ connectionString: fixture.database.url, max: 1 });
    const other = await owner.connect();
    try {
      const { old, rebuilt } = await rebuild(async (stage) => {
        // The old view can be read only after the change, which is after its offsets were noted.
        if (stage === 'prepared') await other.query('begin; lock table authorization_v1');
        if (stage !== 'reading') return;
        await other.query(`update authorization_v1 set status = 'inactive' where api_user_id = $1`, [user.id]);
        await other.query('commit');
      });
      expect(rebuilt).toEqual(old);
      expect(await status(user)).toBe(200);
    } finally {
      other.release(true);
      await owner.end();
    }
  });

  it.each(['reading', 'compared', 'cutting-over'] as const)(
    'and killed at "%s" it leaves the old view serving; the next run starts afresh',
    async (moment) => {
      const user = await one();
      const killed = rebuild(async (stage) => {
        if (stage === moment) await fixture.database.endSessions(`application_name = 'token-rebuild'`);
      });
      await expect(killed).rejects.toThrow();
      await fixture.current();
      expect(await status(user)).toBe(200);
      await fixture.publish([user.deactivated()]);
      expect(await status(user)).toBe(401);
      const { old, rebuilt } = await rebuild();
      expect(rebuilt).toEqual(old);
    },
  );

  it.each(['before the reading begins', 'while it reads'])(
    'and when it fails %s, no reading outlives it',
    async (moment) => {
      const begun = Promise.withResolvers<undefined>();
      const readers = { begun: 0, ended: 0 };
      // Reads for as long as it is let, and takes a while to end.
      const endless: BulkLoad = (_job, signal) =>
        new Promise((_resolve, reject) => {
          readers.begun += 1;
          if (readers.begun === 2) begun.resolve(undefined);
          signal.addEventListener('abort', () => {
            setImmediate(() => {
              readers.ended += 1;
              reject(signal.reason as Error);
            });
          });
        });
      const owner = fixture.database.pool({ connectionString: fixture.database.url, max: 1 });
      const other = await owner.connect();
      const kill = async () => {
        await fixture.database.endSessions(`application_name = 'token-rebuild'`);
        const left = `select from pg_stat_activity where application_name = 'token-rebuild'`;
        await until(async () => (await other.query(left)).rowCount === 0, 'the sessions to end');
      };
      try {
        const killed = moment === 'while it reads' ? begun.promise.then(kill) : undefined;
        const failing = rebuild(
          async (stage) => {
            // The old view cannot be read, so that this is what fails.
            if (stage === 'prepared') await other.query('begin; lock table authorization_v1');
            if (stage === 'reading' && moment !== 'while it reads') await kill();
          },
          { load: endless },
        );
        await expect(failing).rejects.toThrow();
        await killed;
        // Whether one begins before the failure is known is a race that either may win.
        if (moment === 'while it reads') expect(readers.begun).toBe(2);
        expect(readers.ended).toBe(readers.begun);
      } finally {
        other.release(true);
        await owner.end();
      }
    },
  );

  it('by one at a time: a second rebuild is refused while the first one goes on', async () => {
    let second: unknown;
    const first = await rebuild(async (stage) => {
      if (stage === 'compared') second = await rebuild().catch((error: unknown) => error);
    });
    expect(second).toBeInstanceOf(RebuildRefused);
    expect(first.rebuilt).toEqual(first.old);
  });
});

describe('invariants 11 and 12: what is parked', () => {
  const gap = async () => {
    const user = await one();
    const [second, third] = [user.deactivated(), user.reactivated()];
    await fixture.publish([third, second]);
    return user;
  };
  const replay = () =>
    new Projection({ pool: fixture.pool, view: 'authorization-v1', logger: silent }).replayParked(
      authorizationHandlers,
    );

  it('stays parked when the view is rebuilt, as old as it was', async () => {
    const user = await gap();
    const poisoned = await one();
    await fixture.publish([{ ...poisoned.deactivated(), value: 'not json' }]);
    const nul = await one();
    const { headers, ...record } = nul.deactivated();
    await fixture.publish([{ ...record, headers: { ...headers, ce_correlationid: 'a\0b' } }]);
    const all = [user, poisoned, nul];
    const parked = await Promise.all(all.map(parkedOf));
    expect(parked.map((rows) => rows.length)).toEqual([2, 1, 1]);

    const { old, rebuilt } = await rebuild();
    expect(rebuilt).toEqual(old);
    expect(await Promise.all(all.map(parkedOf))).toEqual(parked);
    await replay();
    expect(await parkedOf(user)).toEqual([]);
    expect(await acknowledged([user])).toEqual(once(user, 'active', 'inactive', 'active'));
  });

  it('and was replayed by an operator does not come back', async () => {
    const user = await gap();
    await replay();
    expect(await parkedOf(user)).toEqual([]);
    const { old, rebuilt } = await rebuild();
    expect(rebuilt).toEqual(old);
    expect(await parkedOf(user)).toEqual([]);
  });

  it('and can be applied by now is applied and acknowledged', async () => {
    const user = await one();
    await fixture.publish([user.deactivated()]);
    // As an older version would have left it that did not know the event.
    await acknowledged([user]);
    await asOwner(
      `insert into parked_record (view, topic, partition, "offset", key, headers, recorded_at, code, reason)
       values ('authorization-v1', 'identity.events.v1', 0, 1000000, $1, '{}', now(), 'event.unknown-type', '')`,
      [user.customerId],
    );
    await asOwner(
      `update authorization_v1 set status = 'active', sequence = 1, acknowledged = 1 where api_user_id = $1`,
      [user.id],
    );
    const { old, rebuilt } = await rebuild();
    expect(rebuilt.hash).not.toBe(old.hash);
    await fixture.current();
    await until(async () => (await status(user)) === 401, 'the customer to be free');
    expect(await acknowledged([user])).toEqual({ [`${user.id} 1 active`]: 1, [`${user.id} 2 inactive`]: 2 });
  });

  it('is another one than the old view had applied, under whatever number, and is acknowledged', async () => {
    const user = await one();
    await fixture.publish([user.deactivated()]);
    await acknowledged([user]);
    await asOwner(
      `update authorization_v1 set event_id = gen_random_uuid(), sequence = 3, acknowledged = 3 where api_user_id = $1`,
      [user.id],
    );
    await rebuild();
    expect(await acknowledged([user])).toEqual({ [`${user.id} 1 active`]: 1, [`${user.id} 2 inactive`]: 2 });
  });

  // The last one: from here on no rebuild of these topics works in bulk.
  it('stays parked where only the whole table refuses it: the rebuild goes on batch by batch', async () => {
    const user = await one();
    const twin = new TestApiUser(user.customerId);
    twin.sequence = user.sequence;
    const record = twin.created();
    await fixture.publish([{ ...record, value: record.value.replace(twin.username, user.username) }]);
    const parked = await parkedOf(user);
    expect(parked).toHaveLength(1);

    const stages: string[] = [];
    const { old, rebuilt } = await rebuild((stage) => void stages.push(stage));
    expect(stages).toEqual(['prepared', 'reading', 'reading-again', 'prepared', 'reading', 'compared', 'cutting-over']);
    expect(rebuilt).toEqual(old);
    expect(await parkedOf(user)).toEqual(parked);
    expect(await viewOf([twin])).toEqual([]);
  });
});

// The last ones: afterwards this view believes whoever speaks first.
it('does not end with a topic that was made anew meanwhile', async () => {
  const user = await one();
  const before = await viewOf([user]);
  const topic = 'identity.events.v1';
  const [{ incarnation } = { incarnation: '' }] = await asOwner<{ incarnation: string }>(
    'select distinct incarnation from consumer_offset where topic = $1',
    [topic],
  );
  const counts = (of: string) => asOwner('update consumer_offset set incarnation = $2 where topic = $1', [topic, of]);
  await expect(
    rebuild(async (stage) => {
      if (stage === 'compared') await counts(randomUUID());
    }),
  ).rejects.toThrow(`${topic} was made anew meanwhile; type the command again`);
  await counts(incarnation);
  expect(await viewOf([user])).toEqual(before);
});

it('binds a view anew whose store has lost events, which nothing else does', async () => {
  const [user] = await minted();
  if (user === undefined) throw new Error('nobody was minted');
  await asOwner('update heartbeat set store_position = 1000000 where arrival = (select max(arrival) from heartbeat)');
  await fixture.beat();
  await until(async () => (await status(user)) === 503, 'everybody to be refused');
  const health = await fetch(`${fixture.replicas[0]?.url ?? ''}/health/ready`);
  expect(await health.text()).toContain('npm run rebuild -- token');
  await rebuild();
  expect(await asOwner('select from store_contradiction')).toEqual([]);
  expect(await asOwner('select from heartbeat where store_position = 1000000')).toEqual([]);
  await until(async () => {
    await fixture.beat();
    return (await asOwner('select from heartbeat')).length > 0;
  }, 'a store to be believed');
});

it('binds a view to another store where that is the one that speaks, and stays as current as it is where it is not', async () => {
  const bound = async () => {
    const [row] = await asOwner<{ id: string }>('select store_id as id from heartbeat order by arrival desc limit 1');
    return row?.id;
  };
  const store = await bound();
  await rebuild();
  await rebuild(undefined, { speaker: store });
  expect(await bound()).toBe(store);
  await rebuild(undefined, { speaker: randomUUID() });
  expect(await bound()).not.toBe(store);
});
