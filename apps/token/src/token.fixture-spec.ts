import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { ClientKey } from '@rebelcore/contracts/client-key';
import { encodeEvent } from '@rebelcore/contracts/cloud-event';
import { credentialEvents } from '@rebelcore/contracts/credential-events';
import { identityEvents, type IdentityEventName } from '@rebelcore/contracts/identity-events';
import { KafkaPublisher } from '@rebelcore/messaging/publish/kafka-publisher';
import { Projection } from '@rebelcore/messaging/project/projection';
import type { OutgoingRecord, PublishedOffsets } from '@rebelcore/messaging/publish/publisher';
import { createService } from '@rebelcore/service/bootstrap';
import { runMigrations } from '@rebelcore/service/database';
import { makeVerifier, peppers } from '@rebelcore/credentials/verifier';
import { TestStore } from '@rebelcore/testing/heartbeats';
import { Contract } from '@rebelcore/testing/contract';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { testKafka } from '@rebelcore/testing/test-kafka';
import { testInfrastructure } from '@rebelcore/testing/test.config';
import { until } from '@rebelcore/testing/until';
import { randomBytes, randomUUID, randomUUIDv7 as uuid } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Kafka } from 'kafkajs';
import type { Pool } from 'pg';
import { migrations } from './migrations/migrations.js';
import { tokenConfig } from './token.config.js';
import { tokenApp } from './token.app.js';

const PEPPERS = `v1:${randomBytes(32).toString('base64url')}`;
const KEY_ENCRYPTION_KEY = randomBytes(32).toString('base64url');

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: { readonly [member: string]: unknown };
}

/** One process of the service, as far as a test can tell. */
export interface Replica {
  readonly app: NestFastifyApplication;
  readonly url: string;
  readonly spool: string;
}

/** The service on a database of its own and the real Kafka; identity is played by {@link TestApiUser}. */
export class TokenFixture {
  readonly replicas: Replica[] = [];
  readonly pool: Pool;
  private readonly store = new TestStore();
  private readonly group = `token.test-${randomUUID()}`;
  private readonly publisher = new KafkaPublisher(testKafka().client('identity'));

  private constructor(readonly database: TestDatabase) {
    this.pool = database.pool({ connectionString: database.url, max: 2 });
  }

  static async start(): Promise<TokenFixture> {
    const database = await testDatabase({ role: 'token' });
    await runMigrations({ url: database.url, applicationName: 'test', migrations });
    const fixture = new TokenFixture(database);
    await fixture.store.known(database);
    return fixture;
  }

  async addReplica({ consuming = true } = {}): Promise<Replica> {
    const { brokers, principals } = testInfrastructure().kafka;
    const spool = mkdtempSync(join(tmpdir(), 'token-spool-'));
    const config = tokenConfig({
      PORT: '0',
      LOG_LEVEL: 'fatal',
      SPOOL_DIR: spool,
      KAFKA_BROKERS: brokers.join(','),
      KAFKA_USERNAME: principals.token?.username,
      KAFKA_PASSWORD: principals.token?.password,
      TOKEN_DATABASE_URL: this.database.roleUrl,
      CREDENTIAL_PEPPERS: PEPPERS,
      KEY_ENCRYPTION_KEY,
      TOKEN_ISSUER: 'https://issuer.test',
      AUTHORIZE_MAX_STALENESS: '7',
    });
    const app = await createService(tokenApp(config, this.group));
    if (consuming) await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    const replica = { app, url: await app.getUrl(), spool };
    this.replicas.push(replica);
    return replica;
  }

  async remove(replica: Replica): Promise<void> {
    this.replicas.splice(this.replicas.indexOf(replica), 1);
    await replica.app.close();
    rmSync(replica.spool, { recursive: true, force: true });
  }

  async stop(): Promise<void> {
    await Promise.all([...this.replicas].map((replica) => this.remove(replica)));
    await this.publisher.close();
    await this.database.drop();
  }

  /** Publishes as identity would and resolves once the view has it. */
  async publish(records: readonly OutgoingRecord[]): Promise<void> {
    const published = await this.publisher.publish(records);
    await this.processed(published);
  }

  async processed(published: PublishedOffsets): Promise<void> {
    const projection = this.replicas[0]?.app.get(Projection);
    for (const [topic, offsets] of published) await projection?.whenProcessed(topic, offsets, 30_000);
  }

  /** A heartbeat as of now: everything that is on the topics has been published. */
  async beat(): Promise<void> {
    const topics = ['identity.events.v1', 'identity.credentials.v1'];
    const value = JSON.stringify(await this.store.heartbeat(testKafka().client(), topics));
    await this.publisher.publish([{ topic: 'identity.heartbeats.v1', key: 'test', headers: {}, value }]);
  }

