import { type DynamicModule, Module } from '@nestjs/common';
import {
  API_USER_PERMISSIONS,
  API_USER_TOKENS,
  ApiUserGuard,
  type ApiUserTokens,
} from '@rebelcore/api-access/api-user.guard';
import { ViewFreshness } from '@rebelcore/messaging/project/freshness';
import { ServiceModule } from '@rebelcore/service/service.module';
import { Pool } from 'pg';
import { ApiUserView } from './customers/api-user.view.js';
import { CUSTOMERS, CustomerProjector } from './customers/customer.projector.js';
import { InferController } from './infer/infer.controller.js';
import { ResourceMetadataController } from './infer/resource-metadata.controller.js';
import { publicUrl, type InferenceConfig } from './inference.config.js';
import { SpecView } from './specs/spec.view.js';

@Module({})
export class InferenceModule {
  static forRoot(config: InferenceConfig, consumerGroup?: string): DynamicModule {
    const tokens: ApiUserTokens = {
      jwksUri: config.TOKEN_JWKS_URL,
      issuer: config.TOKEN_ISSUER,
      audience: config.TOKEN_AUDIENCE,
      publicUrl: publicUrl(config),
      resourceMetadata: `${publicUrl(config)}/.well-known/oauth-protected-resource/api/v1/infer`,
    };
    return {
      module: InferenceModule,
      imports: [
        ServiceModule.forRoot({
          name: 'inference',
          config,
          database: { url: config.INFERENCE_DATABASE_URL },
          view: {
            name: CUSTOMERS,
            consumerGroup,
            freshness: { topics: ['identity.events.v1'], rebuild: 'npm run rebuild -- inference' },
          },
        }),
      ],
      controllers: [InferController, ResourceMetadataController, CustomerProjector],
      providers: [
        ApiUserGuard,
        { provide: API_USER_TOKENS, useValue: tokens },
        {
          provide: API_USER_PERMISSIONS,
          inject: [Pool, ViewFreshness],
          useFactory: (pool: Pool, freshness: ViewFreshness) => new ApiUserView(pool, CUSTOMERS, freshness),
        },
        { provide: SpecView, inject: [Pool], useFactory: (pool: Pool) => new SpecView(pool) },
      ],
    };
  }
}
