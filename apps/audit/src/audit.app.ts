import { CallRecorder } from '@rebelcore/api-access/call-recorder';
import { recordCalls } from '@rebelcore/api-access/record-calls.plugin';
import { KafkaBatchStrategy } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import type { ServiceOptions } from '@rebelcore/service/bootstrap';
import { ACTIVITY_GROUP } from './activity/activity.projector.js';
import type { AuditConfig } from './audit.config.js';
import { AuditModule } from './audit.module.js';

const DESCRIPTION =
  'The activity log: who did what inside one customer. Each event and each call stands in it exactly once, and nothing in it is ever changed. The bearer token is that of a portal session, as the gateway exchanges it.';

/** The service as `main` starts it, and as tests do. */
export const auditApp = (config: AuditConfig, consumerGroup = ACTIVITY_GROUP): ServiceOptions => ({
  name: 'audit',
  module: AuditModule.with(config, consumerGroup),
  host: config.HOST,
  port: config.PORT,
  trustedProxies: config.TRUSTED_PROXIES,
  description: DESCRIPTION,
  configure: (app) => {
    recordCalls(app.getHttpAdapter().getInstance(), {
      service: 'audit',
      recorder: app.get(CallRecorder),
      // What was granted changed nothing; what was refused is for the customer to know.
      when: (request, status) => status >= 400 && request.url.startsWith('/api/'),
    });
  },
  consumer: (app) => app.get(KafkaBatchStrategy),
});
