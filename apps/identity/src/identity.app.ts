import { KafkaBatchStrategy } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import type { ServiceOptions } from '@rebelcore/service/bootstrap';
import { refusedTokens } from '@rebelcore/service/config';
import { URGENT_HEADER } from '@rebelcore/service/correlation';
import { installCookies } from '@rebelcore/service/session-cookie';
import type { IsUrgent } from '@rebelcore/service/urgent-lane';
import { PortalSessionGuard } from './access/portal-session.guard.js';
import { EXCHANGE, isRecordedCall } from './http/recorded-calls.js';
import type { IdentityConfig } from './identity.config.js';
import { IdentityModule } from './identity.module.js';

const DESCRIPTION =
  'Customers, portal users, roles and API users. A portal user signs in with a session; the gateway exchanges the session for the bearer token that the addresses below take. Every write answers with the header `position`, which lists take as `?position=`.';

const STOP = '/api/v1/users/:id/deactivate';
const isEmergencyStop: IsUrgent = ({ routeOptions: { url }, headers }) =>
  url === STOP || (url === EXCHANGE && headers[URGENT_HEADER] === '1');

/** The service as `main` starts it, and as tests do, with a consumer group of their own. */
export const identityApp = (config: IdentityConfig, consumerGroup?: string): ServiceOptions => ({
  name: 'identity',
  module: IdentityModule.forRoot(config, consumerGroup),
  config,
  recordCalls: isRecordedCall,
  callers: PortalSessionGuard,
  refusedTokens: refusedTokens(config),
  isUrgent: isEmergencyStop,
  description: DESCRIPTION,
  configure: (app) => installCookies(app.getHttpAdapter().getInstance()),
  consumer: KafkaBatchStrategy,
});
