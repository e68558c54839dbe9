import {
  type DynamicModule,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  Optional,
  type Provider,
} from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { CallRecorder } from '@rebelcore/api-access/call-recorder';
import { CallSpool } from '@rebelcore/api-access/call-spool';
import type { Topic } from '@rebelcore/contracts/topics';
import { KafkaBatchStrategy, type KafkaBatchStrategyOptions } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import { createKafka } from '@rebelcore/messaging/kafka-client';
import { ViewFreshness } from '@rebelcore/messaging/project/freshness';
import { TopicReader } from '@rebelcore/messaging/topic-facts';
import { Projection } from '@rebelcore/messaging/project/projection';
import type { OnLoss } from '@rebelcore/messaging/project/topic-gaps';
import { KafkaPublisher } from '@rebelcore/messaging/publish/kafka-publisher';
import { Relay, type RelayOptions } from '@rebelcore/messaging/relay/relay';
import { Kafka } from 'kafkajs';
import { Pool } from 'pg';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { CONFIG, kafkaConnection, type StoringServiceConfig } from './config.js';
import { requireFewRights } from './database-rights.js';
import { BOUNDED_POOL, dataSourceOptions, openPool, poolOf, type DatabaseOptions } from './database.js';
import { HEALTH_CHECKS, HealthController, type HealthCheck } from './health.js';
import { createLogger, logModule } from './log.js';
import { databaseHealth, recordingHealth, relayHealth, viewHealth } from './service-health.js';
import { requireSupported } from './supported-database.js';
import { withUrgentLane } from './urgent-lane.js';

export interface ServiceModuleOptions {
  /** Short name: `token`. Log entries, calls, connections and the lead among relays carry it. */
  readonly name: string;
  readonly config: StoringServiceConfig;
  readonly database: Pick<DatabaseOptions, 'url' | 'entities'> & {
    /** Connections besides, for what is urgent, see {@link withUrgentLane}. */
    readonly urgentPoolSize?: number;
  };
  readonly view: ViewOptions;
  /** For a service that publishes through an outbox; a heartbeat tells readers how far that has come. */
  readonly outbox?: Pick<RelayOptions, 'heartbeat'> & {
    /** What says that the outbox is still the one that has published: a guard of the store behind it. */
    readonly guard?: (on: { pool: Pool; kafka: Kafka; logger: Logger }) => PublicationGuard;
  };
  /** What its health shows besides. */
  readonly health?: (pool: Pool) => readonly HealthCheck[];
}

export interface ViewOptions {
  /** With a version: `authorization-v1`. Its offsets are stored under this name. */
  readonly name: string;
  /** By default `service.view`. Tests, which share a cluster, have groups of their own. */
  readonly consumerGroup?: string | undefined;
  readonly gather?: KafkaBatchStrategyOptions['gather'];
  /** Told of records that the view will never see. Health and log name them in any case. */
  readonly onLoss?: OnLoss;
  /** For a view that is to know how current it is, by the heartbeats of identity. */
  readonly freshness?: {
    /** The topics it reads of which heartbeats tell. */
    readonly topics: readonly Topic[];
    /** Milliseconds: while the view is older it does not count as current. Without it the age is only shown. */
    readonly maxAgeMs?: number;
    /** The command that makes the view anew, for an operator. */
    readonly rebuild?: string;
    /** Where it says what is, and not what was: see `ViewFreshness`. */
    readonly eventTopic?: Topic;
  };
}

/** Whether what is behind the outbox still is what has published. Provided where a service names one. */
export abstract class PublicationGuard {
  /** Why nothing may be published, if nothing may. */
  abstract mayPublish(): Promise<string | undefined>;
  abstract close(): Promise<void>;
}

/** The producers, each connected with its first record and of its own: an answer must not wait behind a thousand records of the relay. */
class Publishers {
  readonly calls: KafkaPublisher;
  readonly outbox: KafkaPublisher;

  constructor(kafka: Kafka, logger: Logger) {
    this.calls = new KafkaPublisher(kafka, logger);
    this.outbox = new KafkaPublisher(kafka, logger);
  }

  async close(): Promise<void> {
    await Promise.all([this.calls.close(), this.outbox.close()]);
  }
}

/** Connections for the urgent lane, where a service has one. */
class ReservedPool {
  readonly pool: Pool | undefined;

  constructor({ url, urgentPoolSize }: ServiceModuleOptions['database'], name: string) {
    if (urgentPoolSize !== undefined)
      this.pool = openPool(url, { ...BOUNDED_POOL, application_name: name, max: urgentPoolSize });
  }
}

/**
 * What a service with a database stands on: pool, Kafka, a view kept by a consumer, the recording of calls, the outbox's
 * relay where there is one, and its health. Gives {@link Pool}, {@link Projection}, {@link Relay}, {@link ViewFreshness}
 * and the configuration, as {@link CONFIG}, to the module that imports it.
 */
