import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { callEvents, type Call } from '@rebelcore/contracts/call-events';
import { credentialEvents } from '@rebelcore/contracts/credential-events';
import { encodeEvent } from '@rebelcore/contracts/cloud-event';
import { heartbeat, type Heartbeat } from '@rebelcore/contracts/heartbeat';
import { identityEvents, type IdentityEvent } from '@rebelcore/contracts/identity-events';
import { tokenEvents } from '@rebelcore/contracts/token-events';
import type { Authenticator } from '@rebelcore/embedded/authenticator';
import { signIn } from '@rebelcore/embedded/sign-in';
import type { ReceivedBatch } from '@rebelcore/messaging/consume/batch-consumer';
import { KafkaBatchConsumer } from '@rebelcore/messaging/consume/kafka-batch-consumer';
import { KafkaPublisher } from '@rebelcore/messaging/publish/kafka-publisher';
import { withSessionSettings } from '@rebelcore/messaging/session-settings';
import { createService } from '@rebelcore/service/bootstrap';
import { networkOf } from '@rebelcore/api-access/networks';
import { runMigrations } from '@rebelcore/service/database';
import { createLogger } from '@rebelcore/service/log';
import { LIFE } from '@rebelcore/event-store/store-guard';
import { Contract } from '@rebelcore/testing/contract';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { testKafka } from '@rebelcore/testing/test-kafka';
import { testInfrastructure } from '@rebelcore/testing/test.config';
import { randomBytes, randomUUID, randomUUIDv7 as uuid } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import { identityConfig, type IdentityConfig } from './identity.config.js';
import { identityApp } from './identity.app.js';
import { migrations } from './migrations/migrations.js';
import { PortalPasswords } from './passwords/portal-passwords.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // Tests look into bodies of every shape.
  readonly body: Record<string, never> & { readonly [member: string]: unknown };
}

type RecordedCalls = ReturnType<typeof callEvents.read>;
type Credential = ReturnType<typeof credentialEvents.read>;

/**
 * The service on a database of its own and the real Kafka, called over HTTP. Beside it runs what the token service would
 * do: it reads identity's topics and answers what happens to API users with `ApiUserAuthorizationApplied`, unless told to wait.
 */
export class IdentityFixture {
  readonly operatorToken = randomBytes(32).toString('base64url');
  readonly events: IdentityEvent[] = [];
  readonly credentials: Credential[] = [];
  readonly calls: RecordedCalls[] = [];
  readonly heartbeats: Heartbeat[] = [];
  readonly customers = new Set<string>();
  private readonly unanswered: IdentityEvent[] = [];
  private readonly owner: Pool;
  private answering = true;

  private constructor(
    readonly database: TestDatabase,
    readonly config: IdentityConfig,
    readonly app: NestFastifyApplication,
    private readonly url: string,
    private readonly publisher: KafkaPublisher,
  ) {
    this.owner = database.pool({ connectionString: withSessionSettings(database.url), max: 1 });
  }

  /**
   * @param environment variables besides those that every identity needs
   * @param defaults of its database: `datestyle = 'German'`
   */
  static async start(
    environment: Readonly<Record<string, string>> = {},
    defaults: readonly string[] = [],
  ): Promise<IdentityFixture> {
    const database = await testDatabase({ role: 'identity' });
    for (const setting of defaults) await database.asOwner(`alter database ${database.name} set ${setting}`);
    await runMigrations({ url: database.url, applicationName: 'test', migrations });
    const { brokers, principals } = testInfrastructure().kafka;
    const key = () => randomBytes(32).toString('base64url');
    const operatorToken = key();
    const config = identityConfig({
      PORT: '0',
      LOG_LEVEL: 'fatal',
      TRUSTED_PROXIES: '127.0.0.1',
      KAFKA_BROKERS: brokers.join(','),
      KAFKA_USERNAME: principals.identity?.username,
      KAFKA_PASSWORD: principals.identity?.password,
      SPOOL_DIR: mkdtempSync(join(tmpdir(), 'identity-spool-')),
      IDENTITY_DATABASE_URL: database.roleUrl,
      CREDENTIAL_PEPPERS: `v1:${key()}`,
      OPERATOR_TOKEN: operatorToken,
      KEY_ENCRYPTION_KEY: key(),
      ...environment,
    });
    // The cluster is shared with other spec files, which have databases of their own: their events are not looked for here.
    await database.asOwner(`update store_identity set verified_life = ${LIFE}`);
    const app = await createService(identityApp(config, `identity.test-${randomUUID()}`));
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    const publisher = new KafkaPublisher(testKafka().client('token'));
    const fixture = new IdentityFixture(database, config, app, await app.getUrl(), publisher);
    Object.assign(fixture, { operatorToken });
    await fixture.listen();
    return fixture;
  }

