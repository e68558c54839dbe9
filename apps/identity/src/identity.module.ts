import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
  type Provider,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { CqrsModule } from '@nestjs/cqrs';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { CallRecorder } from '@rebelcore/api-access/call-recorder';
import { CallSpool } from '@rebelcore/api-access/call-spool';
import { EventStore } from '@rebelcore/event-store/event-store';
import { createKafka } from '@rebelcore/messaging/kafka-client';
import { KafkaBatchStrategy } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import { KafkaPublisher } from '@rebelcore/messaging/publish/kafka-publisher';
import { Projection } from '@rebelcore/messaging/project/projection';
import { Relay } from '@rebelcore/messaging/relay/relay';
import { kafkaConnection } from '@rebelcore/service/config';
import { databaseHealth, dataSourceOptions, poolOf } from '@rebelcore/service/database';
import { HEALTH_CHECKS, HealthController, type HealthCheck } from '@rebelcore/service/health';
import { createLogger, logModule } from '@rebelcore/service/log';
import { Kafka } from 'kafkajs';
import { Pool } from 'pg';
import type { DataSource } from 'typeorm';
import { OperatorGuard } from './access/operator.guard.js';
import { PortalSessionGuard } from './access/portal-session.guard.js';
import {
  DeactivateApiUserHandler,
  MintApiUserHandler,
  PepperSource,
  ReactivateApiUserHandler,
} from './api-user/api-user.commands.js';
import { ApiUserController } from './api-user/api-user.controller.js';
import { apiUser } from './api-user/api-user.js';
import { ProvisionCustomerHandler } from './customer/customer.commands.js';
import { CustomerController } from './customer/customer.controller.js';
import { customer } from './customer/customer.js';
import { ENFORCEMENT, EnforcementProjector } from './enforcement/enforcement.projector.js';
import { EnforcementView } from './enforcement/enforcement.view.js';
import { IDENTITY_CONFIG, type IdentityConfig } from './identity.config.js';
import { project } from './projection.js';
import { portalUser } from './portal-user/portal-user.js';
import { publish } from './publication.js';
import { RefusalsAsProblems } from './refusals.js';
import { RoleController } from './role/role.controller.js';
import { ListRolesHandler } from './role/role.queries.js';
import { ExchangeSessionHandler, SignInHandler, SignOutHandler, WhoAmIHandler } from './session/session.commands.js';
import { SessionController } from './session/session.controller.js';
import { SessionStore } from './session/session.store.js';
import { signIn } from './session/sign-in.js';
import { SessionTokens } from './session/session-tokens.js';
import { Cursors } from './user/cursor.js';
import { UserController } from './user/user.controller.js';
import { ListUsersHandler } from './user/user.queries.js';

const NAME = 'identity';
const PUBLISHED = ['identity.events.v1', 'identity.credentials.v1'];
const HEARTBEAT_MS = 2_000;
// Of its own: an answer must not wait behind a thousand records of the relay.
const CALL_PUBLISHER = Symbol('CALL_PUBLISHER');

@Module({})
export class IdentityModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly relay: Relay,
    private readonly publisher: KafkaPublisher,
    private readonly recorder: CallRecorder,
    @Inject(CALL_PUBLISHER) private readonly callPublisher: KafkaPublisher,
  ) {}

  static with(config: IdentityConfig, consumerGroup: string): DynamicModule {
    return {
      module: IdentityModule,
      imports: [
        logModule(NAME, config.LOG_LEVEL),
        CqrsModule.forRoot(),
        TypeOrmModule.forRoot(
          dataSourceOptions({ url: config.IDENTITY_DATABASE_URL, applicationName: NAME, poolSize: 20 }),
        ),
      ],
      controllers: [
        HealthController,
        CustomerController,
        SessionController,
        RoleController,
        ApiUserController,
        UserController,
        EnforcementProjector,
      ],
      providers: [{ provide: IDENTITY_CONFIG, useValue: config }, ...mechanisms(config, consumerGroup), ...business],
    };
  }

  onModuleInit(): void {
    this.relay.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.relay.stop();
    await this.recorder.close();
    await Promise.all([this.publisher.close(), this.callPublisher.close()]);
  }
}

const business: Provider[] = [
  ProvisionCustomerHandler,
  SignInHandler,
  SignOutHandler,
  ExchangeSessionHandler,
  WhoAmIHandler,
  ListRolesHandler,
  MintApiUserHandler,
  DeactivateApiUserHandler,
  ReactivateApiUserHandler,
  ListUsersHandler,
  OperatorGuard,
  PortalSessionGuard,
  { provide: APP_INTERCEPTOR, useClass: RefusalsAsProblems },
];

