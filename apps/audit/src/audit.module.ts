import {
  type DynamicModule,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type Provider,
} from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { CallRecorder } from '@rebelcore/api-access/call-recorder';
import { CallSpool } from '@rebelcore/api-access/call-spool';
import { SESSION_TOKENS } from '@rebelcore/api-access/session.guard';
import { ViewFreshness } from '@rebelcore/messaging/project/freshness';
import { KafkaBatchStrategy } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import { createKafka } from '@rebelcore/messaging/kafka-client';
import { KafkaPublisher } from '@rebelcore/messaging/publish/kafka-publisher';
import { Projection } from '@rebelcore/messaging/project/projection';
import { kafkaConnection } from '@rebelcore/service/config';
import { databaseHealth, dataSourceOptions, poolOf } from '@rebelcore/service/database';
import { HEALTH_CHECKS, HealthController, type HealthCheck } from '@rebelcore/service/health';
import { createLogger, logModule } from '@rebelcore/service/log';
import { Kafka } from 'kafkajs';
import { Pool } from 'pg';
import type { DataSource } from 'typeorm';
import { ActivityController } from './activity/activity.controller.js';
import { ACTIVITY_VIEW, ActivityProjector, ensureMonths } from './activity/activity.projector.js';
import { ActivityQuery } from './activity/activity.query.js';
import { Cursors } from './activity/cursor.js';
import type { AuditConfig } from './audit.config.js';

const NAME = 'audit';

@Module({})
export class AuditModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly pool: Pool,
    private readonly freshness: ViewFreshness,
    private readonly recorder: CallRecorder,
    private readonly publisher: KafkaPublisher,
  ) {}

  static with(config: AuditConfig, consumerGroup: string): DynamicModule {
    return {
      module: AuditModule,
      imports: [
        logModule(NAME, config.LOG_LEVEL),
        TypeOrmModule.forRoot(dataSourceOptions({ url: config.AUDIT_DATABASE_URL, applicationName: NAME })),
      ],
      controllers: [HealthController, ActivityController, ActivityProjector],
      providers: providers(config, consumerGroup),
    };
  }

  async onApplicationBootstrap(): Promise<void> {
    await ensureMonths(this.pool);
    await this.freshness.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.freshness.stop();
    await this.recorder.close();
    await this.publisher.close();
  }
}

function providers(config: AuditConfig, groupId: string): Provider[] {
  const logger = createLogger(NAME, config.LOG_LEVEL);
  return [
    { provide: Pool, inject: [getDataSourceToken()], useFactory: (dataSource: DataSource) => poolOf(dataSource) },
    { provide: Kafka, useFactory: () => createKafka({ ...kafkaConnection(config), clientId: NAME, logger }) },
    { provide: KafkaPublisher, inject: [Kafka], useFactory: (kafka: Kafka) => new KafkaPublisher(kafka, logger) },
    {
      provide: CallRecorder,
      inject: [KafkaPublisher],
      useFactory: async (publisher: KafkaPublisher) => {
        const spool = await CallSpool.open(config.SPOOL_DIR, config.SPOOL_MAX_BYTES);
        return new CallRecorder({ service: NAME, publisher, spool });
      },
    },
    {
      provide: Projection,
      inject: [Pool],
      useFactory: (pool: Pool) => new Projection({ pool, view: ACTIVITY_VIEW, logger }),
    },
    {
      provide: ViewFreshness,
      inject: [Pool],
      useFactory: (pool: Pool) =>
        new ViewFreshness({ pool, view: ACTIVITY_VIEW, topics: ['identity.events.v1'], logger }),
    },
    {
      provide: KafkaBatchStrategy,
      inject: [Kafka, Projection],
      useFactory: (kafka: Kafka, projection: Projection) =>
        new KafkaBatchStrategy({
          kafka,
          groupId,
          offsets: projection.offsets(),
          logger,
          // A transaction for the calls of each few milliseconds would cost more than writing the calls down.
          gather: { bytes: 131_072, forMs: 200 },
        }),
    },
    {
      provide: ActivityQuery,
      inject: [Pool],
      useFactory: (pool: Pool) => new ActivityQuery(pool, new Cursors(config.CURSOR_KEY)),
    },
    { provide: SESSION_TOKENS, useValue: { jwksUri: config.IDENTITY_JWKS_URL } },
    { provide: HEALTH_CHECKS, inject: [Pool, Projection, ViewFreshness, KafkaBatchStrategy], useFactory: healthChecks },
  ];
}

function healthChecks(
  pool: Pool,
  projection: Projection,
  freshness: ViewFreshness,
  strategy: KafkaBatchStrategy,
): HealthCheck[] {
  return [
    databaseHealth(pool),
    {
      name: 'activity',
      check: async () => {
        const status = strategy.consumerStatus();
        return {
          // The log is read from Postgres: a group that shares its partitions out anew must not close it on all replicas.
          ready: true,
          joined: status?.joined ?? false,
          lag: String(status?.lag ?? 0n),
          lastError: status?.lastError,
          asOf: freshness.asOf(),
          parked: await projection.parked(),
        };
      },
    },
  ];
}