  private consumers: KafkaBatchConsumer[] = [];

  async stop(): Promise<void> {
    await Promise.all(this.consumers.map((consumer) => consumer.stop()));
    await this.publisher.close();
    await this.app.close();
    await this.database.drop();
    rmSync(this.config.SPOOL_DIR, { recursive: true, force: true });
  }

  /** To which every answer to {@link call} is held. */
  contract(): Promise<Contract> {
    return (this.described ??= Contract.of(this.url));
  }
  private described: Promise<Contract> | undefined;

  async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const { body, ...headers } = options;
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const mediaType = response.headers.get('content-type') ?? '';
    (await this.contract()).check(method, path, { status: response.status, mediaType, text });
    return {
      status: response.status,
      headers: response.headers,
      body: (text === '' ? {} : JSON.parse(text)) as Answer['body'],
    };
  }

  /** What was recorded of the call that its caller names so, once it was. */
  callOf(callerCorrelationId: string): (Call & { readonly customerId: string }) | undefined {
    const calls = this.calls.flatMap(({ data }) =>
      data.calls.map((call) => ({ ...call, customerId: data.customerId })),
    );
    return calls.find((call) => call.callerCorrelationId === callerCorrelationId);
  }

  /** As the owner, who sees everything. */
  async rows(sql: string): Promise<Record<string, unknown>[]> {
    return (await this.owner.query<Record<string, unknown>>(sql)).rows;
  }

  provision(changes: Record<string, unknown> = {}, owner: Record<string, unknown> = {}): Promise<Answer> {
    return this.call('POST', '/api/v1/customers', {
      authorization: `Bearer ${this.operatorToken}`,
      body: {
        name: 'Acme',
        owner: { email: someEmail(), first_name: 'Ada', last_name: 'Owner', ...owner },
        ...changes,
      },
    });
  }

  /** A customer of its own, with its Super Admin signed in. */
  async customer(): Promise<TestCustomer> {
    const email = someEmail();
    const password = `Aa1-${randomBytes(9).toString('hex')}`;
    const { status, body } = await this.provision({}, { email, password });
    if (status !== 201) throw new Error(`no customer could be provisioned: ${JSON.stringify(body)}`);
    const { customer, owner } = body as unknown as { customer: { id: string }; owner: { id: string } };
    this.customers.add(customer.id);
    return new TestCustomer(this, customer.id, owner.id, email, password, await this.signIn(email, password));
  }

  /** The authenticator apps of those who have signed in here, by e-mail address. */
  readonly authenticators = new Map<string, Authenticator>();

  /** The cookie of a new session. Enrols whoever is not. */
  async signIn(email: string, password: string): Promise<string> {
    let cookie = '';
    const post = async (path: string, body?: unknown): Promise<Answer> => {
      const answer = await this.call('POST', path, { cookie, ...(body !== undefined && { body }) });
      cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? cookie;
      return answer;
    };
    this.authenticators.set(email, await signIn(post, { email, password }, this.authenticators.get(email)));
    return cookie;
  }

  /** While as many passwords from one address wait to be hashed as may. */
  async whileCrowded(address: string, work: () => Promise<void>): Promise<void> {
    const passwords = this.app.get(PortalPasswords);
    let isOver = false;
    const crowd = Array.from({ length: 40 }, async () => {
      while (!isOver) await passwords.hash('a-password-1', networkOf(address)).catch(() => delay(1));
    });
    try {
      await work();
    } finally {
      isOver = true;
      await Promise.all(crowd);
    }
  }

  /** What the gateway does for each request. */
  exchange(cookie: string): Promise<Answer> {
    return this.call('POST', '/internal/session-tokens', { cookie });
  }

  /** From here on nothing is confirmed, until {@link confirm}. */
  holdConfirmations(): void {
    this.answering = false;
  }

  async confirm(): Promise<void> {
    this.answering = true;
    await this.applied(this.unanswered.splice(0));
  }

  private async listen(): Promise<void> {
    await Promise.all([
      this.read('token', 'identity.events.v1', (messages) =>
        this.decide(readable(messages, (m) => identityEvents.read(m))),
      ),
      this.read('token', 'identity.credentials.v1', (messages) => {
        this.credentials.push(...readable(messages, (m) => credentialEvents.read(m)));
      }),
      this.read('token', 'identity.heartbeats.v1', (messages) => {
        this.heartbeats.push(...readable(messages, ({ value }) => heartbeat.parse(JSON.parse(String(value)))));
      }),
      this.read('audit', 'api.calls.identity.v1', (messages) => {
        this.calls.push(...readable(messages, (m) => callEvents.read(m)));
      }),
    ]);
  }

  private async read(
    principal: string,
    topic: string,
    handle: (messages: ReceivedBatch['messages']) => void | Promise<void>,
  ): Promise<void> {
    const consumer = new KafkaBatchConsumer({
      kafka: testKafka().client(principal),
      groupId: `${principal}.test-${randomUUID()}`,
      offsets: { nextOffsets: () => Promise.resolve(new Map()) },
      logger: createLogger('test', 'fatal'),
      onCrash: (error) => {
        throw error;
      },
      handlers: new Map([[topic, async ({ messages }: ReceivedBatch) => handle(messages)]]),
    });
    this.consumers.push(consumer);
    await consumer.start();
  }

  private async decide(events: readonly IdentityEvent[]): Promise<void> {
    this.events.push(...events);
    const mine = events.filter(({ data }) => this.customers.has(data.customerId));
    if (this.answering) await this.applied(mine);
    else this.unanswered.push(...mine);
  }

  private readonly inactive = new Set<string>();
  private async applied(events: readonly IdentityEvent[]): Promise<void> {
    const records = events.flatMap((event) => {
      if (!event.name.startsWith('ApiUser')) return [];
      if (event.name === 'ApiUserDeactivated') this.inactive.add(event.subject);
      if (event.name === 'ApiUserReactivated') this.inactive.delete(event.subject);
      const state = this.inactive.has(event.subject) ? 'inactive' : 'active';
      const { customerId } = event.data;
      const time = new Date().toISOString();
      const data = { apiUserId: event.subject, customerId, sequence: event.sequence, state, appliedAt: time };
      const type = tokenEvents.wireType('ApiUserAuthorizationApplied');
      const applied = {
        id: uuid(),
        source: '/token',
        type,
        time,
        subject: event.subject,
        correlationId: event.correlationId,
        causationId: event.id,
      };
      return [{ topic: 'token.events.v1', ...encodeEvent({ ...applied, sequence: event.sequence, data }, customerId) }];
    });
    if (records.length > 0) await this.publisher.publish(records);
  }
}

