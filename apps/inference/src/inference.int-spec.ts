import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { UNATTRIBUTED } from '@rebelcore/contracts/call-events';
import { encodeEvent } from '@rebelcore/contracts/cloud-event';
import { identityEvents, type IdentityEventName } from '@rebelcore/contracts/identity-events';
import { SYSTEM_ROLES } from '@rebelcore/contracts/roles';
import { KafkaPublisher } from '@rebelcore/messaging/publish/kafka-publisher';
import { ViewFreshness } from '@rebelcore/messaging/project/freshness';
import { Projection } from '@rebelcore/messaging/project/projection';
import { createService } from '@rebelcore/service/bootstrap';
import { runMigrations } from '@rebelcore/service/database';
import { generateSigningKey, signJwt } from '@rebelcore/credentials/signing-keys';
import { Contract } from '@rebelcore/testing/contract';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { testKafka } from '@rebelcore/testing/test-kafka';
import { testInfrastructure } from '@rebelcore/testing/test.config';
import { recordedCalls } from '@rebelcore/testing/recorded-calls';
import { until } from '@rebelcore/testing/until';
import { readTopic } from '@rebelcore/testing/topic-reader';
import { randomUUID, randomUUIDv7 as uuid } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { rebuildCustomers } from './customers/rebuild-customers.js';
import { inferenceConfig } from './inference.config.js';
import { inferenceApp } from './inference.app.js';
import { migrations } from './migrations/migrations.js';
import { sampleSpecOf, SPECS_PER_CUSTOMER } from './specs/spec.view.js';

const key = generateSigningKey();
const PROMPT = `a prompt that nobody may keep ${randomUUID()}`;
let database: TestDatabase;
let owner: Pool;
let jwks: Server;
let identity: KafkaPublisher;
let spool: string;
let app: NestFastifyApplication;
let url: string;

beforeAll(async () => {
  database = await testDatabase({ role: 'inference' });
  await runMigrations({ url: database.url, applicationName: 'test', migrations });
  owner = database.pool({ connectionString: database.url, max: 1 });
  jwks = createServer((_, answer) => answer.end(JSON.stringify({ keys: [key.publicJwk] })));
  await new Promise<void>((resolve) => jwks.listen(0, '127.0.0.1', resolve));
  identity = new KafkaPublisher(testKafka().client('identity'));
  spool = mkdtempSync(join(tmpdir(), 'inference-spool-'));
  const { brokers, principals } = testInfrastructure().kafka;
  const config = inferenceConfig({
    PORT: '0',
    LOG_LEVEL: 'fatal',
    SPOOL_DIR: spool,
    KAFKA_BROKERS: brokers.join(','),
    KAFKA_USERNAME: principals.inference?.username,
    KAFKA_PASSWORD: principals.inference?.password,
    INFERENCE_DATABASE_URL: database.roleUrl,
    TOKEN_JWKS_URL: `http://127.0.0.1:${(jwks.address() as AddressInfo).port}/jwks.json`,
    TOKEN_ISSUER: 'https://issuer.test',
  });
  app = await createService(inferenceApp(config, `inference.test-${randomUUID()}`));
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
  await until(() => app.get(ViewFreshness).hasCaughtUp(), 'the view to have what the topic held');
});
afterAll(async () => {
  await app.close();
  await identity.close();
  await new Promise((resolve) => jwks.close(resolve));
  await database.drop();
  rmSync(spool, { recursive: true, force: true });
});

/** To which every answer is held. */
let contract: Contract | undefined;

/** An API user of a customer, with the token that the token service would have issued. */
class Caller {
  readonly apiUserId = uuid();
  constructor(readonly customerId: string = uuid()) {}

  token(changes: Record<string, unknown> = {}): string {
    const issuedAt = Math.floor(Date.now() / 1000);
    return signJwt(key, 'at+jwt', {
      iss: 'https://issuer.test',
      aud: 'rebelcore-api',
      sub: this.apiUserId,
      client_id: this.apiUserId,
      customer_id: this.customerId,
      role: 'RebelCore_AgentUser',
      scope: 'can_use_agent',
      jti: uuid(),
      iat: issuedAt,
      exp: issuedAt + 60,
      ...changes,
    });
  }