function mechanisms(config: IdentityConfig, groupId: string): Provider[] {
  const logger = createLogger(NAME, config.LOG_LEVEL);
  return [
    { provide: Pool, inject: [getDataSourceToken()], useFactory: (dataSource: DataSource) => poolOf(dataSource) },
    { provide: Kafka, useFactory: () => createKafka({ ...kafkaConnection(config), clientId: NAME, logger }) },
    {
      provide: KafkaPublisher,
      inject: [Kafka],
      useFactory: (kafka: Kafka) => new KafkaPublisher(kafka, logger),
    },
    {
      provide: CALL_PUBLISHER,
      inject: [Kafka],
      useFactory: (kafka: Kafka) => new KafkaPublisher(kafka, logger),
    },
    {
      provide: CallRecorder,
      inject: [CALL_PUBLISHER],
      useFactory: async (publisher: KafkaPublisher) => {
        const spool = await CallSpool.open(config.SPOOL_DIR, config.SPOOL_MAX_BYTES);
        return new CallRecorder({ service: NAME, publisher, spool });
      },
    },
    {
      provide: Relay,
      inject: [Pool, Kafka, KafkaPublisher],
      useFactory: (pool: Pool, kafka: Kafka, publisher: KafkaPublisher) => {
        const heartbeat = { topic: 'identity.heartbeats.v1', everyMs: HEARTBEAT_MS, topics: PUBLISHED };
        const connectionString = config.IDENTITY_DATABASE_URL;
        return new Relay({ pool, connectionString, publisher, kafka, name: NAME, heartbeat, logger });
      },
    },
    {
      provide: EventStore,
      inject: [Pool, Relay],
      useFactory: (pool: Pool, relay: Relay) =>
        new EventStore({
          pool,
          relay,
          streams: [customer, portalUser, signIn, apiUser].map((aggregate) => ({ aggregate, publish, project })),
        }),
    },
    {
      provide: Projection,
      inject: [Pool],
      useFactory: (pool: Pool) => new Projection({ pool, view: ENFORCEMENT, logger }),
    },
    { provide: EnforcementView, inject: [Pool], useFactory: (pool: Pool) => new EnforcementView(pool) },
    {
      provide: KafkaBatchStrategy,
      inject: [Kafka, Projection],
      useFactory: (kafka: Kafka, projection: Projection) =>
        new KafkaBatchStrategy({
          kafka,
          groupId,
          offsets: projection.offsets(),
          logger,
        }),
    },
    {
      provide: SessionStore,
      inject: [Pool, EventStore],
      useFactory: (pool: Pool, store: EventStore) => new SessionStore(pool, store),
    },
    {
      provide: SessionTokens,
      inject: [Pool],
      useFactory: (pool: Pool) => SessionTokens.load(pool, config.KEY_ENCRYPTION_KEY),
    },
    { provide: PepperSource, useFactory: () => new PepperSource(config.CREDENTIAL_PEPPERS) },
    { provide: Cursors, useFactory: () => new Cursors(config.KEY_ENCRYPTION_KEY) },
    {
      provide: HEALTH_CHECKS,
      inject: [Pool, Relay, Projection, KafkaBatchStrategy],
      useFactory: healthChecks,
    },
  ];
}

function healthChecks(pool: Pool, relay: Relay, projection: Projection, strategy: KafkaBatchStrategy): HealthCheck[] {
  return [
    databaseHealth(pool),
    {
      name: 'relay',
      check: async () => {
        const { rows } = await pool.query<{ waiting: number }>(
          'select count(*)::int as waiting from (select from outbox limit 10000) o',
        );
        // Another replica may lead; a queue while Kafka is away is what the outbox is for.
        return { ready: true, ...relay.status(), waiting: rows[0]?.waiting };
      },
    },
    {
      name: 'enforcement',
      check: async () => {
        const status = strategy.consumerStatus();
        const parked = await projection.parked();
        // Commands are taken whether or not they can be confirmed at the moment: while Kafka is away, or while the group
        // shares its partitions out anew, which would otherwise take all replicas out of rotation at once.
        const { joined, lag, lastError } = status ?? {};
        return { ready: true, joined: joined ?? false, lag: String(lag ?? 0), lastError, parked };
      },
    },
  ];
}