type CallOptions = { readonly body?: unknown } & Readonly<Record<string, unknown>>;

export class TestCustomer {
  constructor(
    private readonly identity: IdentityFixture,
    readonly id: string,
    readonly ownerId: string,
    readonly email: string,
    readonly password: string,
    readonly cookie: string,
  ) {}

  /** As its Super Admin, the way the gateway forwards it. */
  async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const { body } = await this.identity.exchange(this.cookie);
    return this.identity.call(method, path, { authorization: `Bearer ${String(body.token)}`, ...options });
  }

  mint(body: Record<string, unknown> = {}, key: string = randomUUID()): Promise<Answer> {
    return this.call('POST', '/api/v1/api-users', { body: { role_id: AGENT_ROLE, ...body }, 'idempotency-key': key });
  }
}

/** The topics are shared with other spec files, some of which put poison on them. */
function readable<E>(
  messages: ReceivedBatch['messages'],
  read: (message: ReceivedBatch['messages'][number]) => E,
): E[] {
  return messages.flatMap((message) => {
    try {
      return [read(message)];
    } catch {
      return [];
    }
  });
}

export const SUPER_USER_ROLE = '0198a1de-0000-7000-8000-000000000001';
export const AGENT_ROLE = '0198a1de-0000-7000-8000-000000000003';
export const someEmail = (): string => `owner-${randomUUID()}@example.test`;

export const idOf = ({ body }: Answer): string => String(body.id);
export const errorsOf = ({ status, body }: Answer): unknown[] => [status, body.errors];
