import { type DynamicModule, Module } from '@nestjs/common';
import { API_USER_TOKENS, ApiUserGuard, type ApiUserTokens } from '@rebelcore/api-access/api-user.guard';
import { ServiceModule } from '@rebelcore/service/service.module';
import { Pool } from 'pg';
import { InferController } from './infer/infer.controller.js';
import type { InferenceConfig } from './inference.config.js';
import { SpecProjector } from './specs/spec.projector.js';
import { SPECS, SpecView } from './specs/spec.view.js';

@Module({})
export class InferenceModule {
  static forRoot(config: InferenceConfig, consumerGroup?: string): DynamicModule {
    const tokens: ApiUserTokens = {
      jwksUri: config.TOKEN_JWKS_URL,
      issuer: config.TOKEN_ISSUER,
      audience: config.TOKEN_AUDIENCE,
    };
    return {
      module: InferenceModule,
      imports: [
        ServiceModule.forRoot({
          name: 'inference',
          config,
          database: { url: config.INFERENCE_DATABASE_URL },
          view: { name: SPECS, consumerGroup },
        }),
      ],
      controllers: [InferController, SpecProjector],
      providers: [
        ApiUserGuard,
        { provide: API_USER_TOKENS, useValue: tokens },
        { provide: SpecView, inject: [Pool], useFactory: (pool: Pool) => new SpecView(pool) },
      ],
    };
  }
}
