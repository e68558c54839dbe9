import { type DynamicModule, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { SESSION_TOKENS, SessionGuard } from '@rebelcore/api-access/session.guard';
import { Bulkhead } from '@rebelcore/service/bulkhead';
import { createLogger } from '@rebelcore/service/log';
import { ServiceModule } from '@rebelcore/service/service.module';
import { Pool } from 'pg';
import { ActivityController } from './activity/activity.controller.js';
import { ActivityProjector } from './activity/activity.projector.js';
import { ACTIVITY_VIEW, ensureMonths } from './activity/activity.view.js';
import { ActivityQuery } from './activity/activity.query.js';
import { ActivityStreams } from './activity/stream/activity-streams.js';
import { ArrivalsQuery } from './activity/stream/arrivals.query.js';
import { StreamController } from './activity/stream/stream.controller.js';
import { UsageController } from './usage/usage.controller.js';
import { UsageKeeper } from './usage/usage.keeper.js';
import { UsageQuery } from './usage/usage.query.js';
import type { AuditConfig } from './audit.config.js';
import { tellOfLoss } from './activity/loss.js';
import { ExportController } from './export/export.controller.js';

@Module({})
export class AuditModule implements OnApplicationBootstrap {
  constructor(private readonly pool: Pool) {}

  static forRoot(config: AuditConfig, consumerGroup?: string): DynamicModule {
    const logger = createLogger('audit', config.LOG_LEVEL);
    return {
      module: AuditModule,
      imports: [
        ServiceModule.forRoot({
          name: 'audit',
          config,
          database: { url: config.AUDIT_DATABASE_URL },
          view: {
            name: ACTIVITY_VIEW,
            consumerGroup,
            freshness: { topics: ['identity.events.v1'], rebuild: 'npm run rebuild -- audit' },
            // A transaction for the calls of each few milliseconds would cost more than writing the calls down.
            gather: { bytes: 131_072, forMs: 200 },
            onLoss: tellOfLoss,
          },
        }),
      ],
      controllers: [ExportController, StreamController, ActivityController, UsageController, ActivityProjector],
      providers: [
        {
          provide: ActivityQuery,
          inject: [Pool],
          useFactory: (pool: Pool) => new ActivityQuery(pool, config.CURSOR_KEY),
        },
        {
          provide: ActivityStreams,
          inject: [Pool],
          useFactory: (pool: Pool) => new ActivityStreams(new ArrivalsQuery(pool), config.CURSOR_KEY, logger),
        },
        {
          provide: UsageQuery,
          inject: [Pool],
          useFactory: (pool: Pool) => new UsageQuery(pool, config.CURSOR_KEY),
        },
        {
          provide: UsageKeeper,
          inject: [Pool],
          useFactory: (pool: Pool) => new UsageKeeper(pool, logger),
        },
        // Of the lists of one customer, whichever they are: any may have to look through all that the customer has.
        { provide: Bulkhead, useFactory: () => new Bulkhead({ atOnce: 4, waitMs: 2_000 }) },
        SessionGuard,
        { provide: SESSION_TOKENS, useValue: { jwksUri: config.IDENTITY_JWKS_URL } },
      ],
    };
  }

  onApplicationBootstrap(): Promise<void> {
    return ensureMonths(this.pool);
  }
}
