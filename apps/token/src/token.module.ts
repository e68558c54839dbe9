import { type DynamicModule, Logger, Module } from '@nestjs/common';
import { SigningKeyRing } from '@rebelcore/credentials/signing-key-ring';
import { FailureThrottle } from '@rebelcore/service/failure-throttle';
import { signingKeyRing } from '@rebelcore/service/signing-key-ring';
import { ServiceModule } from '@rebelcore/service/service.module';
import { Pool } from 'pg';
import { AuthorizationProjector } from './authorization/authorization.projector.js';
import { AUTHORIZATION } from './authorization/authorization.view.js';
import { ApiUserAuthentication, FAILURE_LIMITS } from './authorize/api-user-authentication.js';
import { AuthorizationLookup } from './authorize/authorization.lookup.js';
import { TokenIssuer } from './authorize/token-issuer.js';
import { UsedAssertions } from './authorize/used-assertions.js';
import { JwksController } from './keys/jwks.controller.js';
import { MetadataController } from './oauth/metadata.controller.js';
import type { TokenConfig } from './token.config.js';

const logger = new Logger('UsedAssertions');
const notSwept = (err: unknown) => {
  logger.warn({ err, msg: 'assertions that have expired could not be deleted' });
};

@Module({})
export class TokenModule {
  static forRoot(config: TokenConfig, consumerGroup?: string): DynamicModule {
    return {
      module: TokenModule,
      imports: [
        ServiceModule.forRoot({
          name: 'token',
          config,
          database: { url: config.TOKEN_DATABASE_URL },
          view: {
            name: AUTHORIZATION,
            consumerGroup,
            freshness: {
              topics: ['identity.events.v1', 'identity.credentials.v1'],
              maxAgeMs: config.AUTHORIZE_MAX_STALENESS * 1000,
              rebuild: 'npm run rebuild -- token',
              eventTopic: 'identity.events.v1',
            },
          },
          // Of acknowledgements; nobody reads heartbeats of those.
          outbox: {},
        }),
      ],
      controllers: [JwksController, MetadataController, AuthorizationProjector],
      providers: [
        ApiUserAuthentication,
        { provide: FailureThrottle, useFactory: () => new FailureThrottle(FAILURE_LIMITS) },
        { provide: AuthorizationLookup, inject: [Pool], useFactory: (pool: Pool) => new AuthorizationLookup(pool) },
        { provide: UsedAssertions, inject: [Pool], useFactory: (pool: Pool) => new UsedAssertions(pool, notSwept) },
        signingKeyRing(config),
        {
          provide: TokenIssuer,
          inject: [SigningKeyRing],
          useFactory: (keys: SigningKeyRing) => new TokenIssuer(keys, config.TOKEN_ISSUER, config.TOKEN_AUDIENCE),
        },
      ],
    };
  }
}
