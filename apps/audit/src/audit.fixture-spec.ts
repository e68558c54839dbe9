import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SESSION_TOKEN } from '@rebelcore/api-access/session.guard';
import { callEvents, type Call } from '@rebelcore/contracts/call-events';
import { encodeEvent, type CloudEvent } from '@rebelcore/contracts/cloud-event';
import { identityEvents, type IdentityEventData, type IdentityEventName } from '@rebelcore/contracts/identity-events';
import { tokenEvents } from '@rebelcore/contracts/token-events';
import { callsTopic, FORMER_CALLS_TOPIC, writerOfCalls } from '@rebelcore/contracts/topics';
import { KafkaPublisher } from '@rebelcore/messaging/publish/kafka-publisher';
import { Projection } from '@rebelcore/messaging/project/projection';
import { createTopics } from '@rebelcore/messaging/topics-admin';
import type { OutgoingRecord, PublishedOffsets } from '@rebelcore/messaging/publish/publisher';
import { createService } from '@rebelcore/service/bootstrap';
import { runMigrations } from '@rebelcore/service/database';
import { generateSigningKey, signJwt } from '@rebelcore/credentials/signing-keys';
import { TestStore } from '@rebelcore/testing/heartbeats';
import { Contract } from '@rebelcore/testing/contract';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { testKafka } from '@rebelcore/testing/test-kafka';
import { testInfrastructure } from '@rebelcore/testing/test.config';
import { randomBytes, randomUUID, randomUUIDv7 as uuid } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { idInSpaceOf } from './activity/description.js';
import type { ActivityItem } from './activity/activity.query.js';
import { auditConfig } from './audit.config.js';
import { auditApp } from './audit.app.js';
import { migrations } from './migrations/migrations.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly items: (Omit<ActivityItem, 'occurred_at'> & { readonly occurred_at: string })[];
    readonly next_cursor: string | null;
    readonly as_of: string | null;
    readonly [member: string]: unknown;
  };
}

/** One running process of the service, as far as a test can tell. */
export class Replica {
  private constructor(
    readonly app: NestFastifyApplication,
    readonly url: string,
    private readonly spool: string,
  ) {}

  static async start(database: TestDatabase, group: string, jwksUrl: string, cursorKey: string): Promise<Replica> {
    const { brokers, principals } = testInfrastructure().kafka;
    const spool = mkdtempSync(join(tmpdir(), 'audit-spool-'));
    const config = auditConfig({
      PORT: '0',
      LOG_LEVEL: 'fatal',
      KAFKA_BROKERS: brokers.join(','),
      KAFKA_USERNAME: principals.audit?.username,
      KAFKA_PASSWORD: principals.audit?.password,
      SPOOL_DIR: spool,
      AUDIT_DATABASE_URL: database.roleUrl,
      IDENTITY_JWKS_URL: jwksUrl,
      CURSOR_KEY: cursorKey,
    });
    const app = await createService(auditApp(config, group));
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    return new Replica(app, await app.getUrl(), spool);
  }

  async stop(): Promise<void> {
    await this.app.close();
    rmSync(this.spool, { recursive: true, force: true });
  }
}

/** The service on a database of its own and the real Kafka; identity, token and the callers of APIs are played here. */
export class AuditFixture {
  readonly signingKey = generateSigningKey();
  readonly replicas: Replica[] = [];
  readonly owner: Pool;
  /** Plays identity's. */
  readonly store = new TestStore();
  private readonly group = `audit.test-${randomUUID()}`;
  readonly cursorKey = randomBytes(32).toString('base64url');
  private readonly publishers = new Map<string, KafkaPublisher>();

  private constructor(
    readonly database: TestDatabase,
    private readonly jwks: Server,
  ) {
    this.owner = database.pool({ connectionString: database.url, max: 2 });
  }

  static async start(): Promise<AuditFixture> {
    const database = await testDatabase({ role: 'audit' });
    await runMigrations({ url: database.url, applicationName: 'test', migrations });
    await ensureFormerTopic();
    const jwks = createServer((_, answer) => answer.end(JSON.stringify({ keys: [fixture.signingKey.publicJwk] })));
    jwks.listen(0, '127.0.0.1');
    await once(jwks, 'listening');
    const fixture = new AuditFixture(database, jwks);
    await fixture.store.known(database);
    await fixture.addReplica();
    return fixture;
  }