  async infer(body: unknown, headers: Record<string, string> = {}, token: string | undefined = this.token()) {
    const response = await fetch(`${url}/api/v1/infer`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token !== '' && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    const mediaType = response.headers.get('content-type') ?? '';
    contract ??= await Contract.of(url);
    contract.check('POST', '/api/v1/infer', { status: response.status, mediaType, text });
    return { status: response.status, text, body: JSON.parse(text) as Record<string, unknown> };
  }
}

/** What identity tells of a customer, in the order of its sequence; resolves when the service has it. */
class Story {
  private sequence = 0;
  constructor(readonly customerId: string) {}

  /** Something happens that no record tells of any more. */
  loses(): void {
    this.sequence += 1;
  }

  async tell(name: IdentityEventName, more: object): Promise<void> {
    const event = {
      id: uuid(),
      source: '/identity',
      type: identityEvents.wireType(name),
      time: new Date().toISOString(),
      subject: this.customerId,
      sequence: ++this.sequence,
      correlationId: 'test',
      data: { customerId: this.customerId, actor: { kind: 'operator' }, ...more },
    };
    const record = { topic: 'identity.events.v1', ...encodeEvent(event, this.customerId) };
    const published = await identity.publish([record]);
    const projection = app.get(Projection);
    for (const [topic, offsets] of published) await projection.whenProcessed(topic, offsets, 30_000);
  }

