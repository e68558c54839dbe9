import { type DynamicModule, Module } from '@nestjs/common';
import { HEALTH_CHECKS, HealthController } from '@rebelcore/service/health';
import { logModule } from '@rebelcore/service/log';
import type { PortalConfig } from './portal.config.js';
import { Services } from './services.js';

/** The gateway's own addresses; all others are handed on by proxy.ts. */
@Module({})
export class PortalModule {
  static forRoot(config: PortalConfig): DynamicModule {
    const services = new Services(config);
    return {
      module: PortalModule,
      imports: [logModule('portal', config.LOG_LEVEL)],
      controllers: [HealthController],
      providers: [
        { provide: Services, useValue: services },
        { provide: HEALTH_CHECKS, useValue: services.healthChecks },
      ],
    };
  }
}