@Module({})
export class ServiceModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly publishers: Publishers,
    private readonly recorder: CallRecorder,
    private readonly reserved: ReservedPool,
    @Optional() private readonly relay?: Relay,
    @Optional() private readonly freshness?: ViewFreshness,
    @Optional() private readonly guard?: PublicationGuard,
  ) {}

  static forRoot(options: ServiceModuleOptions): DynamicModule {
    const { name, config, database, view, outbox } = options;
    const logger = createLogger(name, config.LOG_LEVEL);
    return {
      module: ServiceModule,
      imports: [
        logModule(name, config.LOG_LEVEL),
        TypeOrmModule.forRoot(
          dataSourceOptions({ ...database, poolSize: config.DATABASE_POOL_SIZE, applicationName: name }),
        ),
      ],
      controllers: [HealthController],
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: ReservedPool, useFactory: () => new ReservedPool(database, name) },
        {
          provide: Pool,
          inject: [getDataSourceToken(), ReservedPool],
          useFactory: async (dataSource: DataSource, { pool }: ReservedPool) => {
            await requireSupported(poolOf(dataSource));
            await requireFewRights(poolOf(dataSource));
            return pool === undefined ? poolOf(dataSource) : withUrgentLane(poolOf(dataSource), pool);
          },
        },
        { provide: Kafka, useFactory: () => createKafka({ ...kafkaConnection(config), clientId: name, logger }) },
        { provide: Publishers, inject: [Kafka], useFactory: (kafka: Kafka) => new Publishers(kafka, logger) },
        ...callRecording(options, logger),
        ...(outbox === undefined ? [] : outboxRelay(options, logger)),
        ...viewFromKafka(options, logger),
        {
          provide: HEALTH_CHECKS,
          inject: [
            Pool,
            Projection,
            KafkaBatchStrategy,
            CallRecorder,
            { token: Relay, optional: true },
            { token: ViewFreshness, optional: true },
          ],
          useFactory: (
            pool: Pool,
            projection: Projection,
            strategy: KafkaBatchStrategy,
            recorder: CallRecorder,
            relay?: Relay,
            freshness?: ViewFreshness,
          ) => {
            const maxAgeMs = view.freshness?.maxAgeMs;
            return [
              databaseHealth(pool),
              ...(relay === undefined ? [] : [relayHealth(relay, pool)]),
              viewHealth({ view: view.name, projection, strategy, freshness, maxAgeMs }),
              recordingHealth(recorder),
              ...(options.health?.(pool) ?? []),
            ];
          },
        },
      ],
      exports: [
        CONFIG,
        Pool,
        Projection,
        ...(outbox === undefined ? [] : [Relay]),
        ...(outbox?.guard === undefined ? [] : [PublicationGuard]),
        ...(view.freshness === undefined ? [] : [ViewFreshness]),
      ],
    };
  }

  async onApplicationBootstrap(): Promise<void> {
    this.relay?.start();
    await this.freshness?.start();
  }

  /** After the consumer and HTTP, before the pool. At once, since a stop has ten seconds; publishers last, for they are needed till then. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.relay?.stop(), this.freshness?.stop(), this.recorder.close()]);
    await Promise.all([this.publishers.close(), this.guard?.close()]);
    await this.reserved.pool?.end();
  }
}

function callRecording({ name, config }: ServiceModuleOptions, logger: Logger): Provider[] {
  const onStateChange = (kafkaAway: boolean, err?: unknown) => {
    logger.warn({ kafkaAway, err }, kafkaAway ? 'calls are being spooled' : 'the spooled calls were delivered');
  };
  const onSetAside = (path: string) => {
    logger.error(
      { path },
      'records of calls were set aside: the broker will never take them from this service, or they cannot be read',
    );
  };
  return [
    {
      provide: CallRecorder,
      inject: [Publishers],
      useFactory: async ({ calls: publisher }: Publishers) => {
        const spool = await CallSpool.open(config.SPOOL_DIR, config.SPOOL_MAX_BYTES, name);
        return new CallRecorder({ service: name, publisher, spool, onStateChange, onSetAside });
      },
    },
  ];
}

function outboxRelay({ name, database, outbox }: ServiceModuleOptions, logger: Logger): Provider[] {
  const { heartbeat, guard } = outbox ?? {};
  return [
    ...(guard === undefined
      ? []
      : [
          {
            provide: PublicationGuard,
            inject: [Pool, Kafka],
            useFactory: (pool: Pool, kafka: Kafka) => guard({ pool, kafka, logger }),
          },
        ]),
    {
      provide: Relay,
      inject: [Pool, Kafka, Publishers, { token: PublicationGuard, optional: true }],
      useFactory: (pool: Pool, kafka: Kafka, { outbox: publisher }: Publishers, guarding?: PublicationGuard) => {
        const mayPublish = guarding && (() => guarding.mayPublish());
        return new Relay({
          heartbeat,
          pool,
          connectionString: database.url,
          publisher,
          kafka,
          name,
          logger,
          mayPublish,
        });
      },
    },
  ];
}

function viewFromKafka({ name, view }: ServiceModuleOptions, logger: Logger): Provider[] {
  const { name: viewName, consumerGroup: groupId = `${name}.${viewName}`, gather, freshness, onLoss } = view;
  return [
    {
      provide: Projection,
      inject: [Pool],
      useFactory: (pool: Pool) => new Projection({ pool, view: viewName, logger, onLoss }),
    },
    {
      provide: KafkaBatchStrategy,
      inject: [Kafka, Projection],
      useFactory: (kafka: Kafka, projection: Projection) =>
        new KafkaBatchStrategy({ kafka, groupId, offsets: projection.offsets(), logger, gather }),
    },
    ...(freshness === undefined
      ? []
      : [
          {
            provide: ViewFreshness,
            inject: [Pool, Kafka],
            useFactory: (pool: Pool, kafka: Kafka) => {
              const { topics, rebuild, eventTopic } = freshness;
              const topicReader = new TopicReader(kafka);
              return new ViewFreshness({ pool, view: viewName, topics, topicReader, rebuild, eventTopic, logger });
            },
          },
        ]),
  ];
}
