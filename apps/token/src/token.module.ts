import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type Provider,
} from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { CallRecorder } from '@rebelcore/api-access/call-recorder';
import { CallSpool } from '@rebelcore/api-access/call-spool';
import { ViewFreshness } from '@rebelcore/messaging/project/freshness';
import { KafkaBatchStrategy } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import { createKafka } from '@rebelcore/messaging/kafka-client';
import { KafkaPublisher } from '@rebelcore/messaging/publish/kafka-publisher';
import { Projection } from '@rebelcore/messaging/project/projection';
import { Relay } from '@rebelcore/messaging/relay/relay';
import { kafkaConnection } from '@rebelcore/service/config';
import { databaseHealth, dataSourceOptions, poolOf } from '@rebelcore/service/database';
import { HEALTH_CHECKS, HealthController, type HealthCheck } from '@rebelcore/service/health';
import { createLogger, logModule } from '@rebelcore/service/log';
import { loadSigningKeys } from '@rebelcore/credentials/signing-key-store';
import type { SigningKey } from '@rebelcore/credentials/signing-keys';
import { Kafka } from 'kafkajs';
import { Pool } from 'pg';
import type { DataSource } from 'typeorm';
import { AuthorizationProjector } from './authorization/authorization.projector.js';
import { AUTHORIZATION } from './authorization/authorization.view.js';
import { AuthorizationLookup } from './authorize/authorization.lookup.js';
import { AuthorizeController } from './authorize/authorize.controller.js';
import { TokenIssuer } from './authorize/token-issuer.js';
import { JwksController, SIGNING_KEYS } from './keys/jwks.controller.js';
import { TOKEN_CONFIG, type TokenConfig } from './token.config.js';

const NAME = 'token';

/** Calls and acknowledgements must not wait for each other, so each has a producer of its own. */
interface Publishers {
  readonly acknowledgements: KafkaPublisher;
  readonly calls: KafkaPublisher;
}
const PUBLISHERS = Symbol('PUBLISHERS');

@Module({})
export class TokenModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly relay: Relay,
    private readonly freshness: ViewFreshness,
    private readonly recorder: CallRecorder,
    @Inject(PUBLISHERS) private readonly publishers: Publishers,
  ) {}

  static with(config: TokenConfig, groupId: string): DynamicModule {
    return {
      module: TokenModule,
      imports: [
        logModule(NAME, config.LOG_LEVEL),
        TypeOrmModule.forRoot(dataSourceOptions({ url: config.TOKEN_DATABASE_URL, applicationName: NAME })),
      ],
      controllers: [AuthorizeController, JwksController, HealthController, AuthorizationProjector],
      providers: [{ provide: TOKEN_CONFIG, useValue: config }, ...mechanisms(config, groupId)],
    };
  }

  async onApplicationBootstrap(): Promise<void> {
    this.relay.start();
    await this.freshness.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.relay.stop(), this.freshness.stop(), this.recorder.close()]);
    await Promise.all([this.publishers.acknowledgements.close(), this.publishers.calls.close()]);
  }
}

function mechanisms(config: TokenConfig, groupId: string): Provider[] {
  const logger = createLogger(NAME, config.LOG_LEVEL);
  return [
    { provide: Pool, inject: [getDataSourceToken()], useFactory: (dataSource: DataSource) => poolOf(dataSource) },
    { provide: Kafka, useFactory: () => createKafka({ ...kafkaConnection(config), clientId: NAME, logger }) },
    {
      provide: PUBLISHERS,
      inject: [Kafka],
      useFactory: (kafka: Kafka): Publishers => ({
        acknowledgements: new KafkaPublisher(kafka, logger),
        calls: new KafkaPublisher(kafka, logger),
      }),
    },
    {
      provide: Relay,
      inject: [Pool, Kafka, PUBLISHERS],
      useFactory: (pool: Pool, kafka: Kafka, { acknowledgements }: Publishers) =>
        new Relay({
          pool,
          kafka,
          name: NAME,
          logger,
          publisher: acknowledgements,
          connectionString: config.TOKEN_DATABASE_URL,
        }),
    },
    {
      provide: CallRecorder,
      inject: [PUBLISHERS],
      useFactory: async ({ calls }: Publishers) =>
        new CallRecorder({
          service: NAME,
          publisher: calls,
          spool: await CallSpool.open(config.SPOOL_DIR, config.SPOOL_MAX_BYTES),
          onStateChange: (kafkaAway) => {
            logger.warn({ kafkaAway }, kafkaAway ? 'calls are being spooled' : 'the spooled calls were delivered');
          },
        }),
    },
    {
      provide: Projection,
      inject: [Pool],
      useFactory: (pool: Pool) => new Projection({ pool, view: AUTHORIZATION, logger }),
    },
    {
      provide: ViewFreshness,
      inject: [Pool],
      useFactory: (pool: Pool) =>
        new ViewFreshness({
          pool,
          view: AUTHORIZATION,
          logger,
          topics: ['identity.events.v1', 'identity.credentials.v1'],
        }),
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
        }),
    },
    {
      provide: SIGNING_KEYS,
      inject: [Pool],
      useFactory: (pool: Pool) => loadSigningKeys(pool, config.KEY_ENCRYPTION_KEY),
    },
    {
      provide: TokenIssuer,
      inject: [SIGNING_KEYS],
      useFactory: ([key]: readonly [SigningKey]) => new TokenIssuer(key, config.TOKEN_ISSUER, config.TOKEN_AUDIENCE),
    },
    { provide: AuthorizationLookup, inject: [Pool], useFactory: (pool: Pool) => new AuthorizationLookup(pool) },
    {
      provide: HEALTH_CHECKS,
      inject: [Pool, Projection, KafkaBatchStrategy, ViewFreshness, CallRecorder],
      useFactory: (...[pool, projection, strategy, freshness, recorder]: CheckedParts): HealthCheck[] => [
        databaseHealth(pool),
        {
          name: 'authorization',
          check: async () => {
            const status = strategy.consumerStatus();
            const asOf = freshness.asOf();
            const fresh = asOf !== undefined && Date.now() - asOf.getTime() <= config.AUTHORIZE_MAX_STALENESS * 1000;
            const parked = await projection.parked();
            return { ready: fresh, asOf, lag: String(status?.lag ?? 0n), lastError: status?.lastError, parked };
          },
        },
        { name: 'recording', check: () => ({ ready: true, ...recorder.status() }) },
      ],
    },
  ];
}

type CheckedParts = [Pool, Projection, KafkaBatchStrategy, ViewFreshness, CallRecorder];