  created({ apiUserId }: Caller, role: object): Promise<void> {
    return this.tell('ApiUserCreated', { apiUserId, username: apiUserId, role });
  }
}

const provision = (customerId: string): Promise<void> =>
  new Story(customerId).tell('CustomerProvisioned', { name: 'Acme', ownerId: uuid() });

/** The calls on the topic whose correlation id begins so. */
async function recorded(prefix: string) {
  const calls = await recordedCalls(testKafka().client(), 'inference');
  return calls.filter((call) => (call.callerCorrelationId ?? call.correlationId).startsWith(prefix));
}

describe('/infer', () => {
  it('answers in the published shape, under the correlation id that the call is recorded with', async () => {
    const caller = new Caller();
    const spec = `spec-${randomUUID()}`;
    const { status, body } = await caller.infer({ prompt: PROMPT, spec_ids: [spec, spec], session_id: 's' });
    expect([status, Object.keys(body).sort()]).toEqual([200, ['correlation_id', 'exposure', 'result', 'spec_count']]);
    expect(body).toMatchObject({ spec_count: 2, exposure: expect.any(String) as string });
    expect(body.correlation_id).toMatch(/^api:/);
    const calls = await recorded(String(body.correlation_id));
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({
      service: 'inference',
      route: 'POST /api/v1/infer',
      status: 200,
      outcome: 'success',
      customerId: caller.customerId,
      apiUserId: caller.apiUserId,
    });
  });

  it('gives every customer a sample spec of its own, which nobody else may use', async () => {
    const [owner, other, early] = [new Caller(), new Caller(), new Caller()];
    const call = (caller: Caller, of: Caller) =>
      caller.infer({ prompt: 'x', spec_ids: [sampleSpecOf(of.customerId)] }).then(({ status }) => status);
    await provision(owner.customerId);
    expect([await call(owner, owner), await call(other, owner)]).toEqual([200, 403]);
    // The news of this customer has not arrived yet.
    expect([await call(other, early), await call(early, early)]).toEqual([403, 200]);
    await provision(early.customerId);
    expect(await call(early, early)).toBe(200);
    const capitals = { prompt: 'x', spec_ids: [`sample-${owner.customerId.toUpperCase()}`] };
    expect((await other.infer(capitals)).status).toBe(403);
    expect((await owner.infer(capitals)).status).toBe(200);
    expect(await call(owner, owner)).toBe(200);
  });

  it('invariant 8: gives an unknown spec to the first customer that uses it, however many try at once', async () => {
    const callers = Array.from({ length: 8 }, () => new Caller());
    const spec = `spec-${randomUUID()}`;
    const race = await Promise.all(callers.map((caller) => caller.infer({ prompt: 'x', spec_ids: [spec] })));
    expect(race.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 7 }, () => 403)]);
    const winner = callers[race.findIndex(({ status }) => status === 200)];
    const colleague = new Caller(winner?.customerId);
    expect((await colleague.infer({ prompt: 'x', spec_ids: [spec] })).status).toBe(200);
    const refused = race.find(({ status }) => status === 403);
    expect(refused?.body).toMatchObject({ code: 'spec.foreign', errors: [{ field: 'spec_ids' }] });
  });

  it('lets a customer have so many specs and no more, however many calls come at once', async () => {
    const caller = new Caller();
    const sql = `insert into spec_v1 select 'spec-' || n || $1, $1::uuid from generate_series(1, $2) n`;
    await owner.query(sql, [caller.customerId, SPECS_PER_CUSTOMER - 3]);
    const claims = await Promise.all(
      Array.from({ length: 4 }, () => caller.infer({ prompt: 'x', spec_ids: [randomUUID(), randomUUID()] })),
    );
    expect(claims.map(({ status }) => status).sort()).toEqual([200, 403, 403, 403]);
    expect(claims.find(({ status }) => status === 403)?.body).toMatchObject({ code: 'spec.too-many' });
    const known = [`spec-1${caller.customerId}`, randomUUID()];
    expect((await caller.infer({ prompt: 'x', spec_ids: known })).status).toBe(200);
    expect((await new Caller().infer({ prompt: 'x', spec_ids: [randomUUID()] })).status).toBe(200);
  });

  const [small, accented] = [randomUUID(), `café ${randomUUID()}`];
  it.each([
    ['with a UUID in capitals', `spec_${small.toUpperCase()}/${small.toUpperCase()}`, `spec_${small}/${small}`],
    ['in another normal form', accented.normalize('NFC'), accented.normalize('NFD')],
  ])('takes a spec %s for the same one', async (_, claimed, spelled) => {
    const [first, second] = [new Caller(), new Caller()];
    expect((await first.infer({ prompt: 'x', spec_ids: [claimed] })).status).toBe(200);
    expect((await second.infer({ prompt: 'x', spec_ids: [spelled] })).status).toBe(403);
    const both = await first.infer({ prompt: 'x', spec_ids: [spelled, claimed] });
    expect([both.status, both.body.spec_count]).toEqual([200, 2]);
  });

  it('keeps what was claimed before in several spellings for the first who did', async () => {
    const stored = await testDatabase({ role: 'inference' });
    const migrateTo = (name?: string) => {
      const end = migrations.findIndex((migration) => migration.name === name);
      const list = name === undefined ? migrations : migrations.slice(0, end);
      return runMigrations({ url: stored.url, applicationName: 'test', migrations: list });
    };
    await migrateTo('SpellingsOfSpecs1796852000004');
    const [one, other] = ['0198a1de-0000-7000-8000-00000000abcd', '0198a1de-0000-7000-8000-00000000ef01'];
    const claims = [
      [`x-${one.toUpperCase()}-${other.toUpperCase()}-Y`, one],
      [`x-${one}-${other}-Y`, other],
      ['cafe\u0301', other],
      ['caf\u00e9', one],
      ['Plain', one],
      ['plain', other],
    ];
    const rows = stored.pool({ connectionString: stored.url, max: 1 });
    for (const claim of claims) await rows.query('insert into spec_v1 values ($1, $2)', claim);
    await migrateTo();
    const kept = await rows.query('select spec_id, customer_id from spec_v1 order by spec_id collate "C"');
    expect(kept.rows.map((row: object) => Object.values(row) as unknown)).toEqual([
      ['Plain', one],
      ['caf\u00e9', other],
      ['plain', other],
      [`x-${one}-${other}-Y`, one],
    ]);
    await stored.drop();
  });

  it('does not register the new specs of a call that also names a foreign one', async () => {
    const [owner, thief, next] = [new Caller(), new Caller(), new Caller()];
    const [foreign, fresh] = [`spec-${randomUUID()}`, `spec-${randomUUID()}`];
    await owner.infer({ prompt: 'x', spec_ids: [foreign] });
    expect((await thief.infer({ prompt: 'x', spec_ids: [fresh, foreign] })).status).toBe(403);
    expect((await next.infer({ prompt: 'x', spec_ids: [fresh] })).status).toBe(200);
  });

  it.each<[unknown, string]>([
    [{}, 'prompt: is required; spec_ids: is required'],
    [{ prompt: '', spec_ids: [] }, 'prompt: '],
    [{ prompt: 7, spec_ids: [] }, 'prompt: must be a string'],
    [{ prompt: 'x', spec_ids: 'one' }, 'spec_ids: must be an array'],
    [{ prompt: 'x', spec_ids: [7] }, 'spec_ids.0: must be a string'],
    [{ prompt: 'x', spec_ids: ['a\0'] }, 'spec_ids.0: must not contain NUL or half a surrogate pair'],
    [{ prompt: 'x', spec_ids: ['x'.repeat(257)] }, 'spec_ids.0: '],
  ])('refuses %j with 400 and the field and rule by name', async (body, detail) => {
    const answer = await new Caller().infer(body);
    expect(answer.status).toBe(400);
    expect(answer.body.detail).toContain(detail);
  });

  describe('asks for the agent flag of the role', () => {
    const body = { prompt: 'x', spec_ids: [] };
    const role = (...permissions: string[]) => ({ id: uuid(), name: 'Night shift', permissions });
    const status = async (caller: Caller, token = caller.token()) => (await caller.infer(body, {}, token)).status;

    it('“Changed flags count from the next request”: of the role as it is now, with the same token', async () => {
      const caller = new Caller();
      const colleague = new Caller(caller.customerId);
      const token = caller.token();
      const story = new Story(caller.customerId);
      const night = role('can_use_agent');
      await story.created(caller, night);
      await story.created(colleague, SYSTEM_ROLES[2] ?? night);
      expect(await status(caller, token)).toBe(200);
      await story.tell('RoleChanged', { roleId: night.id, name: 'Night shift', permissions: ['can_view_specs'] });
      const refused = await caller.infer(body, {}, token);
      expect([refused.status, refused.body.code, typeof refused.body.detail]).toEqual([
        403,
        'permission.missing',
        'string',
      ]);
      expect(await status(colleague)).toBe(200);
      await story.tell('RoleChanged', { roleId: night.id, name: 'Night shift', permissions: ['can_use_agent'] });
      expect(await status(caller, token)).toBe(200);
    });

    it('of the role that the API user was given, or moved to when its own was deleted', async () => {
      const caller = new Caller();
      const story = new Story(caller.customerId);
      const [night, day, late] = [role('can_use_agent'), role(), role('can_use_agent')];
      await story.created(caller, night);
      await story.tell('ApiUserRoleChanged', { apiUserId: caller.apiUserId, from: night, to: day });
      expect(await status(caller)).toBe(403);
      await story.tell('RoleDeleted', { roleId: night.id, name: 'Night shift', usersMoved: 0 });
      expect(await status(caller)).toBe(403);
      await story.tell('RoleDeleted', { roleId: day.id, name: 'Day shift', reassignedTo: late, usersMoved: 1 });
      expect(await status(caller)).toBe(200);
      await story.tell('RoleChanged', { roleId: late.id, name: 'Late shift', permissions: [] });
      expect(await status(caller)).toBe(403);
    });

    it('told by events that do not tell flags yet, and by the token while the API user is not known', async () => {
      const caller = new Caller();
      expect(await status(caller, caller.token({ scope: '' }))).toBe(403);
      expect(await status(caller)).toBe(200);
      const [superUser] = SYSTEM_ROLES;
      await new Story(caller.customerId).created(caller, { id: superUser?.id, name: superUser?.name });
      expect(await status(caller, caller.token({ scope: '' }))).toBe(200);
    });

    it('of the role and the token together, once something of the customer cannot be applied', async () => {
      const caller = new Caller();
      const story = new Story(caller.customerId);
      const night = role('can_use_agent');
      await story.created(caller, night);
      story.loses();
      await story.tell('RoleChanged', { roleId: night.id, name: 'Night shift', permissions: [] });
      // What the role has lost the next token does not say, whatever is left here of the role.
      expect(await status(caller, caller.token({ scope: '' }))).toBe(403);
      expect(await status(caller)).toBe(200);
      // Whoever is new may be so only here.
      expect(await status(new Caller(caller.customerId))).toBe(403);
      expect(await status(new Caller())).toBe(200);
    });

    it('of both likewise while the topic has lost records, and of the role again in one that was made anew', async () => {
      const caller = new Caller();
      await new Story(caller.customerId).created(caller, role('can_use_agent'));
      const statuses = async () => [
        await status(caller, caller.token({ scope: '' })),
        await status(caller),
        await status(new Caller()),
      ];
      await owner.query(
        `insert into topic_gap (view, topic, partition, incarnation, kind, from_offset)
         select view, topic, partition, incarnation, 'truncated', 0 from consumer_offset where topic = 'identity.events.v1' limit 1`,
      );
      expect(await statuses()).toEqual([403, 200, 403]);
      await owner.query('update topic_gap set incarnation = gen_random_uuid()');
      expect(await statuses()).toEqual([200, 200, 200]);
    });

    it('of both likewise while the database may be a copy from before, until it has what the topic held then', async () => {
      const caller = new Caller();
      await new Story(caller.customerId).created(caller, role('can_use_agent'));
      const token = caller.token({ scope: '' });
      const freshness = app.get(ViewFreshness);
      const caughtUp = async () => {
        await freshness.refresh();
        return freshness.hasCaughtUp();
      };
      await until(caughtUp, 'the view to have what the topic held');
      expect(await status(caller, token)).toBe(200);
      await owner.query('update consumer_offset set next_offset = next_offset - 1 where next_offset > 0');
      await owner.query('vacuum full heartbeat');
      await freshness.refresh();
      expect(await status(caller, token)).toBe(403);
      expect(await status(caller)).toBe(200);
      await until(caughtUp, 'the view to have what the topic held');
      expect(await status(caller, token)).toBe(200);
    });

    it('of a view that is made anew from the topic, with nothing parked that fits, and the specs that were claimed', async () => {
      const rebuild = () => rebuildCustomers(database.url, testKafka().client('inference'));
      const caller = new Caller();
      const spec = `spec-${randomUUID()}`;
      await new Story(caller.customerId).created(caller, role('can_use_agent'));
      expect((await caller.infer({ prompt: 'x', spec_ids: [spec] })).status).toBe(200);
      const { rows } = await owner.query<{ offset: string }>(
        `insert into parked_record (view, topic, partition, "offset", key, headers, recorded_at, code, reason)
         select view, topic, partition, 0, $1, '{}', now(), 'sequence.reused', 'x' from consumer_offset
          where topic = 'identity.events.v1' limit 1 returning "offset"`,
        [caller.customerId],
      );
      expect(rows).toHaveLength(1);
      await owner.query('update role_v1 set permissions = $1', [[]]);
      expect(await status(caller)).toBe(403);
      const { old, rebuilt } = await rebuild();
      expect(rebuilt.hash).not.toBe(old.hash);
      expect(await status(caller, caller.token({ scope: '' }))).toBe(200);
      expect((await new Caller().infer({ prompt: 'x', spec_ids: [spec] })).status).toBe(403);
      // Of this customer alone: other tests give one role to several, and the last one read is what it is.
      const mine = async () =>
        (
          await owner.query<{ permissions: unknown }>(
            'select api_user_id, role_id, permissions from api_user_v1 join role_v1 using (role_id) where customer_id = $1',
            [caller.customerId],
          )
        ).rows;
      const before = await mine();
      expect(before).toHaveLength(1);
      await rebuild();
      expect(await mine()).toEqual(before);
    });

    it('of the old view where the topic is not whole', async () => {
      const move = (by: number) =>
        owner.query(
          `update consumer_offset set next_offset = next_offset + $1 where topic = 'identity.events.v1' and partition = 0`,
          [by],
        );
      await move(1_000_000);
      await expect(rebuildCustomers(database.url, testKafka().client('inference'))).rejects.toThrow(
        '"npm run republish" fills it again',
      );
      await move(-1_000_000);
    });

    it('and records the refusal with its reason', async () => {
      const caller = new Caller();
      const correlation = `agent-${randomUUID()}`;
      await caller.infer(body, { 'x-correlation-id': correlation }, caller.token({ scope: 'can_view_specs' }));
      expect(await recorded(correlation)).toMatchObject([
        { status: 403, outcome: 'refused', reason: 'permission.missing', apiUserId: caller.apiUserId },
      ]);
    });
  });

  it('says whose tokens open it, and refers to that where it refuses one (RFC 9728)', async () => {
    const refused = await fetch(`${url}/api/v1/infer`, { method: 'POST' });
    const [, where = ''] = /resource_metadata="([^"]+)"/.exec(refused.headers.get('www-authenticate') ?? '') ?? [];
    expect(where).toBe('https://issuer.test/.well-known/oauth-protected-resource/api/v1/infer');
    for (const path of ['', '/api/v1/infer']) {
      const metadata = await fetch(`${url}/.well-known/oauth-protected-resource${path}`);
      expect(await metadata.json()).toEqual({
        resource: `https://issuer.test${path}`,
        authorization_servers: ['https://issuer.test'],
        scopes_supported: ['can_use_agent'],
        bearer_methods_supported: ['header'],
        dpop_signing_alg_values_supported: ['ES256', 'PS256', 'EdDSA', 'Ed25519'],
      });
    }
  });

  it('invariant 6: records every refusal, with what is known of the caller', async () => {
    const caller = new Caller();
    const test = randomUUID();
    const good = { prompt: PROMPT, spec_ids: [] };
    const now = Math.floor(Date.now() / 1000);
    const send = (name: string, body: unknown, token?: string) =>
      caller.infer(body, { 'x-correlation-id': `${test}-${name}` }, token);
    const expired = await send('expired', good, caller.token({ exp: now - 1 }));
    expect([expired.status, expired.text]).toEqual([401, '{"detail":"token expired"}']);
    const statuses = await Promise.all([
      send('forged', good, `${caller.token()}x`),
      send('missing', good, ''),
      send('bad', {}),
      send('oversize', { prompt: 'x'.repeat(2_000_000), spec_ids: [] }),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([401, 401, 400, 413]);
    const calls = await recorded(test);
    const seen = calls.map((call) => [call.callerCorrelationId?.slice(37), call.status, call.reason, call.customerId]);
    expect(seen.toSorted()).toEqual([
      ['bad', 400, undefined, caller.customerId],
      ['expired', 401, 'token.expired', caller.customerId],
      ['forged', 401, 'token.invalid', UNATTRIBUTED],
      ['missing', 401, 'token.missing', UNATTRIBUTED],
      ['oversize', 413, undefined, caller.customerId],
    ]);
  });

  it('invariant 7: writes no prompt anywhere', async () => {
    const topic = await readTopic(testKafka().client(), 'api.calls.inference.v1');
    expect(topic.length).toBeGreaterThan(0);
    expect(topic.map(({ value }) => value).join('\n')).not.toContain(PROMPT);
    const owner = database.pool({ connectionString: database.url, max: 1 });
    const { rows } = await owner.query<{ content: string }>(
      `select coalesce(string_agg(query_to_xml('select * from ' || quote_ident(table_name), true, false, '')::text, ''), '')
         as content from information_schema.tables where table_schema = 'public'`,
    );
    expect(rows[0]?.content).toContain('spec-');
    expect(rows[0]?.content).not.toContain(PROMPT);
  });
});