  async addReplica(): Promise<Replica> {
    const jwksUrl = `http://127.0.0.1:${(this.jwks.address() as AddressInfo).port}/jwks`;
    const replica = await Replica.start(this.database, this.group, jwksUrl, this.cursorKey);
    this.replicas.push(replica);
    return replica;
  }

  async remove(replica: Replica): Promise<void> {
    this.replicas.splice(this.replicas.indexOf(replica), 1);
    await replica.stop();
  }

  async stop(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.stop()));
    await Promise.all([...this.publishers.values()].map((publisher) => publisher.close()));
    this.jwks.close();
    await this.database.drop();
  }

  /** Publishes as a principal that may; as the administrator where nobody may any more. */
  async publish(principal: string, records: readonly OutgoingRecord[]): Promise<PublishedOffsets> {
    let publisher = this.publishers.get(principal);
    if (publisher === undefined) {
      publisher = new KafkaPublisher(testKafka().client(principal === 'nobody' ? undefined : principal));
      this.publishers.set(principal, publisher);
    }
    return publisher.publish(records);
  }

  get projection(): Projection {
    const [replica] = this.replicas;
    if (replica === undefined) throw new Error('no replica runs');
    return replica.app.get(Projection);
  }

  /** Waits until the log has taken in what was published. */
  async processed(published: PublishedOffsets): Promise<void> {
    for (const [topic, offsets] of published) await this.projection.whenProcessed(topic, offsets, 30_000);
  }

  /** Publishes what the customers have, each principal's share in order, and waits until the log holds it. */
  async arrive(...customers: Customer[]): Promise<void> {
    for (const [principal, records] of byPrincipal(customers.flatMap(({ records }) => records))) {
      await this.processed(await this.publish(principal, records));
    }
  }

  token(customerId: string, changes: Record<string, unknown> = {}, typ: string = SESSION_TOKEN.typ): string {
    return signJwt(this.signingKey, typ, {
      iss: SESSION_TOKEN.issuer,
      aud: SESSION_TOKEN.audience,
      sub: uuid(),
      jti: uuid(),
      iat: Math.floor(Date.now() / 1000),
      exp: Math.floor(Date.now() / 1000) + 60,
      customer_id: customerId,
      owner: true,
      permissions: [],
      ...changes,
    });
  }

  /** To which every answer to {@link ask} is held. */
  contract(): Promise<Contract> {
    return (this.described ??= Contract.of(this.replicas[0]?.url ?? ''));
  }
  private described: Promise<Contract> | undefined;

  async ask(path: string, token: string | undefined, replica = this.replicas[0]): Promise<Answer> {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${replica?.url ?? ''}${path}`, { headers });
    const text = await response.text();
    const mediaType = response.headers.get('content-type') ?? '';
    (await this.contract()).check('GET', path, { status: response.status, mediaType, text });
    return { status: response.status, headers: response.headers, body: JSON.parse(text) as Answer['body'] };
  }

  /** The log of one customer, page by page to its end. */
  async walk(customerId: string, query = '', limit = 50): Promise<Answer['body']['items']> {
    const items: Answer['body']['items'] = [];
    let cursor: string | null = null;
    do {
      const page: string = cursor === null ? '' : `&cursor=${cursor}`;
      const { status, body } = await this.ask(`/api/v1/activity?limit=${limit}${page}${query}`, this.token(customerId));
      if (status !== 200) throw new Error(`the log answered ${status}: ${JSON.stringify(body)}`);
      items.push(...body.items);
      cursor = body.next_cursor;
    } while (cursor !== null);
    return items;
  }
}

/** What one customer's events and calls look like on the topics, with the sequences a producer would give them. */
export class Customer {
  readonly ownerId = uuid();
  readonly records: OutgoingRecord[] = [];
  /** Every entry that the log must hold: its type by its id. */
  readonly expected = new Map<string, string>();
  sequence = 0;

  constructor(readonly id: string = uuid()) {}

  identity<N extends IdentityEventName>(name: N, data: Omit<IdentityEventData<N>, 'customerId'>, type: string): this {
    this.sequence += 1;
    const event = this.event('/identity', identityEvents.wireType(name), this.sequence, {
      customerId: this.id,
      ...data,
    });
    this.expected.set(event.id, type);
    this.records.push({ topic: 'identity.events.v1', ...encodeEvent(event, this.id) });
    return this;
  }

  applied(apiUserId: string, state: 'active' | 'inactive'): this {
    const data = {
      apiUserId,
      customerId: this.id,
      sequence: this.sequence,
      state,
      appliedAt: new Date().toISOString(),
    };
    const event = this.event('/token', tokenEvents.wireType('ApiUserAuthorizationApplied'), 1, data);
    this.expected.set(idInSpaceOf('token.events.v1', event.id), 'api_user.authorization_applied');
    this.records.push({ topic: 'token.events.v1', ...encodeEvent(event, this.id) });
    return this;
  }

  /** One record of the token service with these calls. */
  calls(...changes: Partial<Call>[]): this {
    return this.callsOf('token', ...changes);
  }

  /** One record of this service with these calls; older ones lie where all services wrote once. */
  callsOf(writer: string, ...changes: Partial<Call>[]): this {
    const calls = changes.map((change): Call => ({ ...someCall(), service: writer, ...change }));
    const isFormer = calls.some(({ at }) => Date.parse(at) < Date.now() - 30 * 86_400_000);
    const topic = isFormer ? FORMER_CALLS_TOPIC : callsTopic(writer);
    for (const { id, route, service } of calls) {
      const isAuthorize = service === 'token' && route === AUTHORIZE;
      this.expected.set(isFormer ? id : idInSpaceOf(topic, id), isAuthorize ? 'api.authorize' : 'api.call');
    }
    const type = callEvents.wireType('ApiCallRecorded');
    const event = this.event(`/${writer}`, type, 1, { customerId: this.id, calls });
    this.records.push({ topic, ...encodeEvent(event, this.id) });
    return this;
  }

  /** One event or call of every type. */
  wholeStory(): { customer: Customer; apiUserId: string } {
    const apiUserId = uuid();
    const actor = { kind: 'portal_user', id: this.ownerId } as const;
    const role = { id: '0198a1de-0000-7000-8000-000000000003', name: 'RebelCore_AgentUser' };
    this.identity(
      'CustomerProvisioned',
      { name: 'Acme', ownerId: this.ownerId, actor: { kind: 'operator' } },
      'customer.provision',
    )
      .identity(
        'PortalUserRegistered',
        { portalUserId: this.ownerId, owner: true, actor: { kind: 'operator' } },
        'user.add',
      )
      .identity(
        'PortalUserSignInFailed',
        { portalUserId: this.ownerId, reason: 'wrong-password' },
        'session.sign_in_failed',
      )
      .identity('PortalUserSignedIn', { portalUserId: this.ownerId }, 'session.sign_in')
      .identity(
        'ApiUserCreated',
        { apiUserId, username: `${apiUserId}@api.rebelcore.local`, role, actor },
        'api_user.create',
      )
      .applied(apiUserId, 'active')
      .calls({ apiUserId })
      .callsOf('inference', { apiUserId, route: 'POST /api/v1/infer' })
      .identity('ApiUserDeactivated', { apiUserId, actor }, 'api_user.deactivate')
      .applied(apiUserId, 'inactive')
      .calls({ apiUserId, status: 401, outcome: 'refused', reason: 'api-user.inactive' })
      .identity('ApiUserReactivated', { apiUserId, actor }, 'api_user.reactivate')
      .applied(apiUserId, 'active');
    return { customer: this, apiUserId };
  }

  private event(source: string, type: string, sequence: number, data: unknown): CloudEvent {
    const time = new Date().toISOString();
    return { id: uuid(), source, type, time, subject: this.id, sequence, correlationId: `test-${randomUUID()}`, data };
  }
}

const AUTHORIZE = 'POST /api/v1/authorize';

const someCall = (): Call => ({
  id: uuid(),
  at: new Date().toISOString(),
  service: 'token',
  route: AUTHORIZE,
  status: 200,
  outcome: 'success',
  durationMs: 1.5,
  ip: '10.0.0.1',
  userAgent: 'test',
  correlationId: `api:${uuid()}`,
});

/** As an installation has it that was upgraded. */
async function ensureFormerTopic(): Promise<void> {
  const admin = testKafka().client().admin();
  await admin.connect();
  const known = await admin.listTopics();
  if (!known.includes(FORMER_CALLS_TOPIC)) {
    await createTopics(admin, [{ topic: FORMER_CALLS_TOPIC, numPartitions: 3, replicationFactor: 1 }]);
  }
  await admin.disconnect();
}

/** Each topic's records by the principal that may write them. */
export function byPrincipal(records: readonly OutgoingRecord[]): Map<string, OutgoingRecord[]> {
  return Map.groupBy(records, ({ topic }) =>
    topic === FORMER_CALLS_TOPIC ? 'nobody' : (writerOfCalls(topic) ?? topic.split('.', 1)[0] ?? ''),
  );
}
