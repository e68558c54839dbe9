import { type DynamicModule, Module } from '@nestjs/common';
import { HEALTH_CHECKS, HealthController } from '@rebelcore/service/health';
import { logModule } from '@rebelcore/service/log';
import { PORTAL_CONFIG, type PortalConfig } from './portal.config.js';
import { Services } from './services.js';

/** The gateway's own addresses; all others are handed on by proxy.ts. */
@Module({})
export class PortalModule {
  static with(config: PortalConfig): DynamicModule {
    return {
      module: PortalModule,
      imports: [logModule('portal', config.LOG_LEVEL)],
      controllers: [HealthController],
      providers: [
        { provide: PORTAL_CONFIG, useValue: config },
        Services,
        { provide: HEALTH_CHECKS, inject: [Services], useFactory: (services: Services) => services.healthChecks() },
      ],
    };
  }
}