  /** Sends heartbeats until every replica knows that its view is current. */
  async current(): Promise<void> {
    let beatAt = 0;
    await until(async () => {
      if (Date.now() - beatAt > 1_000) {
        await this.beat();
        beatAt = Date.now();
      }
      const answers = await Promise.all(this.replicas.map(({ url }) => fetch(`${url}/health/ready`)));
      const bodies = await Promise.all(answers.map((answer) => answer.text()));
      return bodies.every((body) => body.includes('"current":true'));
    }, 'every replica to be current');
  }

  private described: Promise<Contract> | undefined;

  /** To which every answer is held. */
  contract(): Promise<Contract> {
    return (this.described ??= Contract.of(this.replicas[0]?.url ?? ''));
  }

  async authorize(body: unknown, replica = this.replicas[0], headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(`${replica?.url ?? ''}/api/v1/authorize`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    const mediaType = response.headers.get('content-type') ?? '';
    (await this.contract()).check('POST', '/api/v1/authorize', { status: response.status, mediaType, text });
    return { status: response.status, headers: response.headers, text, body: JSON.parse(text) as Answer['body'] };
  }

  kafka(): Kafka {
    return testKafka().client();
  }
}

export interface TestRole {
  readonly id: string;
  readonly name: string;
  readonly permissions?: readonly string[];
}
interface TestConfinement {
  readonly authorizeNetworks?: readonly string[];
  readonly tokenNetworks?: readonly string[];
}
const AGENT: TestRole = { id: '0198a1de-0000-7000-8000-000000000003', name: 'RebelCore_AgentUser' };

/** An API user and the records that identity would publish about it, with gap-free sequences of its customer. */
export class TestApiUser {
  readonly id = uuid();
  readonly username = `${this.id}@api.rebelcore.local`;
  readonly password = randomBytes(24).toString('hex');
  /** When identity says that they happened; now, unless set. */
  eventsAt: Date | undefined;

  /** @param customer shared by those whose events take turns in one sequence */
  constructor(
    readonly customerId: string = uuid(),
    private readonly customer = { sequence: 0 },
  ) {}

  get sequence(): number {
    return this.customer.sequence;
  }

  set sequence(sequence: number) {
    this.customer.sequence = sequence;
  }

  /** Another API user of the same customer, whose events count on. */
  colleague(): TestApiUser {
    return new TestApiUser(this.customerId, this.customer);
  }

  get credentials() {
    return { username: this.username, password: this.password };
  }

  credential(): OutgoingRecord {
    const { verifier, pepperVersion } = makeVerifier(peppers.parse(PEPPERS), this.username, this.password);
    const data = { apiUserId: this.id, customerId: this.customerId, username: this.username, verifier, pepperVersion };
    return this.record(
      'identity.credentials.v1',
      credentialEvents.wireType('ApiUserCredentialIssued'),
      1,
      data,
      this.id,
    );
  }

  /** @param role by default RebelCore_AgentUser as events told it before they told flags */
  created(role: TestRole = AGENT, confinement: TestConfinement = {}): OutgoingRecord {
    return this.fact('ApiUserCreated', { username: this.username, role, ...confinement });
  }

  confined(authorizeNetworks: readonly string[], tokenNetworks: readonly string[]): OutgoingRecord {
    return this.fact('ApiUserNetworksChanged', { authorizeNetworks, tokenNetworks });
  }

  givenRole(from: TestRole, to: TestRole): OutgoingRecord {
    return this.fact('ApiUserRoleChanged', { from, to });
  }

  roleChanged({ id, name, permissions = [] }: TestRole): OutgoingRecord {
    return this.fact('RoleChanged', { roleId: id, name, permissions }, id);
  }

  roleDeleted({ id, name }: TestRole, reassignedTo?: TestRole, usersMoved = 1): OutgoingRecord {
    return this.fact('RoleDeleted', { roleId: id, name, ...(reassignedTo && { reassignedTo }), usersMoved }, id);
  }

  keyAdded(key: ClientKey): OutgoingRecord {
    return this.fact('ApiUserKeyAdded', { key });
  }

  keyRemoved({ kid }: ClientKey): OutgoingRecord {
    return this.fact('ApiUserKeyRemoved', { kid });
  }

  deactivated(): OutgoingRecord {
    return this.fact('ApiUserDeactivated', {});
  }

  reactivated(): OutgoingRecord {
    return this.fact('ApiUserReactivated', {});
  }

  private fact(name: IdentityEventName, more: object, subject: string = this.id): OutgoingRecord {
    this.sequence += 1;
    const data = { apiUserId: this.id, customerId: this.customerId, actor: { kind: 'operator' }, ...more };
    const wireType = identityEvents.wireType(name);
    return this.record('identity.events.v1', wireType, this.sequence, data, this.customerId, subject);
  }

  private record(
    topic: string,
    type: string,
    sequence: number,
    data: unknown,
    key: string,
    subject: string = this.id,
  ): OutgoingRecord {
    const time = (this.eventsAt ?? new Date()).toISOString();
    const event = {
      id: uuid(),
      source: '/identity',
      type,
      time,
      subject,
      sequence,
      correlationId: 'test',
      data,
    };
    return { topic, ...encodeEvent(event, key) };
  }
}
