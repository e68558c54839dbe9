import { KafkaBatchStrategy } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import type { ServiceOptions } from '@rebelcore/service/bootstrap';
import { installCookies } from '@rebelcore/service/session-cookie';
import { isRefusedCall } from './http/recorded-calls.js';
import type { IdentityConfig } from './identity.config.js';
import { IdentityModule } from './identity.module.js';

const DESCRIPTION =
  'Customers, portal users, roles and API users. A portal user signs in with a session; the gateway exchanges the session for the bearer token that the addresses below take. Every write answers with the header `position`, which lists take as `?position=`.';

/** The service as `main` starts it, and as tests do, with a consumer group of their own. */
export const identityApp = (config: IdentityConfig, consumerGroup?: string): ServiceOptions => ({
  name: 'identity',
  module: IdentityModule.forRoot(config, consumerGroup),
  config,
  recordCalls: isRefusedCall,
  description: DESCRIPTION,
  configure: (app) => installCookies(app.getHttpAdapter().getInstance()),
  consumer: KafkaBatchStrategy,
});
