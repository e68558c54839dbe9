import { type DynamicModule, Module, type OnApplicationShutdown, type Provider } from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { API_USER_TOKENS, ApiUserGuard, type ApiUserTokens } from '@rebelcore/api-access/api-user.guard';
import { CallRecorder } from '@rebelcore/api-access/call-recorder';
import { CallSpool } from '@rebelcore/api-access/call-spool';
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
import { InferController } from './infer/infer.controller.js';
import type { InferenceConfig } from './inference.config.js';
import { SpecProjector } from './specs/spec.projector.js';
import { SPECS, SpecView } from './specs/spec.view.js';

const NAME = 'inference';

@Module({})
export class InferenceModule implements OnApplicationShutdown {
  constructor(
    private readonly recorder: CallRecorder,
    private readonly publisher: KafkaPublisher,
  ) {}

  static with(config: InferenceConfig, groupId: string): DynamicModule {
    return {
      module: InferenceModule,
      imports: [
        logModule(NAME, config.LOG_LEVEL),
        TypeOrmModule.forRoot(dataSourceOptions({ url: config.INFERENCE_DATABASE_URL, applicationName: NAME })),
      ],
      controllers: [InferController, HealthController, SpecProjector],
      providers: mechanisms(config, groupId),
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.recorder.close();
    await this.publisher.close();
  }
}

function mechanisms(config: InferenceConfig, groupId: string): Provider[] {
  const logger = createLogger(NAME, config.LOG_LEVEL);
  const tokens: ApiUserTokens = {
    jwksUri: config.TOKEN_JWKS_URL,
    issuer: config.TOKEN_ISSUER,
    audience: config.TOKEN_AUDIENCE,
  };
  return [
    ApiUserGuard,
    { provide: API_USER_TOKENS, useValue: tokens },
    { provide: Pool, inject: [getDataSourceToken()], useFactory: (dataSource: DataSource) => poolOf(dataSource) },
    { provide: Kafka, useFactory: () => createKafka({ ...kafkaConnection(config), clientId: NAME, logger }) },
    { provide: KafkaPublisher, inject: [Kafka], useFactory: (kafka: Kafka) => new KafkaPublisher(kafka, logger) },
    {
      provide: CallRecorder,
      inject: [KafkaPublisher],
      useFactory: async (publisher: KafkaPublisher) =>
        new CallRecorder({
          service: NAME,
          publisher,
          spool: await CallSpool.open(config.SPOOL_DIR, config.SPOOL_MAX_BYTES),
        }),
    },
    {
      provide: Projection,
      inject: [Pool],
      useFactory: (pool: Pool) => new Projection({ pool, view: SPECS, logger }),
    },
    { provide: SpecView, inject: [Pool], useFactory: (pool: Pool) => new SpecView(pool) },
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
      provide: HEALTH_CHECKS,
      inject: [Pool, Projection, KafkaBatchStrategy, CallRecorder],
      useFactory: (...[pool, projection, strategy, recorder]: CheckedParts): HealthCheck[] => [
        databaseHealth(pool),
        {
          name: 'specs',
          check: async () => {
            const status = strategy.consumerStatus();
            const parked = await projection.parked();
            return { ready: true, joined: status?.joined, lag: String(status?.lag ?? 0n), parked };
          },
        },
        { name: 'recording', check: () => ({ ready: true, ...recorder.status() }) },
      ],
    },
  ];
}

type CheckedParts = [Pool, Projection, KafkaBatchStrategy, CallRecorder];
