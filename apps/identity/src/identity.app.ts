import { CallRecorder } from '@rebelcore/api-access/call-recorder';
import { recordCalls } from '@rebelcore/api-access/record-calls.plugin';
import { KafkaBatchStrategy } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import type { ServiceOptions } from '@rebelcore/service/bootstrap';
import { isRefusedCall } from './access/refused-calls.js';
import type { IdentityConfig } from './identity.config.js';
import { ENFORCEMENT_GROUP } from './enforcement/enforcement.projector.js';
import { IdentityModule } from './identity.module.js';

const DESCRIPTION =
  'Customers, portal users, roles and API users. A portal user signs in with a session; the gateway exchanges the session for the bearer token that the addresses below take. Every write answers with the header `position`, which lists take as `?position=`.';

/** The service as `main` starts it, and as tests do. */
export const identityApp = (config: IdentityConfig, consumerGroup = ENFORCEMENT_GROUP): ServiceOptions => ({
  name: 'identity',
  module: IdentityModule.with(config, consumerGroup),
  host: config.HOST,
  port: config.PORT,
  trustedProxies: config.TRUSTED_PROXIES,
  description: DESCRIPTION,
  configure: (app) => {
    const recorder = app.get(CallRecorder);
    recordCalls(app.getHttpAdapter().getInstance(), { service: 'identity', recorder, when: isRefusedCall });
  },
  consumer: (app) => app.get(KafkaBatchStrategy),
});
