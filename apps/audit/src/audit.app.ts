import { SessionGuard } from '@rebelcore/api-access/session.guard';
import { KafkaBatchStrategy } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import type { ServiceOptions } from '@rebelcore/service/bootstrap';
import { refusedTokens } from '@rebelcore/service/config';
import { isRefusedCall } from '@rebelcore/service/refused-calls';
import type { AuditConfig } from './audit.config.js';
import { AuditModule } from './audit.module.js';

const EXPORT = '/api/v1/activity/export';
const STREAM = '/api/v1/activity/stream';
const DESCRIPTION =
  'The activity log: who did what inside one customer. Each event and each call stands in it exactly once, and nothing in it is ever changed. The bearer token is that of a portal session, as the gateway exchanges it.';

/** The service as `main` starts it, and as tests do, with a consumer group of their own. */
export const auditApp = (config: AuditConfig, consumerGroup?: string): ServiceOptions => ({
  name: 'audit',
  module: AuditModule.forRoot(config, consumerGroup),
  config,
  // What was granted changed nothing; what was refused is for the customer to know, that the log left in a file, and that
  // somebody watches it. A stream that goes on where one has ended was opened before.
  recordCalls: (request, status) =>
    isRefusedCall(request, status) ||
    request.routeOptions.url === EXPORT ||
    (request.routeOptions.url === STREAM && request.streamGoesOn !== true),
  callers: SessionGuard,
  refusedTokens: refusedTokens(config),
  description: DESCRIPTION,
  consumer: KafkaBatchStrategy,
});
